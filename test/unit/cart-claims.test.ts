import { describe, expect, it } from "vitest";
import { CLAIM_TIMEOUT_MS, MAX_ATTEMPTS, MAX_DISPATCHES, REDISPATCH_MS, RESUME_MS } from "../../objects/cart/ledger.ts";
import { nextWake } from "../../objects/cart/timers.ts";
import { HOUR_MS, SECOND_MS } from "../../shared/time.ts";
import {
  abandoned,
  add,
  CartLife,
  campaign,
  event,
  identified,
  messaged,
  ordered,
  REFUSED,
  REFUSED_FOR_GOOD,
  rules,
  SENT,
  T0,
  UNKNOWN,
} from "../support/cart-life.ts";

const life = (...args: ConstructorParameters<typeof CartLife>): CartLife => new CartLife(...args);
const codes = (notes: { code: string }[]): string[] => notes.map((n) => n.code);

/** Wakes the cart at each of its own moments until nothing is due before `until`; returns how often. */
function runTimers(cart: CartLife, until: number): number {
  let wakes = 0;
  for (let next = nextWake(cart.state); next !== null && next <= until; next = nextWake(cart.state)) {
    cart.wake(next);
    wakes += 1;
    if (wakes > 1_000) throw new Error("the alarm spins");
  }
  return wakes;
}

describe("consent", () => {
  it("a no that the shopper took back elsewhere since is history; one that came after the yes counts", () => {
    const denied = (cart: CartLife, at: number) =>
      cart.receive(event("consent_updated", at, { consent: { email: "denied" } }));
    const claim = (cart: CartLife, now: number, consentedAt: number) =>
      cart.run({ type: "claim", now, effectId: cart.effect.id, provider: "outbox", resumable: false, consentedAt });
    const back = life();
    const at = abandoned(back);
    denied(back, at + 1);
    expect(claim(back, at + 9, at + 5).claimed).toBeDefined();
    const still = life();
    abandoned(still);
    denied(still, at + 6);
    expect(claim(still, at + 9, at + 5).rejection).toBe("no_consent");
  });
});

describe("law 3: the purchase fence", () => {
  it("no claim succeeds after an order was acknowledged", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.receive(ordered(at + 1));
    expect(cart.claim(at + 2)).toMatchObject({ rejection: "already_cancelled" });
    expect(cart.effect.claimedAt).toBeNull();
  });

  it("a send claimed before the order and finished after it is raced, and credits nobody", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.claim(at + 1);
    cart.receive(ordered(at + 2));
    expect(cart.status).toBe("purchased");
    expect(codes(cart.settle(at + 3, SENT).notes)).toEqual(["raced"]);
    expect(cart.effect).toMatchObject({ status: "raced", sentAt: at + 3 });
    expect(cart.state.process.closed).toMatchObject([{ status: "purchased", attribution: null }]);
  });

  it("a send that surely failed is not tried again after the order", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.claim(at + 1);
    cart.receive(ordered(at + 2));
    cart.settle(at + 3, REFUSED);
    expect(cart.effect).toMatchObject({ status: "failed", dueAt: null });
  });

  it("an effect of a bought generation is not claimed in the next one", () => {
    const cart = life();
    const at = abandoned(cart);
    const old = cart.effect.id;
    cart.receive(ordered(at + 1), add(at + 2));
    expect(cart.claim(at + 3, false, old).claimed).toBeUndefined();
  });

  it("a resumable claim that an order overtook is parked as unknown, not claimed again", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.claim(at + 1, true);
    cart.receive(ordered(at + 2));
    expect(cart.claim(at + 1 + RESUME_MS, true)).toMatchObject({ rejection: "purchased" });
    expect(cart.effect).toMatchObject({ status: "unknown" });
  });
});

