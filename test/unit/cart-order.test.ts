/**
 * Law 2: any permutation, duplication or batching of the same events ends in the same state, schedule and rollups.
 * One currency: which of two a cart keeps is decided by whichever was acknowledged first, since the other was refused.
 */
import { describe, expect, it } from "vitest";
import { idHash } from "../../objects/cart/decide.ts";
import { examplesOf } from "../../objects/cart/examples.ts";
import { before, fold } from "../../objects/cart/fold.ts";
import { deltaOf } from "../../objects/cart/metrics.ts";
import { emptyFacts } from "../../objects/cart/state.ts";
import { timersOf } from "../../objects/cart/timers.ts";
import { summaryOf } from "../../objects/cart/view.ts";
import { addDelta, applyNews, bucketsOf, type KnownCart } from "../../objects/store/rollup.ts";
import type { CartNews, Delta, Entry } from "../../shared/events/messages.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import { DAY_MS, HOUR_MS } from "../../shared/time.ts";
import { canonical } from "../support/canonical.ts";
import { add, CartLife, event, messaged, mug, T0 } from "../support/cart-life.ts";
import { batches, randomEvents } from "../support/cart-random.ts";
import { type Random, random } from "../support/random.ts";

const SETS = 2_500;
const PERMUTATIONS = 4;

interface Ending {
  life: CartLife;
  entries: Entry[];
}

/** Gives the batches to a cart, all at the same moment, and notes what each adds to the counters. */
function play(given: readonly CartEvent[][], now: number, prefix: boolean): Ending {
  const life = new CartLife();
  if (prefix) messaged(life);
  const entries: Entry[] = [];
  for (const events of given) {
    const state = life.state;
    const { learned } = life.run({ type: "receive", now, events });
    const delta: Delta = deltaOf(state, life.state, 0);
    for (const { type } of learned) delta.events = { ...delta.events, [type]: (delta.events?.[type] ?? 0) + 1 };
    entries.push({ seq: entries.length + 1, at: now, delta });
  }
  return { life, entries };
}

/** All of a cart that must not depend on the order of arrival. */
const essence = ({ life }: Ending): unknown => ({
  facts: life.state.facts,
  status: life.state.process.status,
  generation: life.state.process.generation,
  closed: life.state.process.closed.map(({ attribution: _, ...closed }) => closed),
  effects: life.state.process.effects.map(({ id, status, dueAt }) => ({ id, status, dueAt })),
  timers: timersOf(life.state),
  prediction: life.state.prediction,
});

const sum = (entries: readonly Entry[]): Delta => entries.reduce<Delta>((all, { delta }) => addDelta(all, delta), {});

function same(actual: unknown, wanted: unknown, seed: number): void {
  if (canonical(actual) !== canonical(wanted)) expect(actual, `seed ${seed}`).toEqual(wanted);
}

/** The entries as the queue may bring them: batched, twice, in any order, told again until all are counted. */
function tell(entries: readonly Entry[], life: CartLife, chance: Random): { cart: KnownCart; fresh: Entry[] } {
  let cart: KnownCart | null = null;
  const fresh: Entry[] = [];
  for (let round = 0; round < entries.length + 1 && (cart?.seq ?? 0) < entries.length; round++) {
    const messages = batches(chance, entries);
    for (const told of chance.shuffle([...messages, ...messages.slice(0, 2)])) {
      const version = told.at(-1)!.seq;
      const summary = summaryOf(life.state, version, T0);
      const news: CartNews = {
        storeId: "s",
        cartId: "c",
        incarnation: T0,
        entries: told,
        summary,
        deliveries: [],
        index: true,
      };
      const applied = applyNews(cart, news);
      cart = applied.cart;
      fresh.push(...applied.fresh);
    }
  }
  return { cart: cart!, fresh };
}

