/** What starts a journey, by which channel its steps go, and what ends it. */
import { describe, expect, it } from "vitest";
import type { CartEvent } from "../../shared/events/types.ts";
import { type Campaign, compileRules, type Rules, type Step } from "../../shared/policy/rules.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { baselineRiskOf } from "../support/cart-journeys.ts";
import {
  abandoned,
  add,
  CartLife,
  campaign,
  event,
  identified,
  messaged,
  ordered,
  REFUSED_FOR_GOOD,
  rules,
  SENT,
  settings,
  T0,
} from "../support/cart-life.ts";

const step = (over: Partial<Step> = {}): Step => ({ ...campaign().steps[0]!, ...over });
const life = (...campaigns: Campaign[]): CartLife => new CartLife(rules({ campaigns }));
const PUSH = { kind: "webpush", endpoint: "https://push.example/1", p256dh: "p", auth: "a" } as const;
const subscribed = (at: number): CartEvent => event("push_subscribed", at, { push: PUSH });
const withPhone = (at: number): CartEvent => event("shopper_identified", at, { phone: "+49 30 123456" });
const ids = (cart: CartLife): string[] => cart.state.process.effects.map((e) => e.id);

describe("triggers", () => {
  it("a high risk enters while the shopper is still there, and the message is dropped when the risk recedes", () => {
    const risky = campaign({
      trigger: "prediction_high",
      threshold: baselineRiskOf([add(T0), identified(T0)]) - 0.001,
      steps: [step({ delayMinutes: 5 })],
    });
    const cart = life(risky);
    cart.receive(add(T0), identified(T0));
    expect(ids(cart)).toEqual(["g1.cmp.reminder"]);
    cart.receive(event("checkout_started", T0 + 1_000), event("payment_info_submitted", T0 + 2_000));
    cart.wake(T0 + 5 * MINUTE_MS);
    expect(cart.effect).toMatchObject({ status: "cancelled" });
    expect(cart.effect.history.at(-1)?.reason).toBe("risk_receded");
  });

  it("a risk below the threshold enters nothing", () => {
    const cart = life(campaign({ trigger: "prediction_high", threshold: 1 }));
    cart.receive(add(T0), identified(T0));
    expect(ids(cart)).toEqual([]);
  });

  it("a time begins to run with the first item, and is not stopped by the shopper's being there", () => {
    const cart = life(campaign({ trigger: "time_based", steps: [step({ delayMinutes: 10 })] }));
    cart.receive(identified(T0));
    expect(ids(cart)).toEqual([]);
    cart.receive(add(T0 + MINUTE_MS));
    cart.receive(event("product_viewed", T0 + 10 * MINUTE_MS));
    const due = T0 + 11 * MINUTE_MS;
    cart.wake(due);
    expect(cart.status).toBe("active");
    expect(cart.claim(due).claimed).toBeDefined();
    expect(cart.status).toBe("active");
  });

  it("a message that waits for an address goes as soon as there is one", () => {
    const cart = life(campaign({ trigger: "time_based", steps: [step({ delayMinutes: 1 })] }));
    cart.receive(add(T0));
    cart.wake(T0 + MINUTE_MS);
    expect(cart.effect).toMatchObject({ status: "scheduled", dueAt: null });
    cart.receive(identified(T0 + 2 * MINUTE_MS));
    expect(cart.effect.dueAt).toBe(T0 + 2 * MINUTE_MS);
  });

  it("each trigger has its own journey, and none is entered twice", () => {
    const exit = campaign({ id: "exit", trigger: "exit_intent", steps: [step({ channel: "onsite" })] });
    const cart = life(exit, campaign());
    cart.receive(add(T0), identified(T0), event("exit_intent_detected", T0 + 1, { intent: "exit" }));
    cart.receive(event("exit_intent_detected", T0 + 2, { intent: "exit" }));
    cart.wake(cart.abandonAt);
    expect(ids(cart)).toEqual(["g1.exit.reminder", "g1.cmp.reminder"]);
    expect(cart.state.process.journeys.map((j) => j.campaign.trigger)).toEqual(["exit_intent", "cart_abandoned"]);
  });

  it.each([
    ["checkout_hesitation", event("exit_intent_detected", T0 + 1, { intent: "hesitation" })],
    ["payment_failed", event("payment_failed", T0 + 1)],
    ["price_drop", event("product_viewed", T0 + 1, { item: { ...add(T0).item!, priceMinor: 999 } })],
  ] as const)("%s is a moment", (trigger, moment) => {
    const cart = life(campaign({ trigger, steps: [step({ channel: "onsite" })] }));
    cart.receive(add(T0));
    expect(ids(cart)).toEqual([]);
    cart.receive(moment);
    expect(ids(cart)).toEqual(["g1.cmp.reminder"]);
  });

  it("back in stock is a moment of what is in the cart, and only after it was sold out", () => {
    const view = (at: number, available: boolean) =>
      event("product_viewed", at, { item: { ...add(T0).item!, available } });
    const cart = life(campaign({ trigger: "back_in_stock", steps: [step({ channel: "onsite" })] }));
    cart.receive(add(T0), view(T0 + 1, true));
    expect(ids(cart)).toEqual([]);
    cart.receive(view(T0 + 2, false));
    cart.receive(view(T0 + 3, true));
    expect(ids(cart)).toEqual(["g1.cmp.reminder"]);
  });

  it("what is told of a moment long past starts nothing", () => {
    const cart = life(campaign({ trigger: "exit_intent", steps: [step({ channel: "onsite" })] }));
    cart.receive(add(T0));
    cart.receiveAt(T0 + HOUR_MS, event("exit_intent_detected", T0 + 1, { intent: "exit" }));
    expect(ids(cart)).toEqual([]);
  });

  it("a moment told before the item it belongs to starts the same journey", () => {
    const cart = life(campaign({ trigger: "exit_intent", steps: [step({ channel: "onsite" })] }));
    cart.receiveAt(T0 + 5, event("exit_intent_detected", T0 + 2, { intent: "exit" }));
    cart.receiveAt(T0 + 6, add(T0));
    expect(ids(cart)).toEqual(["g1.cmp.reminder"]);
  });
});

