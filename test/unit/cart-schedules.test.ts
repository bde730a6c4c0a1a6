/**
 * Laws 3, 4, 5, 7 and 8 under random schedules: beacons, orders, alarms, queues, senders and evictions in any order.
 * What this does not prove: that the shell (cart.ts) commits before it acts; the actor and system suites do.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { replay } from "../../objects/cart/explain.ts";
import { Schedule, type Tally } from "../support/cart-schedule.ts";
import { random } from "../support/random.ts";

const INTERLEAVINGS = 10_000;
const STEPS = 40;

const tally: Tally = {
  commands: 0,
  events: 0,
  orders: 0,
  alarms: 0,
  evictions: 0,
  handovers: 0,
  claims: 0,
  claimsRefused: 0,
  sent: 0,
  raced: 0,
  refusedByProvider: 0,
  unknownAnswers: 0,
  lostAnswers: 0,
  holds: 0,
};
const violations: string[] = [];
const unexplained: string[] = [];

/** The log run again must say what was said then, and end where the cart is. */
function explainable({ shell }: Schedule, seed: number): void {
  const { state } = shell;
  const again = replay(shell.log(), { storeId: state.storeId, cartId: state.cartId, state });
  const wrong = again.steps.find((s) => !s.confirmed);
  if (wrong) unexplained.push(`seed ${seed}: ${wrong.command} at row ${wrong.seq}`);
  const [then, now] = [again.state, state].map(({ facts, process }) => JSON.stringify([facts, process]));
  if (then !== now) unexplained.push(`seed ${seed}: another ending`);
}

beforeAll(() => {
  for (let seed = 0; seed < INTERLEAVINGS; seed++) {
    const schedule = new Schedule(random(seed), tally);
    for (let i = 0; i < STEPS; i++) schedule.step();
    if (seed % 4 === 0) explainable(schedule, seed);
    schedule.runOut();
    if (seed % 4 === 1) explainable(schedule, seed);
    violations.push(...schedule.violations.map((what) => `seed ${seed}: ${what}`));
  }
  console.log(`${INTERLEAVINGS} interleavings`, JSON.stringify(tally));
}, 180_000);

const about = (text: RegExp): string[] => violations.filter((v) => text.test(v)).slice(0, 5);

describe("laws 3, 4, 5, 7 and 8 hold in every interleaving", () => {
  it("law 3: no claim succeeds after an acknowledged order", () => {
    expect(about(/after the order/)).toEqual([]);
  });

  it("law 3: a send claimed before the order and finished after it is raced, and no other is", () => {
    expect(about(/ is \w+, not (sent|raced)/)).toEqual([]);
    expect(tally.raced).toBeGreaterThan(100);
  });

  it("law 4: no effect is claimed again unless it surely failed, or the provider honours the key", () => {
    expect(about(/second|planned twice/)).toEqual([]);
    expect(tally.claims).toBeGreaterThan(INTERLEAVINGS / 2);
  });

  it("law 5: nothing is claimed for an empty cart or against the shopper's word", () => {
    expect(about(/empty|consent/)).toEqual([]);
  });

  it("law 7: the alarm is never later than the earliest timer, never spins, and every cart ends", () => {
    expect(about(/alarm|wakes/)).toEqual([]);
  });

  it("law 7: every planned message ends up sent, parked, cancelled or given up, visibly", () => {
    expect(about(/lost/)).toEqual([]);
  });

  it("law 8: the log replayed gives the same decisions and the same state", () => {
    expect(unexplained.slice(0, 5)).toEqual([]);
  });

  it("memory may vanish at any moment without a difference", () => {
    expect(about(/eviction/)).toEqual([]);
    expect(violations.slice(0, 5)).toEqual([]);
  });
});
