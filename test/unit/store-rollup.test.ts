import { describe, expect, it } from "vitest";
import {
  addDelta,
  applyNews,
  bucketsOf,
  emptyGauges,
  type Gauges,
  type KnownCart,
  moveGauges,
} from "../../objects/store/rollup.ts";
import type { CartNews, CartSummary, Delta, Entry } from "../../shared/events/messages.ts";
import type { CartStatus } from "../../shared/views.ts";
import { canonical } from "../support/canonical.ts";
import { batches } from "../support/cart-random.ts";
import { type Random, random } from "../support/random.ts";

const summary = (version: number, over: Partial<CartSummary> = {}): CartSummary => ({
  version,
  status: "active",
  itemCount: 1,
  totalMinor: 1_000,
  currency: "EUR",
  shopperId: "v_1",
  email: null,
  name: null,
  abandonmentRisk: 0.5,
  createdAt: 1,
  lastActivityAt: 1,
  abandonedAt: null,
  recoveredAt: null,
  wakesAt: null,
  order: null,
  ...over,
});

const entry = (seq: number, delta: Delta = { orders: 1 }): Entry => ({ seq, at: seq * 1_000, delta });

const news = (entries: Entry[], version: number, over: Partial<CartNews> = {}): CartNews => ({
  storeId: "st_1",
  cartId: "c",
  incarnation: 1,
  entries,
  summary: summary(version),
  deliveries: [],
  index: true,
  ...over,
});

const seqs = (entries: Entry[]): number[] => entries.map((e) => e.seq);

describe("law 1: nothing counts twice", () => {
  it("the same news twice counts once", () => {
    const told = news([entry(1), entry(2)], 2);
    const first = applyNews(null, told);
    expect([seqs(first.fresh), first.moved, first.cart.seq]).toEqual([[1, 2], true, 2]);
    const second = applyNews(first.cart, told);
    expect([seqs(second.fresh), second.moved, second.cart]).toEqual([[], false, first.cart]);
  });

  it("news that overlap count what is new in them", () => {
    const { cart } = applyNews(null, news([entry(1), entry(2)], 2));
    expect(seqs(applyNews(cart, news([entry(2), entry(3)], 3)).fresh)).toEqual([3]);
  });

  it("an entry that would leave a gap waits, though its summary is already shown", () => {
    const { cart } = applyNews(null, news([entry(1)], 1));
    const ahead = applyNews(cart, news([entry(3), entry(4)], 4));
    expect([seqs(ahead.fresh), ahead.moved, ahead.cart.seq, ahead.cart.summary?.version]).toEqual([[], true, 1, 4]);
    const told = applyNews(ahead.cart, news([entry(2), entry(3), entry(4)], 4));
    expect([seqs(told.fresh), told.moved, told.cart.seq]).toEqual([[2, 3, 4], false, 4]);
  });

  it("an older summary does not undo a newer one", () => {
    const { cart } = applyNews(null, news([], 5));
    expect(applyNews(cart, news([], 4))).toMatchObject({ moved: false, cart: { summary: { version: 5 } } });
  });

  it("a cart that was forgotten and came back counts from its first row again", () => {
    const { cart } = applyNews(null, news([entry(1), entry(2)], 2));
    const reborn = applyNews(cart, news([entry(1)], 1, { incarnation: 9 }));
    expect([seqs(reborn.fresh), reborn.moved, reborn.cart.seq, reborn.cart.summary?.version]).toEqual([
      [1],
      true,
      1,
      1,
    ]);
    const ghost = applyNews(reborn.cart, news([entry(3)], 3));
    expect([seqs(ghost.fresh), ghost.moved, ghost.cart]).toEqual([[], false, reborn.cart]);
  });
});

describe("sums", () => {
  it("add what both have and keep what one has", () => {
    const sum = addDelta(
      { orders: 1, events: { page_viewed: 2 }, revenue: { EUR: 5 } },
      { orders: 2, rows: 1, events: { page_viewed: 1, cart_viewed: 1 }, revenue: { USD: 7 } },
    );
    expect(sum).toEqual({
      orders: 3,
      rows: 1,
      events: { page_viewed: 3, cart_viewed: 1 },
      revenue: { EUR: 5, USD: 7 },
    });
  });

  it("a count taken back is gone, not left standing", () => {
    expect(addDelta({ recovered: 1 }, { recovered: -1 }).recovered ?? 0).toBe(0);
  });

  it("touch neither of what they add", () => {
    const a: Delta = { revenue: { EUR: 1 } };
    addDelta(a, { revenue: { EUR: 2 } });
    expect(a).toEqual({ revenue: { EUR: 1 } });
  });

  it("fall into their minute, hour and day", () => {
    const at = Date.UTC(2026, 0, 2, 3, 4, 5);
    const keys = [...bucketsOf([{ seq: 1, at, delta: { orders: 1 } }]).keys()];
    expect(keys).toEqual([
      `minute/${Date.UTC(2026, 0, 2, 3, 4)}`,
      `hour/${Date.UTC(2026, 0, 2, 3)}`,
      `day/${Date.UTC(2026, 0, 2)}`,
    ]);
  });
});