describe("law 4: at most one provider call per effect", () => {
  it("of two senders one gets the claim", () => {
    const cart = life();
    const at = abandoned(cart);
    expect(cart.claim(at + 1).claimed).toMatchObject({ status: "claimed", provider: "outbox" });
    expect(cart.claim(at + 1)).toMatchObject({ rejection: "already_claimed" });
    expect(cart.claim(at + HOUR_MS)).toMatchObject({ rejection: "already_claimed" });
  });

  it("a second answer changes nothing", () => {
    const cart = life();
    messaged(cart);
    const before = cart.state.process;
    expect(cart.settle(T0 + HOUR_MS, SENT)).toMatchObject({ rejection: "already_sent" });
    expect(cart.settle(T0 + HOUR_MS, REFUSED)).toMatchObject({ rejection: "already_sent" });
    expect(cart.state.process).toBe(before);
  });

  it("a lost answer parks the effect as unknown and it is not sent again", () => {
    const cart = life();
    const at = abandoned(cart) + 1;
    cart.claim(at);
    expect(cart.wake(at + CLAIM_TIMEOUT_MS - 1)).toMatchObject({ rejection: "not_due" });
    expect(codes(cart.wake(at + CLAIM_TIMEOUT_MS).notes)).toEqual(["unknown"]);
    expect(cart.claim(at + HOUR_MS)).toMatchObject({ rejection: "already_unknown" });
    runTimers(cart, at + 24 * HOUR_MS);
    expect(cart.effect.status).toBe("unknown");
  });

  it("an answer that comes after the parking still counts", () => {
    const cart = life();
    const at = abandoned(cart) + 1;
    cart.claim(at);
    cart.settle(at + 1, UNKNOWN);
    expect(cart.settle(at + 2, UNKNOWN)).toMatchObject({ rejection: "already_unknown" });
    cart.settle(at + 3, SENT);
    expect(cart.effect).toMatchObject({ status: "sent", sentAt: at + 3 });
  });

  it("a provider that honours the key may be asked again once the first answer is overdue", () => {
    const cart = life();
    const at = abandoned(cart) + 1;
    cart.claim(at, true);
    expect(cart.claim(at + RESUME_MS - 1, true)).toMatchObject({ rejection: "already_claimed" });
    expect(cart.claim(at + RESUME_MS, false)).toMatchObject({ rejection: "already_claimed" });
    expect(cart.wake(at + RESUME_MS).dispatch).toHaveLength(1);
    expect(cart.claim(at + RESUME_MS, true).claimed).toMatchObject({ claimedAt: at + RESUME_MS });
    cart.settle(at + RESUME_MS + 1, SENT);
    expect(cart.effect.status).toBe("sent");
  });

  it("another provider, or another account at the same one, knows nothing of the key", () => {
    const cart = life();
    const at = abandoned(cart) + 1;
    const claim = (now: number, provider: string, account?: string) => {
      const { id: effectId } = cart.effect;
      return cart.run({ type: "claim", now, effectId, provider, resumable: true, ...(account ? { account } : {}) });
    };
    expect(claim(at, "resend", "prv_1@1").claimed).toMatchObject({ account: "prv_1@1" });
    for (const [provider, account] of [["resend"], ["resend", "prv_1@2"], ["resend", "prv_2@1"], ["outbox", "prv_1@1"]])
      expect(claim(at + RESUME_MS, provider!, account)).toMatchObject({ rejection: "already_claimed" });
    expect(claim(at + RESUME_MS, "resend", "prv_1@1").claimed).toBeDefined();
  });

  it("what became of it is shown with who was asked last", () => {
    const cart = life();
    const at = abandoned(cart) + 1;
    cart.claim(at);
    cart.settle(at + 1, { kind: "unknown", provider: "postmark", reason: "lost" });
    expect(cart.effect).toMatchObject({ status: "unknown", provider: "postmark" });
  });

  it("a provider's wish to be left alone is obeyed, within reason", () => {
    for (const [wish, wait] of [
      [1, 30_000],
      [120_000, 120_000],
      [24 * HOUR_MS, 6 * HOUR_MS],
    ] as const) {
      const cart = life();
      const at = abandoned(cart) + 1;
      cart.claim(at);
      cart.settle(at, { kind: "refused", provider: "ses", reason: "429", retryable: true, retryAfterMs: wish });
      expect(cart.effect).toMatchObject({ status: "scheduled", dueAt: at + wait });
    }
  });

  it("a callback waits for the settle, and tells what an unknown message became", () => {
    const cart = life();
    const at = abandoned(cart) + 1;
    cart.claim(at);
    expect(cart.report(at + 1, "delivered")).toMatchObject({ rejection: "not_settled" });
    cart.settle(at + 2, UNKNOWN);
    expect(cart.report(at + 3, "sent")).toBeDefined();
    expect(cart.effect.status).toBe("sent");
    cart.report(at + 4, "opened");
    expect(cart.report(at + 5, "delivered")).toMatchObject({ rejection: "no_change" });
    expect(cart.effect).toMatchObject({ status: "opened", sentAt: at + 3 });
  });

  it("a resumable effect that nobody answers is parked in the end", () => {
    const cart = life();
    const at = abandoned(cart) + 1;
    cart.claim(at, true);
    expect(runTimers(cart, at + 20 * 24 * HOUR_MS)).toBeLessThanOrEqual(MAX_DISPATCHES + 1);
    expect(cart.effect).toMatchObject({ status: "unknown", dueAt: null });
  });

  it.each([
    ["cart_emptied", (at: number) => event("product_removed_from_cart", at, { wholeLine: true })],
    ["no_consent", (at: number) => event("consent_updated", at, { consent: { email: "denied" } })],
  ] as const)("a resumable claim that may have gone out is never hidden as cancelled (%s)", (reason, change) => {
    const cart = life();
    const at = abandoned(cart) + 1;
    cart.claim(at, true);
    cart.receive(change(at + 1));
    expect(cart.claim(at + RESUME_MS, true)).toMatchObject({ rejection: reason });
    expect(cart.effect).toMatchObject({ status: "unknown", dueAt: null });
    cart.settle(at + RESUME_MS + 1, SENT);
    expect(cart.effect.status).toBe("sent");
  });

  it("an unknown effect is nobody's", () => {
    const cart = life();
    abandoned(cart);
    for (const decision of [cart.claim(T0, false, "nope"), cart.settle(T0, SENT, "nope")])
      expect(decision).toMatchObject({ rejection: "unknown_effect" });
    expect(cart.run({ type: "hold", now: T0, effectId: "nope", reason: "x", until: null }).rejection).toBe(
      "unknown_effect",
    );
    expect(cart.run({ type: "report", now: T0, deliveryId: "nope", status: "opened" }).rejection).toBe(
      "unknown_effect",
    );
  });
});

