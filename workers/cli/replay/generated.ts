/** A made-up clickstream for when no file is given: the visits of the demo shop's simulated shoppers. */
import { planShopper } from "../shop/plan.ts";
import type { Row } from "./events.ts";

const SHOPPERS = 200;
const ARRIVAL_MS = 3_000;

export function* generated(seed = 1, shoppers = SHOPPERS): Generator<Row> {
  for (let number = 1; number <= shoppers; number++) {
    const { visitorId, cartId, sessionId, beacons, context } = planShopper(number, `sim${seed}`, seed);
    let at = number * ARRIVAL_MS;
    let count = 0;
    for (const { pauseMs, events } of beacons) {
      at += pauseMs;
      for (const { type, data } of events) {
        const body = { type, version: 1, cartId, visitorId, sessionId, data, context };
        yield { ok: true, event: { id: `${visitorId}-${++count}`, session: cartId, at, body } };
      }
    }
  }
}