describe("gauges", () => {
  it("move with a cart from status to status, and back to nothing when it is forgotten", () => {
    const active = summary(1);
    const left = summary(2, { status: "abandoned", totalMinor: 2_000 });
    const gauges = moveGauges(moveGauges(emptyGauges(), null, active), active, left);
    expect(gauges).toEqual({
      carts: { active: 0, abandoned: 1 },
      value: { active: { EUR: 0 }, abandoned: { EUR: 2_000 } },
    });
    expect(moveGauges(gauges, left, null).carts.abandoned).toBe(0);
  });
});

/** The store's tables in memory: what Counters keeps. */
class Tables {
  carts = new Map<string, KnownCart>();
  gauges: Gauges = emptyGauges();
  total: Delta = {};

  apply(told: CartNews): void {
    const known = this.carts.get(told.cartId) ?? null;
    const { cart, fresh, moved } = applyNews(known, told);
    if (moved) this.gauges = moveGauges(this.gauges, known?.summary ?? null, cart.summary);
    for (const { delta } of fresh) this.total = addDelta(this.total, delta);
    this.carts.set(told.cartId, cart);
  }

  recount(): Gauges {
    return [...this.carts.values()].reduce((all, { summary: s }) => moveGauges(all, null, s), emptyGauges());
  }
}

const STATUSES: CartStatus[] = ["active", "abandoned", "recovering", "purchased", "recovered", "expired"];

/** A cart's life as messages: each carries a run of entries and the summary as of its last. */
function messagesOf(chance: Random, cartId: string, incarnation: number): CartNews[] {
  const entries = Array.from({ length: 1 + chance.below(10) }, (_, i) =>
    entry(i + 1, { orders: chance.below(2), revenue: { EUR: chance.below(9) - 4 }, events: { cart_viewed: 1 } }),
  );
  return batches(chance, entries).map((run) =>
    news(run, run.at(-1)!.seq, {
      cartId,
      incarnation,
      summary: summary(run.at(-1)!.seq, {
        status: chance.pick(STATUSES),
        totalMinor: 100 * chance.below(5),
        currency: chance.pick(["EUR", "USD", null]),
      }),
    }),
  );
}

describe("law 2: however the queue delivers the news", () => {
  it("counters are exact and gauges equal a recount", () => {
    for (let seed = 0; seed < 500; seed++) {
      const chance = random(seed);
      const messages = ["a", "b", "c"].flatMap((id) => messagesOf(chance, id, 1));
      const tables = new Tables();
      // Every cart tells all of it again until the store has it: at most once per message here.
      for (let round = 0; round < messages.length; round++) {
        const lost = round < messages.length - 1 ? 0.3 : 0;
        for (const told of chance.shuffle([...messages, chance.pick(messages)])) {
          if (!chance.chance(lost)) tables.apply(told);
        }
        for (const told of messages) if (round === messages.length - 1) tables.apply(told);
      }
      const all = messages.flatMap((m) => m.entries).reduce<Delta>((sum, e) => addDelta(sum, e.delta), {});
      expect(canonical(tables.total), `seed ${seed}`).toEqual(canonical(all));
      expect(canonical(tables.gauges), `seed ${seed}`).toEqual(canonical(tables.recount()));
      for (const [id, cart] of tables.carts) {
        const last = messages.findLast((m) => m.cartId === id)!;
        expect(cart, `seed ${seed}`).toEqual({ incarnation: 1, seq: last.summary.version, summary: last.summary });
      }
    }
  });

  it("gauges stay a recount while carts forget themselves and come back", () => {
    for (let seed = 0; seed < 300; seed++) {
      const chance = random(seed + 9_000);
      const tables = new Tables();
      const messages = [1, 2, 3].flatMap((incarnation) => messagesOf(chance, "a", incarnation));
      for (const told of chance.shuffle([...messages, ...messages])) {
        tables.apply(told);
        expect(canonical(tables.gauges), `seed ${seed}`).toEqual(canonical(tables.recount()));
      }
      expect(tables.carts.get("a")?.incarnation).toBe(3);
    }
  });
});
