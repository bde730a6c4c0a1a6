/** When a silence of orders counts as a lost signal, and how rarely it does in shops that are well. */
import { describe, expect, it } from "vitest";
import {
  factsOf,
  type HourFacts,
  heard,
  lossOf,
  MEMORY_MS,
  nextSignal,
  PAYMENTS_WITHOUT_ORDER,
  type SignalState,
  SOUND,
} from "../../objects/store/signal.ts";
import type { Delta, Entry } from "../../shared/events/messages.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { type Random, random } from "../support/random.ts";

/** A Monday, midnight UTC. */
const T0 = Date.UTC(2031, 4, 5);
const entry = (at: number, delta: Delta): Entry => ({ seq: 1, at, delta });
const payments = (n: number): Delta => ({ events: { payment_info_submitted: n } });

describe("payments without an order", () => {
  const after = (...entries: Entry[]): HourFacts[] => heard([], entries, T0 + 2 * HOUR_MS);
  it.each<[string, Entry[], "payments" | null]>([
    ["one too few", [entry(T0, { orders: 1 }), entry(T0 + HOUR_MS, payments(PAYMENTS_WITHOUT_ORDER - 1))], null],
    ["enough", [entry(T0, { orders: 1 }), entry(T0 + HOUR_MS, payments(PAYMENTS_WITHOUT_ORDER))], "payments"],
    ["enough within the order's own hour", [entry(T0, { orders: 1 }), entry(T0 + 1, payments(20))], "payments"],
    [
      "an order between them",
      [entry(T0, payments(99)), entry(T0 + 1, { orders: 1 }), entry(T0 + 2, payments(3))],
      null,
    ],
    [
      "over several hours",
      [entry(T0, { orders: 1 }), entry(T0 + 1, payments(12)), entry(T0 + HOUR_MS, payments(8))],
      "payments",
    ],
    ["no order that is remembered", [entry(T0, payments(20))], "payments"],
    ["a day ago", [entry(T0 - DAY_MS, payments(99)), entry(T0, payments(19))], null],
    ["told late, of an hour before the order", [entry(T0 + HOUR_MS, { orders: 1 }), entry(T0, payments(99))], null],
    ["nothing at all", [], null],
  ])("%s", (_, entries, expected) => expect(lossOf(after(...entries), T0 + 2 * HOUR_MS)).toBe(expected));

  it("from a bucket, payments beside an order count for nothing: which came first is not known", () => {
    expect(factsOf(T0, { orders: 1, ...payments(99) })).toMatchObject({ orders: 1, events: 99, payments: 0 });
  });
});

describe("hours", () => {
  it("are the same whatever order their entries came in, but for payments", () => {
    const entries = [0, 5, 1, 3, 1, 5, 9].map((h) =>
      entry(T0 + h * HOUR_MS + 7, { orders: 1, events: { page_viewed: h } }),
    );
    const sorted = heard([], entries, T0 + DAY_MS);
    expect(sorted.map(({ start }) => start)).toEqual([0, 1, 3, 5, 9].map((h) => T0 + h * HOUR_MS));
    expect(heard([], entries.toReversed(), T0 + DAY_MS)).toEqual(sorted);
    expect(entries.reduce((hours, one) => heard(hours, [one], T0 + DAY_MS), [] as HourFacts[])).toEqual(sorted);
  });

  it("are forgotten in the end", () => {
    const hours = heard([], [entry(T0, { orders: 1 })], T0);
    expect(heard(hours, [entry(T0 + MEMORY_MS + HOUR_MS, {})], T0 + MEMORY_MS + HOUR_MS)).toHaveLength(1);
  });
});

/** The share of a week's visits in each of its hours: a shop by day, half as busy on weekends, asleep from 23 to 7. */
const habit = Array.from({ length: 168 }, (_, hour) => {
  const [day, clock] = [Math.floor(hour / 24), hour % 24];
  if (clock < 7 || clock >= 23) return 0;
  return (day >= 5 ? 0.5 : 1) * Math.sin((Math.PI * (clock - 6)) / 17);
});
const total = habit.reduce((sum, share) => sum + share, 0);

