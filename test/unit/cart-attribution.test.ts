import { describe, expect, it } from "vitest";
import { deltaOf } from "../../objects/cart/metrics.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import {
  abandoned,
  add,
  CartLife,
  campaign,
  event,
  identified,
  messaged,
  ordered,
  rules,
  SENT,
  T0,
  UNKNOWN,
} from "../support/cart-life.ts";

const life = (...args: ConstructorParameters<typeof CartLife>): CartLife => new CartLife(...args);
const codes = (notes: { code: string }[]): string[] => notes.map((n) => n.code);

describe("attribution", () => {
  const twoSteps = rules({
    campaigns: [
      campaign({
        goal: { attributionHours: 72, attribution: "last" },
        steps: [campaign().steps[0]!, { ...campaign().steps[0]!, id: "second", delayMinutes: 60 }],
      }),
    ],
  });

  function twoMessages(): { cart: CartLife; first: string; second: string; at: number } {
    const cart = life(twoSteps);
    const at = abandoned(cart);
    const [first, second] = cart.state.process.effects;
    for (const { id, delayMs } of [first!, second!]) {
      cart.wake(at + delayMs);
      cart.claim(at + delayMs, false, id);
      cart.settle(at + delayMs, SENT, id);
    }
    return { cart, first: first!.deliveryId, second: second!.deliveryId, at: at + HOUR_MS };
  }

  it("an order after no message is merely a purchase", () => {
    const cart = life();
    abandoned(cart);
    cart.receive(ordered(T0 + HOUR_MS));
    expect(cart.state.process).toMatchObject({ status: "purchased", recoveredAt: null });
  });

  it("an order after a message is a recovery by the last one sent", () => {
    const { cart, second, at } = twoMessages();
    cart.receive(ordered(at + 1));
    expect(cart.state.process).toMatchObject({ status: "recovered", recoveredAt: at + 1 });
    expect(cart.state.process.closed[0]?.attribution).toMatchObject({ deliveryId: second, model: "last_touch" });
  });

  it("a click comes before the last touch", () => {
    const { cart, first, at } = twoMessages();
    cart.receive(event("message_clicked", at + 1, { deliveryId: first }), ordered(at + 2));
    expect(cart.state.process.closed[0]?.attribution).toMatchObject({ deliveryId: first, model: "last_click" });
  });

  it("of two clicks the later one counts", () => {
    const { cart, first, second, at } = twoMessages();
    cart.receive(event("message_clicked", at + 1, { deliveryId: second }));
    cart.receive(event("message_clicked", at + 2, { deliveryId: first }), ordered(at + 3));
    expect(cart.state.process.closed[0]?.attribution?.deliveryId).toBe(first);
  });

  it("a click that a callback reported counts as one", () => {
    const { cart, second, at } = twoMessages();
    cart.report(at + 1, "clicked");
    cart.receive(ordered(at + 2));
    expect(cart.state.process.closed[0]?.attribution).toMatchObject({ deliveryId: second, model: "last_click" });
  });

  it("an order is not owed to a message of the generation before, whenever its lost answer came in", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.claim(at);
    cart.settle(at + 1, UNKNOWN);
    const { effect } = cart;
    cart.receive(ordered(at + 2));
    cart.report(at + HOUR_MS, "delivered"); // so it was sent: before that order, which is not owed to it any more
    expect(cart.state.process.effects.find((e) => e.id === effect.id)?.status).toBe("delivered");
    cart.receive(add(at + 2 * HOUR_MS), ordered(at + 3 * HOUR_MS, "o2"));
    expect(cart.state.process.closed.map(({ status }) => status)).toEqual(["purchased", "purchased"]);
  });

  it("a click on another cart's message counts for nothing", () => {
    const cart = life();
    const at = messaged(cart);
    cart.receive(event("message_clicked", at + 1, { deliveryId: "dl_other" }), ordered(at + 2));
    expect(cart.state.process.closed[0]?.attribution?.model).toBe("last_touch");
  });

  it("an order on the last moment of the window is a recovery, one later a purchase", () => {
    const sentAt = messaged(life());
    const within = life();
    messaged(within);
    within.receive(ordered(sentAt + 72 * HOUR_MS));
    expect(within.status).toBe("recovered");
    const after = life();
    messaged(after);
    after.receive(ordered(sentAt + 72 * HOUR_MS + 1));
    expect(after.status).toBe("purchased");
  });

  it("a message is credited with one order, not with the next generation's", () => {
    const cart = life();
    const at = messaged(cart);
    cart.receive(ordered(at + 1), add(at + 2));
    cart.receive(ordered(at + MINUTE_MS, "o2"));
    expect(cart.state.process.closed.map((c) => c.status)).toEqual(["recovered", "purchased"]);
  });
});

describe("reports", () => {
  it("move a message forward, never back", () => {
    const cart = life();
    const at = messaged(cart);
    expect(codes(cart.report(at + 1, "delivered").notes)).toEqual(["delivered"]);
    cart.report(at + 2, "clicked");
    expect(cart.report(at + 3, "opened")).toMatchObject({ rejection: "no_change" });
    expect(cart.effect.status).toBe("clicked");
    cart.report(at + 4, "complained");
    expect(cart.effect.status).toBe("complained");
  });

  it("about a message that was never sent change nothing", () => {
    const cart = life();
    const at = abandoned(cart);
    expect(cart.report(at, "opened")).toMatchObject({ rejection: "no_change" });
    expect(cart.report(at, "sent")).toMatchObject({ rejection: "no_change" });
  });
});

describe("the ledger's limit", () => {
  it("forgets old messages without uncounting them", () => {
    const steps = Array.from({ length: 20 }, (_, i) => ({ ...campaign().steps[0]!, id: `s${i}` }));
    const cart = life(rules({ campaigns: [campaign({ steps })] }));
    let counted = 0;
    const count = (act: () => void): void => {
      const before = cart.state;
      act();
      counted += deltaOf(before, cart.state, 0).messages ?? 0;
    };
    let at = T0;
    for (let round = 0; round < 8; round++) {
      count(() => cart.receive(add(at), identified(at + 1)));
      at = cart.abandonAt;
      count(() => cart.wake(at));
      for (const { id } of cart.state.process.effects.filter((e) => e.generation === round + 1)) {
        count(() => cart.claim(at, false, id));
        count(() => cart.settle(at, SENT, id));
      }
      count(() => cart.receive(ordered(at + 1, `o${round}`)));
      at += HOUR_MS;
    }
    expect(cart.state.process.effects).toHaveLength(100);
    expect(counted).toBe(160);
  });
});