describe("law 5: truth at send time", () => {
  it("an emptied cart cancels at the claim", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.receive(event("product_removed_from_cart", at + 1, { wholeLine: true }));
    expect(cart.claim(at + 2)).toMatchObject({ rejection: "cart_emptied" });
    expect(cart.effect.status).toBe("cancelled");
  });

  it("a denied consent cancels at the claim", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.receive(event("consent_updated", at + 1, { consent: { email: "denied" } }));
    expect(cart.claim(at + 2)).toMatchObject({ rejection: "no_consent" });
    expect(cart.effect.status).toBe("cancelled");
  });

  it("the latest word on consent counts, whatever came last", () => {
    const cart = life();
    const at = abandoned(cart);
    const denied = event("consent_updated", at - 20, { consent: { email: "denied" } });
    cart.receive(event("consent_updated", at - 10, { consent: { email: "granted" } }));
    cart.receiveAt(at + 1, denied);
    expect(cart.claim(at + 2).claimed).toBeDefined();
  });

  it("a shopper who is back is left alone", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.receive(event("cart_viewed", at + 1));
    expect(cart.claim(at + 2)).toMatchObject({ rejection: "not_due" });
    expect(cart.effect.status).toBe("scheduled");
  });

  it("a hand-over from before the shopper came back claims nothing early after they left again", () => {
    const later = campaign({ steps: [{ ...campaign().steps[0]!, delayMinutes: 60 }] });
    const cart = life(rules({ campaigns: [later] }));
    const at = abandoned(cart) + HOUR_MS;
    expect(cart.wake(at).dispatch).toHaveLength(1);
    cart.receive(event("cart_viewed", at + 1));
    cart.wake(cart.abandonAt);
    expect(cart.claim(cart.state.process.abandonedAt! + 1)).toMatchObject({ rejection: "not_due" });
    expect(cart.claim(cart.state.process.abandonedAt! + HOUR_MS).claimed).toBeDefined();
  });

  it("without an address the message waits, and goes once there is one", () => {
    const cart = life();
    cart.receive(add(T0));
    const at = cart.abandonAt;
    expect(cart.wake(at)).toMatchObject({ dispatch: [] });
    expect(cart.effect).toMatchObject({ status: "scheduled", dueAt: null });
    expect(cart.claim(at + 1)).toMatchObject({ rejection: "not_due" });
    cart.receive(identified(at + HOUR_MS));
    expect(cart.wake(cart.abandonAt).dispatch).toHaveLength(1);
    expect(cart.claim(cart.abandonAt).claimed).toBeDefined();
  });

  it("a claim before its time is refused and changes nothing", () => {
    const later = campaign({ steps: [{ ...campaign().steps[0]!, delayMinutes: 60 }] });
    const cart = life(rules({ campaigns: [later] }));
    const at = abandoned(cart);
    expect(cart.claim(at + 1)).toMatchObject({ rejection: "not_due" });
    cart.wake(at + HOUR_MS);
    expect(cart.claim(at + HOUR_MS).claimed).toBeDefined();
  });
});

