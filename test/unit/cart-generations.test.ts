import { describe, expect, it } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { abandoned, add, CartLife, event, identified, messaged, mug, ordered, T0 } from "../support/cart-life.ts";

const life = (): CartLife => new CartLife();
const codes = (notes: { code: string }[]): string[] => notes.map((n) => n.code);

describe("generations", () => {
  it("an order closes the cart, and a later add opens its next generation with a fresh ledger and journey", () => {
    const cart = life();
    messaged(cart);
    const first = cart.effect.id;
    cart.receive(ordered(T0 + HOUR_MS));
    expect(cart.status).toBe("recovered");
    cart.receive(add(T0 + 2 * HOUR_MS));
    expect(cart.state.process).toMatchObject({ status: "active", generation: 2, journeys: [] });
    expect(cart.state.facts.items).toEqual([mug()]);
    cart.wake(cart.abandonAt);
    expect(cart.effect).toMatchObject({ generation: 2, status: "scheduled" });
    expect(cart.effect.id).not.toBe(first);
    expect(cart.claim(cart.state.process.abandonedAt! + 1).claimed).toBeDefined();
  });

  it("an event that happened before the order and arrives after it reopens nothing", () => {
    const cart = life();
    cart.receive(add(T0), ordered(T0 + 10));
    cart.receiveAt(T0 + MINUTE_MS, add(T0 + 5), event("cart_updated", T0 + 6), event("checkout_started", T0 + 7));
    expect(cart.state.facts).toMatchObject({ generation: 1, closedAt: T0 + 10 });
    expect(cart.status).toBe("purchased");
  });

  it("an order that arrives after the add that followed it still closes only its own generation", () => {
    const cart = life();
    cart.receive(add(T0), add(T0 + 20, { item: mug({ productId: "plate" }) }));
    cart.receiveAt(T0 + MINUTE_MS, ordered(T0 + 10));
    expect(cart.state.facts).toMatchObject({ generation: 2, closedAt: null });
    expect(cart.state.facts.items.map((i) => i.productId)).toEqual(["plate"]);
    expect(cart.state.process).toMatchObject({ status: "active", closed: [{ generation: 1, status: "purchased" }] });
  });

  it("the echo of an order changes nothing while the cart is closed and counts no second order", () => {
    const cart = life();
    cart.receive(add(T0), ordered(T0 + 10), ordered(T0 + 2 * HOUR_MS));
    expect(cart.state.facts.orders).toHaveLength(1);
    expect(cart.status).toBe("purchased");
  });

  it("an order's echo closes what a stray add reopened, but only a little later", () => {
    const soon = life();
    soon.receive(add(T0), ordered(T0 + 10), add(T0 + 11), ordered(T0 + MINUTE_MS));
    expect(soon.status).toBe("purchased");
    const late = life();
    late.receive(add(T0), ordered(T0 + 10), add(T0 + HOUR_MS), ordered(T0 + 2 * HOUR_MS));
    expect(late.status).toBe("active");
  });

  it("an order that turns out to be the late echo of an earlier one closes nothing after all", () => {
    const cart = life();
    cart.receive(add(T0), ordered(T0 + 20 * MINUTE_MS));
    expect(cart.status).toBe("purchased");
    cart.receiveAt(T0 + 21 * MINUTE_MS, ordered(T0 - MINUTE_MS));
    expect(cart.state.process).toMatchObject({ status: "active", generation: 2 });
    cart.wake(cart.abandonAt);
    expect(cart.status).toBe("abandoned");
  });

  it("generations that a late event merges plan nothing twice", () => {
    const cart = life();
    cart.receive(identified(T0), add(T0 + 10 * MINUTE_MS), ordered(T0 + 20 * MINUTE_MS));
    cart.receive(add(T0 + 22 * MINUTE_MS));
    cart.wake(cart.abandonAt);
    cart.receive(ordered(T0 + 34 * MINUTE_MS), add(T0 + 35 * MINUTE_MS));
    cart.wake(cart.abandonAt);
    expect(cart.state.process).toMatchObject({ generation: 3, status: "abandoned" });
    cart.receiveAt(T0 + 3 * HOUR_MS, ordered(T0 + MINUTE_MS));
    expect(cart.state.process).toMatchObject({ generation: 2, status: "active" });
    cart.wake(cart.abandonAt);
    const ids = cart.state.process.effects.map((e) => e.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("an empty snapshot after the order (the shop clears its cart) reopens nothing", () => {
    const cart = life();
    cart.receive(add(T0), ordered(T0 + 10), event("cart_updated", T0 + 11, { items: [] }));
    expect(cart.status).toBe("purchased");
    expect(cart.state.facts.items).toHaveLength(1);
  });

  it("removals after the order leave the bought items as they were", () => {
    const cart = life();
    cart.receive(add(T0), ordered(T0 + 10), event("product_removed_from_cart", T0 + 11));
    expect(cart.state.facts.items).toHaveLength(1);
  });

  it("cancels every planned message when the order comes", () => {
    const cart = life();
    abandoned(cart);
    const { notes } = cart.receive(ordered(T0 + HOUR_MS));
    expect(codes(notes)).toEqual(["purchased", "cancelled"]);
    expect(cart.effect).toMatchObject({ status: "cancelled", dueAt: null });
  });

  it("a cancelled or refunded order stays an order", () => {
    const cart = life();
    cart.receive(add(T0), ordered(T0 + 10));
    const order = { id: "o1", totalMinor: 500, currency: "EUR" };
    cart.receive(event("order_refunded", T0 + 20, { order }), event("order_cancelled", T0 + 21, { order }));
    expect(cart.state.facts.orders).toMatchObject([{ refundedMinor: 500, cancelled: true }]);
    expect(cart.status).toBe("purchased");
  });
});
