/**
 * What the prediction adds to an event: sessions of shoppers are told to the cart's own decision, event by event, once with
 * the model and its reasons and once without, in turn.
 */
import { decide } from "../../objects/cart/decide.ts";
import { emptyState } from "../../objects/cart/state.ts";
import { parseEvent } from "../../shared/events/schema.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import { FEATURE_NAMES } from "../../shared/model/features.ts";
import { NO_PREDICTION, type Predictor, predictorOf } from "../../shared/model/prediction.ts";
import { compile } from "../../shared/model/scorer.ts";
import { compileRules, DEFAULT_CAMPAIGN, settingsSchema } from "../../shared/policy/rules.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { largeModel } from "./predict-trees.ts";
import { SESSION_EVENTS } from "./sessions.ts";
import { Shoppers } from "./shoppers.ts";

const CARTS = 200;
/** Between two events of a shopper. */
const PACE_MS = 20 * SECOND_MS;

export interface EventResult {
  /** Microseconds of processor time an event, as the build's are told; one of each round. */
  with: number[];
  without: number[];
}

const rules = compileRules(
  settingsSchema.parse({ name: "Bench", url: "https://shop.example", currency: "EUR", timezone: "Europe/Berlin" }),
  [{ ...DEFAULT_CAMPAIGN, id: "cmp", version: 1, createdAt: 0, updatedAt: 0 }],
  1,
);

/** Sessions as the ingest benchmark sends them, parsed as the edge parses them. */
function sessions(now: number): CartEvent[][] {
  const shoppers = new Shoppers("predict");
  return Array.from({ length: CARTS }, (_, cart) =>
    Array.from({ length: SESSION_EVENTS }, (_, i) => {
      const at = now + i * PACE_MS;
      const body = { ...JSON.parse(shoppers.of(`c-${cart}`, 1).body), occurredAt: new Date(at).toISOString() };
      const parsed = parseEvent(body, at, 0, "EUR");
      if (!parsed.ok) throw new Error(`an event is not valid: ${JSON.stringify(parsed.errors)}`);
      return parsed.value.event;
    }),
  );
}

/** Every session from its first event to its last; the sum of the last probabilities, which says what scored. */
function play(all: CartEvent[][], predict: Predictor): number {
  let sum = 0;
  all.forEach((events, cart) => {
    let state = emptyState("st_bench", `c-${cart}`, rules);
    for (const event of events)
      state = decide(state, { type: "receive", now: event.receivedAt, events: [event] }, rules, predict).state;
    sum += state.prediction.purchaseProbability;
  });
  return sum;
}

export function raceEvents(rounds: number, secondsEach: number, step: () => void): EventResult {
  const all = sessions(Date.UTC(2031, 4, 6, 10));
  const model = predictorOf(compile(largeModel([...FEATURE_NAMES])), "bench");
  const nothing: Predictor = () => NO_PREDICTION;
  if (play(all, nothing) !== 0 || !(play(all, model) > 0)) throw new Error("the carts were not scored by the model");
  const result: EventResult = { with: [], without: [] };
  for (let round = 0; round < rounds; round++)
    for (const kind of round % 2 ? (["without", "with"] as const) : (["with", "without"] as const)) {
      const predict = kind === "with" ? model : nothing;
      const until = performance.now() + secondsEach * 1000;
      const from = process.cpuUsage();
      let passes = 0;
      for (; performance.now() < until; passes++) play(all, predict);
      const { user, system } = process.cpuUsage(from);
      result[kind].push((user + system) / (passes * CARTS * SESSION_EVENTS));
      step();
    }
  return result;
}