describe("holding back", () => {
  it("for good suppresses the message", () => {
    const cart = life();
    const at = abandoned(cart);
    expect(codes(cart.hold(at + 1, "holdout", null).notes)).toEqual(["suppressed"]);
    expect(cart.effect).toMatchObject({ status: "suppressed", dueAt: null });
    expect(cart.hold(at + 2, "holdout", null)).toMatchObject({ rejection: "already_suppressed" });
  });

  it("over the quiet hours postpones it: no claim before, one after", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.hold(at + 1, "quiet_hours", at + 8 * HOUR_MS);
    expect(cart.claim(at + HOUR_MS)).toMatchObject({ rejection: "not_due" });
    expect(nextWake(cart.state)).toBe(at + 8 * HOUR_MS);
    expect(cart.wake(at + 8 * HOUR_MS).dispatch).toHaveLength(1);
    expect(cart.claim(at + 8 * HOUR_MS).claimed).toBeDefined();
  });

  it("does not wake a message that waits for the shopper to leave again", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.receive(event("cart_viewed", at + 1));
    expect(cart.hold(at + 2, "quiet_hours", at + HOUR_MS)).toMatchObject({ rejection: "not_due" });
    expect(cart.effect.dueAt).toBeNull();
  });
});

describe("retries", () => {
  it("a send that surely failed is tried again, ever later, and given up in the end", () => {
    const cart = life();
    let at = abandoned(cart);
    const waits: number[] = [];
    for (let i = 1; i < MAX_ATTEMPTS; i++) {
      cart.claim(at);
      cart.settle(at, REFUSED);
      waits.push((cart.effect.dueAt ?? 0) - at);
      at = cart.effect.dueAt!;
      cart.wake(at);
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 960, 1920, 3840, 7680].map((s) => s * SECOND_MS));
    cart.claim(at);
    cart.settle(at, REFUSED);
    expect(cart.effect).toMatchObject({ status: "failed", attempts: MAX_ATTEMPTS, dueAt: null });
  });

  it("a refusal for good is not tried again", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.claim(at);
    cart.settle(at, REFUSED_FOR_GOOD);
    expect(cart.effect).toMatchObject({ status: "failed", attempts: 1 });
  });

  it("a send that failed while the shopper came back waits until the cart is left again", () => {
    const cart = life();
    const at = abandoned(cart);
    cart.claim(at);
    cart.receive(event("cart_viewed", at + 1));
    cart.settle(at + 2, REFUSED);
    expect(cart.effect).toMatchObject({ status: "scheduled", dueAt: null });
    expect(cart.wake(cart.abandonAt).dispatch).toHaveLength(1);
  });

  it("what no sender takes is handed over again, ever later, and parked visibly", () => {
    const cart = life();
    const at = abandoned(cart);
    expect(cart.effect).toMatchObject({ dispatches: 1 });
    expect(cart.effect.dueAt).toBeGreaterThanOrEqual(at + REDISPATCH_MS);
    runTimers(cart, at + 20 * 24 * HOUR_MS);
    expect(cart.effect).toMatchObject({ status: "failed", dispatches: MAX_DISPATCHES, dueAt: null });
    expect(cart.effect.history.at(-1)).toMatchObject({ reason: "not_taken" });
  });
});
