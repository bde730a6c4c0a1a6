/**
 * Shoppers' sessions on new carts, with every billed operation counted: creating the cart, its beacons at a shopper's
 * pace, what the queue consumer does with them, and the wake-ups that tell the rest and confirm what was counted.
 */
import { sleep } from "../../workers/cli/command.ts";
import type { Contender } from "./contender.ts";
import { inspectCarts } from "./files.ts";
import type { Batch } from "./ingest.ts";
import { runLoad } from "./load.ts";
import { openStore } from "./merchant.ts";
import { Shoppers } from "./shoppers.ts";

const CARTS = 200;
export const SESSION_EVENTS = 20;
/** Between two beacons of a cart. */
const PACE_MS = 2_200;

export const sessionSeconds = (batch: number): number => (SESSION_EVENTS / batch) * (PACE_MS / 1000) + 9;

export interface Operations {
  batch: Batch;
  events: number;
  beacons: number;
  carts: number;
  /** Counted by the metering Worker, between the first beacon and the last confirmation. */
  counts: Record<string, number>;
  /** What the product itself says (`/v1/usage`), and what its files hold. */
  usageRows: number;
  logRows: number;
  loggedRows: number;
}

/** Runs on the metering Worker, which is stopped afterwards. */
export async function countSessions(contender: Contender, batch: Batch): Promise<Operations> {
  try {
    const merchant = await openStore(contender.url);
    const counts = async () => (await (await fetch(`${contender.url}/bench/counts`)).json()) as Record<string, number>;
    const before = await counts();
    const shoppers = new Shoppers(`sessions-${batch}`, batch);
    const carts = Array.from({ length: CARTS }, (_, i) => `c-${i}`);
    const steps = SESSION_EVENTS / batch;
    for (let step = 0; step < steps; step++) {
      const until = performance.now() + PACE_MS;
      const waiting = carts.map((cart) => shoppers.of(cart, batch));
      await runLoad({ url: merchant.beacons, clients: 16, next: () => waiting.pop() ?? null });
      await sleep(Math.max(0, until - performance.now()));
    }
    await contender.settle();
    const names = carts.map((cart) => `${merchant.storeId}/${cart}`);
    // At the end of a lease a cart tells what it had gathered; at the end of the next one that is confirmed.
    for (const _ of ["told", "confirmed"]) {
      const woken = await fetch(`${contender.url}/bench/wake`, { method: "POST", body: JSON.stringify(names) });
      if (!woken.ok) throw new Error(`the carts did not wake: ${woken.status} ${await woken.text()}`);
      await contender.settle();
    }
    const after = await counts();
    const usage = await merchant.usage();
    await contender.stop();
    const files = inspectCarts(contender.state);
    const events = CARTS * SESSION_EVENTS;
    if (usage.events.accepted !== events) throw new Error(`the store counted ${usage.events.accepted} of ${events}`);
    return {
      batch,
      events,
      beacons: CARTS * steps,
      carts: CARTS,
      counts: Object.fromEntries(Object.entries(after).map(([key, n]) => [key, n - (before[key] ?? 0)])),
      usageRows: usage.rowsWritten,
      logRows: files.logRows,
      loggedRows: files.countedRows,
    };
  } finally {
    await contender.stop();
  }
}