describe("channels", () => {
  it("an SMS needs a number with its country, a push a subscription", () => {
    const cart = life(campaign({ steps: [step({ channel: "sms" })] }));
    cart.receive(add(T0), identified(T0), event("shopper_identified", T0, { phone: "030 123456" }));
    cart.wake(cart.abandonAt);
    expect(cart.effect.history.at(-1)?.reason).toBe("no_address");
    cart.receive(withPhone(T0 + HOUR_MS));
    cart.wake(cart.abandonAt);
    expect(cart.claim(cart.abandonAt).claimed).toMatchObject({ channel: "sms" });
  });

  it("the arbiter's choice is the message's channel; one that it does not have is refused", () => {
    const cart = life(campaign({ steps: [step({ channel: "all" })] }));
    cart.receive(add(T0), identified(T0), withPhone(T0 + 1), subscribed(T0 + 2));
    const now = cart.abandonAt;
    cart.wake(now);
    const claim = (channel: "sms" | "push" | "email") =>
      cart.run({ type: "claim", now, effectId: cart.effect.id, provider: "outbox", resumable: false, channel });
    expect(claim("sms").claimed).toMatchObject({ channel: "sms", channels: ["email", "push", "sms"] });
    const only = life(campaign());
    abandoned(only);
    const wrong = only.run({
      type: "claim",
      now,
      effectId: only.effect.id,
      provider: "p",
      resumable: false,
      channel: "sms",
    });
    expect(wrong.rejection).toBe("no_such_channel");
  });

  it("an unanswered message of channel `all` is followed by one on each channel that is left, once", () => {
    const cart = life(campaign({ steps: [step({ channel: "all", fallbackMinutes: 60 })] }));
    cart.receive(add(T0), identified(T0), withPhone(T0 + 1), subscribed(T0 + 2));
    let now = cart.abandonAt;
    for (const channel of ["push", "email", "sms"] as const) {
      for (let again = 0; again < 3; again++) cart.wake(now);
      const effectId = cart.effect.id;
      expect(cart.effect.status).toBe("scheduled");
      cart.run({ type: "claim", now, effectId, provider: "outbox", resumable: false, channel });
      cart.settle(now, SENT, effectId);
      now += HOUR_MS;
    }
    cart.wake(now + DAY_MS);
    expect(ids(cart)).toEqual(["g1.cmp.reminder", "g1.cmp.reminder~2", "g1.cmp.reminder~3"]);
    expect(cart.state.process.effects.map((e) => [e.channel, e.status])).toEqual([
      ["push", "sent"],
      ["email", "sent"],
      ["sms", "sent"],
    ]);
    expect(new Set(cart.state.process.effects.map((e) => e.deliveryId)).size).toBe(3);
  });

  it.each([
    ["a click", (cart: CartLife, at: number) => cart.report(at, "clicked")],
    ["a return", (cart: CartLife, at: number) => cart.receive(event("cart_viewed", at))],
    ["an order", (cart: CartLife, at: number) => cart.receive(ordered(at))],
  ])("%s is an answer: no other channel follows", (_, answer) => {
    const cart = life(campaign({ steps: [step({ channel: "all", fallbackMinutes: 60 })] }));
    cart.receive(withPhone(T0));
    const now = messaged(cart);
    answer(cart, now + MINUTE_MS);
    cart.wake(now + HOUR_MS);
    cart.wake(cart.abandonAt);
    expect(ids(cart)).toEqual(["g1.cmp.reminder"]);
  });

  it("a channel that surely failed is followed by the next at once", () => {
    const cart = life(campaign({ steps: [step({ channel: "all", fallbackMinutes: 60 })] }));
    cart.receive(withPhone(T0));
    const now = abandoned(cart);
    cart.claim(now);
    cart.settle(now, REFUSED_FOR_GOOD);
    cart.wake(now);
    expect(cart.effect).toMatchObject({ id: "g1.cmp.reminder~2", channel: "sms", channels: ["push", "sms"] });
  });

  it("where no other channel has an address none follows", () => {
    const cart = life(campaign({ steps: [step({ channel: "all", fallbackMinutes: 60 })] }));
    const now = messaged(cart);
    cart.wake(now + HOUR_MS);
    cart.receive(withPhone(now + DAY_MS));
    cart.wake(cart.abandonAt);
    expect(ids(cart)).toEqual(["g1.cmp.reminder"]);
  });

  it("the next channel waits while the shopper is there, and follows when they leave again", () => {
    const cart = life(campaign({ steps: [step({ channel: "all", fallbackMinutes: 60 })] }));
    cart.receive(withPhone(T0));
    const sentAt = messaged(cart);
    cart.receive(event("cart_viewed", sentAt + MINUTE_MS));
    cart.report(sentAt + 2 * MINUTE_MS, "bounced");
    cart.wake(sentAt + 2 * MINUTE_MS);
    expect(cart.status).toBe("active");
    expect(cart.effect).toMatchObject({ id: "g1.cmp.reminder~2", status: "scheduled", dueAt: null, dispatches: 0 });
    const leftAt = cart.abandonAt;
    cart.wake(leftAt);
    expect(cart.effect).toMatchObject({ id: "g1.cmp.reminder~2", dispatches: 1 });
  });

  it("an address learnt from a page that is only open is used at once: nobody has to come back for it", () => {
    const cart = life(campaign({ steps: [step({ channel: "push" })] }));
    cart.receive(add(T0));
    const leftAt = cart.abandonAt;
    cart.wake(leftAt);
    expect(cart.effect).toMatchObject({ status: "scheduled", dueAt: null });
    const now = leftAt + MINUTE_MS;
    cart.receive(subscribed(now));
    expect(cart.status).toBe("abandoned");
    cart.wake(now);
    expect(cart.claim(now).claimed).toMatchObject({ channel: "push" });
  });

  it("an address that a provider says is gone is not asked again; a new one is", () => {
    const cart = life(
      campaign({ steps: [step({ channel: "push" }), step({ id: "second", channel: "push", delayMinutes: 60 })] }),
    );
    cart.receive(add(T0), subscribed(T0));
    const now = cart.abandonAt;
    cart.wake(now);
    const first = "g1.cmp.reminder";
    cart.claim(now, false, first);
    cart.settle(now, { kind: "refused", provider: "webpush", reason: "410", retryable: false, gone: true }, first);
    cart.wake(now + HOUR_MS);
    expect(cart.effect.history.at(-1)?.reason).toBe("no_address");
    cart.receive(event("push_subscribed", now + HOUR_MS, { push: { ...PUSH, endpoint: "https://push.example/2" } }));
    cart.receive(event("cart_viewed", now + HOUR_MS));
    cart.wake(cart.abandonAt);
    cart.wake(cart.abandonAt + HOUR_MS);
    expect(cart.claim(cart.abandonAt + HOUR_MS, false, "g1.cmp.second").claimed).toBeDefined();
  });

  it("each channel has its own template", () => {
    const variants = [{ id: "a", templateId: "mail", templates: { sms: "text" }, weight: 1 }];
    const cart = life(campaign({ steps: [step({ channel: "all", variants })] }));
    cart.receive(add(T0), identified(T0), withPhone(T0 + 1));
    cart.wake(cart.abandonAt);
    expect(cart.effect).toMatchObject({ templateId: "mail", templates: { sms: "text" } });
  });
});