interface Shop {
  /** Orders and events in a usual week. */
  orders: number;
  events: number;
  /** How much days differ, in the log of visits and of the share that buys. */
  spread?: number;
  habit?: readonly number[];
}

const normal = (dice: Random): number =>
  Math.sqrt(-2 * Math.log(1 - dice.unit())) * Math.cos(2 * Math.PI * dice.unit());

function poisson(dice: Random, mean: number): number {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(dice)));
  const limit = Math.exp(-mean);
  let n = 0;
  for (let p = dice.unit(); p > limit; p *= dice.unit()) n += 1;
  return n;
}

/** So many weeks of a shop that is well, hour by hour. */
function* life(shop: Shop, weeks: number, dice: Random): Generator<HourFacts> {
  const { spread = 0.25, habit: shares = habit } = shop;
  const sum = shares === habit ? total : shares.reduce((all, share) => all + share, 0);
  let [visits, buying] = [1, 1];
  for (let hour = 0; hour < weeks * 168; hour++) {
    if (hour % 24 === 0) [visits, buying] = [Math.exp(spread * normal(dice)), Math.exp(spread * normal(dice))];
    const share = (shares[hour % 168]! / sum) * visits;
    const facts = { start: T0 + hour * HOUR_MS, payments: 0 };
    yield { ...facts, orders: poisson(dice, shop.orders * share * buying), events: poisson(dice, shop.events * share) };
  }
}

/** Adds an hour, and judges at its end when it had no order, else just before its first one may have come. */
function judged(known: HourFacts[], hour: HourFacts): string | null {
  const { orders, events } = hour;
  known.push({ ...hour, orders: 0, events: Math.round(events / (orders + 1)) });
  if (known[0]!.start <= hour.start - MEMORY_MS) known.shift();
  const loss = lossOf(known, hour.start + HOUR_MS / (orders + 1));
  known[known.length - 1] = hour;
  return loss;
}

describe("a silence", () => {
  const steady = (weeks: number, perHour: number): HourFacts[] =>
    Array.from({ length: weeks * 168 }, (_, h) => ({
      start: T0 + h * HOUR_MS,
      orders: perHour,
      events: 100,
      payments: 0,
    }));
  const silence = (from: number, hours: number, events = 100): HourFacts[] =>
    Array.from({ length: hours }, (_, h) => ({ start: from + h * HOUR_MS, orders: 0, events, payments: 0 }));
  const judge = (before: HourFacts[], hours: number, events = 100) => {
    const begun = before.at(-1)!.start + HOUR_MS;
    return lossOf([...before, ...silence(begun, hours, events)], begun + hours * HOUR_MS);
  };

  it.each<[string, number, number, number, number, "silence" | null]>([
    // weeks, orders an hour, hours of silence, events an hour meanwhile
    ["four weeks, ten an hour, five hours", 4, 10, 5, 100, "silence"], // 4 · 10 · ln(5/4) · 5 = 44.6 > ln(1680 / 0.001) = 14.3
    ["too short", 4, 10, 1, 100, null], // 8.9
    ["nobody visits", 4, 10, 5, 0, null],
    ["a tenth visits", 4, 10, 5, 10, null], // 4 · 10 · ln(1 + 10/400) · 5 = 4.9
    ["bots flood it", 4, 1, 5, 100_000, null], // by time 4 · ln(5/4) · 5 = 4.5
    ["one week is no habit", 1, 10, 24, 100, null],
    ["two weeks are", 2, 10, 5, 100, "silence"],
    ["nine weeks: the last four count", 9, 10, 5, 100, "silence"],
  ])("%s", (_, weeks, perHour, hours, events, expected) => {
    expect(judge(steady(weeks, perHour), hours, events)).toBe(expected);
  });

  it("grows with the part of the hour that went by", () => {
    const before = steady(4, 30);
    const begun = before.at(-1)!.start + HOUR_MS;
    const at = (minute: number) => lossOf([...before, ...silence(begun, 1)], begun + minute * MINUTE_MS);
    expect([at(5), at(59)]).toEqual([null, "silence"]); // 120 · ln(1 + 1/48) = 2.5; 120 · ln(1 + 59/240) = 26
  });

  it("at night, and on the day the shop is closed, is none", () => {
    const closed = habit.map((share, hour) => (hour >= 144 ? 0 : share));
    // Visitors come on Sundays and by night too: they only never buy then.
    const hours = [...life({ orders: 2_000, events: 0, spread: 0, habit: closed }, 4, random(1))].map((h) => ({
      ...h,
      events: 200,
    }));
    const saturday = hours.findLast(({ orders }) => orders > 0)!;
    const wait = (until: number) =>
      lossOf(
        hours
          .slice(0, hours.indexOf(saturday) + 1)
          .concat(silence(saturday.start + HOUR_MS, (until - saturday.start) / HOUR_MS - 1, 200)),
        until,
      );
    expect(wait(T0 + 28 * DAY_MS + 7 * HOUR_MS)).toBeNull(); // Monday, 7:00: 32 hours without an order
    expect(wait(T0 + 28 * DAY_MS + 12 * HOUR_MS)).toBe("silence");
  });
});