describe("law 2: order does not matter", () => {
  it("for any set of events: permuted, doubled and batched they end in the same facts, status, timers and counters", () => {
    let played = 0;
    for (let seed = 0; seed < SETS; seed++) {
      const chance = random(seed);
      const prefix = chance.chance(0.3);
      const start = prefix ? T0 + 2 * HOUR_MS : T0;
      const events = randomEvents(chance, 1 + chance.below(10), start);
      const now = start + DAY_MS;
      const straight = play([events], now, prefix);
      for (let i = 0; i < PERMUTATIONS; i++) {
        const doubled = [...events, ...events.filter(() => chance.chance(0.3))];
        const other = play(batches(chance, chance.shuffle(doubled)), now, prefix);
        played += 1;
        same(essence(other), essence(straight), seed);
        same(sum(other.entries), sum(straight.entries), seed);
      }
    }
    expect(played).toBe(SETS * PERMUTATIONS);
  });

  it("the cart's own generation is always that of its facts", () => {
    for (let seed = 0; seed < 1_000; seed++) {
      const chance = random(seed + 50_000);
      const life = new CartLife();
      for (const events of batches(chance, randomEvents(chance, 14, T0))) {
        life.run({ type: "receive", now: T0 + DAY_MS, events });
        const { facts, process } = life.state;
        expect([process.generation, process.status === "purchased"], `seed ${seed}`).toEqual([
          facts.generation,
          facts.closedAt !== null,
        ]);
      }
    }
  });

  it("rollups come out the same however the queue delivers the news", () => {
    for (let seed = 0; seed < 500; seed++) {
      const chance = random(seed + 10_000);
      const { life, entries } = play(batches(chance, randomEvents(chance, 12, T0)), T0 + DAY_MS, false);
      const { cart, fresh } = tell(entries, life, chance);
      expect(cart.seq, `seed ${seed}`).toBe(entries.length);
      expect(cart.summary?.version).toBe(entries.length);
      same(Object.fromEntries(bucketsOf(fresh)), Object.fromEntries(bucketsOf(entries)), seed);
    }
  });

  it("breaks ties by id, so that the order of events is total", () => {
    const chance = random(7);
    const events = randomEvents(chance, 200, T0);
    for (const a of events) for (const b of events) if (a !== b) expect(before(a, b)).not.toBe(before(b, a));
  });

  it("hashes of ids do not collide in any cart we can think of", () => {
    const hashes = new Set(Array.from({ length: 100_000 }, (_, i) => idHash(`01J${i.toString(36)}`)));
    expect(hashes.size).toBe(100_000);
  });
});

describe("law 10: everything is bounded (compaction)", () => {
  const sorted = (events: readonly CartEvent[]) => [...events].sort((a, b) => (before(a, b) ? -1 : 1));

  it("does not change the facts when nothing late arrives", () => {
    for (let seed = 0; seed < 1_000; seed++) {
      const chance = random(seed + 20_000);
      const events = sorted(randomEvents(chance, 20, T0));
      const cut = chance.below(events.length);
      const base = JSON.parse(JSON.stringify(fold(emptyFacts(), events.slice(0, cut))));
      same(fold(base, events.slice(cut)), fold(emptyFacts(), events), seed);
    }
  });

  it("never reopens a bought cart, whatever arrived late", () => {
    for (let seed = 0; seed < 3_000; seed++) {
      const chance = random(seed + 30_000);
      const events = randomEvents(chance, 12, T0).map((e, i) => ({ ...e, at: e.at + i }));
      const whole = fold(emptyFacts(), sorted(events));
      const cut = chance.below(events.length);
      const compacted = fold(fold(emptyFacts(), sorted(events.slice(0, cut))), sorted(events.slice(cut)));
      if (whole.closedAt !== null) expect(compacted.closedAt, `seed ${seed}`).not.toBeNull();
    }
  });

  it("what happened before a compacted snapshot is history", () => {
    const snapshot = event("cart_updated", T0 + HOUR_MS, { items: [mug({ quantity: 2 })] });
    const base = fold(emptyFacts(), [snapshot]);
    const old = [event("cart_updated", T0, { items: [] }), add(T0 + 1), event("product_removed_from_cart", T0 + 2)];
    expect(fold(base, old).items).toEqual([mug({ quantity: 2 })]);
    expect(fold(base, [add(T0 + 2 * HOUR_MS)]).items).toEqual([mug({ quantity: 3 })]);
  });
});

/** A product whose price tells how often it is looked at: once and again for each time that its event is folded. */
function counting(): { item: ReturnType<typeof mug>; reads: () => number } {
  let count = 0;
  const item = mug();
  Object.defineProperty(item, "priceMinor", { enumerable: true, get: () => 1_250 + 0 * count++ });
  return { item, reads: () => count };
}

describe("a flood of late events", () => {
  const late = Array.from({ length: 100 }, (_, i) => event("product_viewed", T0 - i));

  it("is folded once a beacon, not once an event", () => {
    const { item, reads } = counting();
    const life = new CartLife();
    life.run({ type: "receive", now: T0, events: [event("product_viewed", T0, { item })] });
    const once = reads();
    life.run({ type: "receive", now: T0, events: late });
    expect(reads()).toBe(2 * once);
  });

  it("is folded once a row where the log is read back for examples", () => {
    const { item, reads } = counting();
    const { state } = new CartLife();
    const row = (seq: number, events: CartEvent[]) => ({ seq, at: T0, entry: { events, delta: {} } });
    examplesOf(state, [row(1, [event("product_viewed", T0, { item })])], 1);
    const once = reads();
    examplesOf(state, [row(1, [event("product_viewed", T0, { item })]), row(2, late)], 1);
    expect(reads()).toBe(3 * once);
  });
});