describe("exits and order", () => {
  it("a journey ends when its exit holds: what was not sent is cancelled", () => {
    const steps = [step(), step({ id: "second", delayMinutes: 60 }), step({ id: "third", delayMinutes: 120 })];
    const cart = life(campaign({ steps, exit: { "journey.clicked": true } }));
    const now = abandoned(cart);
    cart.claim(now, false, "g1.cmp.reminder");
    cart.settle(now, SENT, "g1.cmp.reminder");
    const { deliveryId } = cart.state.process.effects[0]!;
    cart.run({ type: "report", now, deliveryId, status: "clicked" });
    cart.wake(now + HOUR_MS);
    expect(cart.state.process.effects.map((e) => e.status)).toEqual(["clicked", "cancelled", "cancelled"]);
    expect(cart.state.process.journeys[0]?.exit).toBe("exit");
  });

  it("conditions are judged at the claim too", () => {
    const cart = life(campaign({ steps: [step({ conditions: { itemCount: { $lt: 3 } } })] }));
    const now = abandoned(cart);
    expect(cart.claim(now).claimed).toBeDefined();
    const other = life(campaign({ trigger: "time_based", steps: [step({ conditions: { itemCount: { $lt: 3 } } })] }));
    other.receive(add(T0), identified(T0));
    other.wake(T0);
    other.receive(add(T0 + 1), add(T0 + 2));
    expect(other.claim(T0 + 3).rejection).toBe("conditions");
    expect(other.effect.status).toBe("cancelled");
  });

  it("while a step is held back the next one keeps its distance to it", () => {
    const cart = life(campaign({ steps: [step(), step({ id: "second", delayMinutes: 60 })] }));
    const now = abandoned(cart);
    const morning = now + 9 * HOUR_MS;
    cart.run({ type: "hold", now, effectId: "g1.cmp.reminder", reason: "quiet_hours", until: morning });
    cart.wake(now + HOUR_MS);
    expect(cart.effect).toMatchObject({ id: "g1.cmp.second", status: "scheduled", dueAt: morning + HOUR_MS });
    cart.wake(morning);
    expect(cart.effect.dispatches).toBe(0);
  });

  it("a cart in a journey stays on the version it entered", () => {
    const cart = life(campaign({ steps: [step({ delayMinutes: 60 })] }));
    const now = abandoned(cart);
    cart.rules = rules({ version: 2, campaigns: [campaign({ version: 2, steps: [step({ delayMinutes: 1 })] })] });
    cart.wake(now + MINUTE_MS);
    expect(cart.effect).toMatchObject({ campaignVersion: 1, dispatches: 0, dueAt: now + HOUR_MS });
  });

  it("leaves a journey whose campaign was deleted, and goes on in one that was only disabled", () => {
    const given = campaign({ steps: [step({ delayMinutes: 60 })] });
    const compiled = (...campaigns: Campaign[]): Rules => compileRules(settings, campaigns, 2);
    const sent = (after: Rules) => {
      const cart = life(given);
      const now = abandoned(cart);
      cart.rules = after;
      const { dispatch } = cart.wake(now + HOUR_MS);
      return [dispatch.length, cart.effect.status, cart.effect.history.at(-1)?.reason];
    };
    expect(sent(compiled({ ...given, enabled: false }))).toEqual([1, "scheduled", undefined]);
    expect(sent(compiled(campaign({ id: "other" })))).toEqual([0, "cancelled", "campaign_deleted"]);
  });
});