describe("false alarms", () => {
  it("in 1,000 weeks of shops that are well are rare, and a lost signal is found within a day's orders", () => {
    const WEEKS = 1_000;
    const RUN = 50;
    const lines: string[] = [];
    let alarms = 0;
    for (const [i, orders] of [30, 100, 300, 1_000, 5_000].entries()) {
      const shop = { orders, events: orders * 60 };
      let found = 0;
      for (let run = 0; run < WEEKS / 5 / RUN; run++) {
        const dice = random(1_000 * i + run);
        const known: HourFacts[] = [];
        let isLost = false;
        for (const hour of life(shop, RUN + 4, dice)) {
          const alarm = judged(known, hour) !== null;
          if (alarm && !isLost && hour.start >= T0 + 28 * DAY_MS) found += 1;
          isLost = alarm;
        }
      }
      lines.push(`${orders} orders a week: ${found} in ${WEEKS / 5} weeks, found after ${foundAfter(shop)} h`);
      alarms += found;
    }
    process.stdout.write(`order signal: ${alarms} false alarms in ${WEEKS} healthy weeks (${lines.join("; ")})\n`);
    expect(alarms).toBeLessThanOrEqual(WEEKS / 100);
  }, 120_000);

  /** Hours until the loss is seen, from a Tuesday morning; the median of nine shops. */
  function foundAfter(shop: Shop): number {
    const waits = Array.from({ length: 9 }, (_, run) => {
      const known: HourFacts[] = [];
      const lostAt = T0 + 29 * DAY_MS + 9 * HOUR_MS;
      for (const hour of life(shop, 7, random(77 + run))) {
        const loss = judged(known, hour.start < lostAt ? hour : { ...hour, orders: 0 });
        if (hour.start >= lostAt && loss) return (hour.start + HOUR_MS - lostAt) / HOUR_MS;
      }
      return Number.POSITIVE_INFINITY;
    });
    return waits.sort((a, b) => a - b)[4]!;
  }
});

describe("what was concluded", () => {
  const lost = heard([], [entry(T0, payments(20))], T0);
  const well = heard([], [entry(T0, { orders: 1 })], T0);
  const state: SignalState = { lost: { since: T0, why: "payments" }, overriddenUntil: 0 };
  const judge = (before: SignalState, hours: HourFacts[], heardOrder: boolean, now = T0) =>
    nextSignal(before, hours, { heardOrder, now });

  it("is lost once, and not anew", () => {
    expect(judge(SOUND, lost, false)).toEqual(state);
    expect(judge(state, lost, false, T0 + 1)).toBe(state);
    expect(judge(state, lost, true, T0 + 1)).toBe(state);
  });
  it("stays lost when shoppers leave, until an order is heard of", () => {
    expect(judge(state, [], false, T0 + 9 * DAY_MS)).toBe(state);
    expect(judge(state, well, true)).toEqual(SOUND);
  });
  it("is not lost while a merchant says so", () => {
    const overridden = { lost: null, overriddenUntil: T0 + DAY_MS };
    expect(judge(overridden, lost, false, T0 + DAY_MS - 1)).toBe(overridden);
    expect(judge(overridden, lost, false, T0 + DAY_MS).lost).not.toBeNull();
  });
  it("says nothing of what did not change", () => expect(judge(SOUND, well, true)).toBe(SOUND));
});
