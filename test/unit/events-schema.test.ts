import { describe, expect, it } from "vitest";
import { CLOCK, LIMITS, type ParseOutcome, parseEvent } from "../../shared/events/schema.ts";
import { type CartEvent, EVENT_TYPES, type EventType } from "../../shared/events/types.ts";
import { DAY_MS, iso, MINUTE_MS } from "../../shared/time.ts";

const NOW = Date.UTC(2026, 10, 21, 10);

const wire = (over: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: "e1",
  type: "page_viewed",
  version: 1,
  occurredAt: iso(NOW),
  cartId: "cart-1",
  ...over,
});

const parse = (input: unknown, skewMs = 0): ParseOutcome => parseEvent(input, NOW, skewMs, "EUR");
const good = (over: Record<string, unknown>): CartEvent => {
  const outcome = parse(wire(over));
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.errors));
  return outcome.value.event;
};
const fields = (over: Record<string, unknown>): string[] => {
  const outcome = parse(wire(over));
  return outcome.ok ? [] : outcome.errors.map((e) => e.field);
};

const mug = { productId: "mug", price: "12.50", quantity: 2 };
const SUBSCRIPTION = {
  endpoint: "https://push.example/s/1",
  keys: { p256dh: "B".repeat(87), auth: "a".repeat(22) },
};
const order = { id: "o1", total: "25.00", currency: "EUR" };

/** Per type: data that is taken, what is kept of it, and data that is refused. */
const CASES: Partial<Record<EventType, { data: object; kept: Partial<CartEvent>; refused: object[] }>> = {
  product_viewed: { data: { item: { productId: "mug" } }, kept: { currency: "EUR" }, refused: [{}, { item: {} }] },
  product_added_to_cart: {
    data: { item: mug },
    kept: { currency: "EUR", item: expect.objectContaining({ priceMinor: 1_250, quantity: 2, variantId: null }) },
    refused: [
      {},
      { item: { productId: "mug" } },
      { item: { ...mug, price: "-1" } },
      { item: { ...mug, quantity: 0 } },
      { item: { ...mug, quantity: 1.5 } },
      { item: { ...mug, quantity: LIMITS.quantity + 1 } },
      { item: { ...mug, currency: "euro" } },
      { item: { ...mug, url: "javascript:alert(1)" } },
      { item: { ...mug, productId: "" } },
      { item: { ...mug, productId: "a\u0000b" } },
      { item: "mug" },
    ],
  },
  product_removed_from_cart: {
    data: { item: { productId: "mug" } },
    kept: { wholeLine: true },
    refused: [{}, { item: { productId: "x".repeat(129) } }],
  },
  cart_updated: {
    data: { items: [mug], revision: 3 },
    kept: { revision: 3, currency: "EUR" },
    refused: [
      {},
      { items: "none" },
      {
        items: [
          { ...mug, currency: "EUR" },
          { ...mug, currency: "USD" },
        ],
      },
      { items: Array.from({ length: LIMITS.itemsPerEvent + 1 }, () => mug) },
      { items: [mug], revision: -1 },
    ],
  },
  coupon_applied: { data: { code: "SAVE" }, kept: { code: "SAVE" }, refused: [{}, { code: "" }] },
  coupon_removed: { data: { code: "SAVE" }, kept: { code: "SAVE" }, refused: [{}, { code: "x".repeat(65) }] },
  checkout_contact_info_submitted: {
    data: { email: "Ada@Example.com" },
    kept: { email: "ada@example.com" },
    refused: [{ email: "ada" }, { phone: "call me" }],
  },
  checkout_completed: {
    data: { order },
    kept: { order: { id: "o1", totalMinor: 2_500, currency: "EUR" } },
    refused: [
      {},
      { order: { id: "o1" } },
      { order: { ...order, total: "1e9" } },
      { order: { ...order, currency: "" } },
    ],
  },
  order_cancelled: { data: { order: { id: "o1" } }, kept: {}, refused: [{}, { order: {} }] },
  order_refunded: {
    data: { order: { id: "o1", total: 5 } },
    kept: { order: { id: "o1", totalMinor: 500, currency: "EUR" } },
    refused: [{}, { order: { id: "o1", total: -5 } }],
  },
  shopper_identified: {
    data: { email: "ada@example.com", name: "Ada", phone: "+49 30 1234" },
    kept: { email: "ada@example.com", name: "Ada", phone: "+49 30 1234" },
    refused: [{}, { email: "a@b" }, { name: "x".repeat(201) }],
  },
  consent_updated: {
    data: { email: "denied", text: "Write me no more" },
    kept: { consent: { email: "denied" }, consentText: "Write me no more" },
    refused: [{}, { text: "yes" }, { email: "maybe" }, { email: true }],
  },
  push_subscribed: {
    data: { subscription: SUBSCRIPTION },
    kept: { push: { kind: "webpush", endpoint: SUBSCRIPTION.endpoint, ...SUBSCRIPTION.keys } },
    refused: [
      {},
      { subscription: { ...SUBSCRIPTION, endpoint: "javascript:alert(1)" } },
      { subscription: { ...SUBSCRIPTION, keys: { ...SUBSCRIPTION.keys, auth: "short" } } },
      { subscription: { token: "a b" } },
      { subscription: { oneSignalId: "1" } },
    ],
  },
  exit_intent_detected: {
    data: { kind: "hesitation" },
    kept: { intent: "hesitation" },
    refused: [{ kind: "boredom" }],
  },
  offer_shown: { data: { offerId: "dl_1" }, kept: { deliveryId: "dl_1" }, refused: [{}, { offerId: 7 }] },
  offer_accepted: { data: { offerId: "dl_1" }, kept: { deliveryId: "dl_1" }, refused: [{}] },
  offer_dismissed: { data: { offerId: "dl_1" }, kept: { deliveryId: "dl_1" }, refused: [{}] },
  message_clicked: { data: { deliveryId: "dl_1" }, kept: { deliveryId: "dl_1" }, refused: [{}, { deliveryId: 7 }] },
};

describe("each type", () => {
  it.each(EVENT_TYPES)("%s is taken when it is well formed", (type) => {
    const { data = { anything: ["at", "all"] }, kept = {} } = CASES[type] ?? {};
    expect(good({ type, data })).toMatchObject({ id: "e1", type, at: NOW, receivedAt: NOW, ...kept });
  });

  it.each(Object.entries(CASES).flatMap(([type, { refused }]) => refused.map((data) => [type, data] as const)))(
    "%s is refused with %j",
    (type, data) => {
      const outcome = parse(wire({ type, data }));
      expect(outcome).toMatchObject({ ok: false, id: "e1" });
    },
  );

  it("data that a type does not know is not kept", () => {
    expect(Object.keys(good({ type: "page_viewed", data: { secret: "x", email: "ada@example.com" } }))).toEqual([
      "id",
      "type",
      "at",
      "receivedAt",
    ]);
  });

  it("says which field is wrong", () => {
    expect(fields({ type: "product_added_to_cart", data: { item: { productId: "mug" } } })).toEqual([
      "data.item.price",
    ]);
    expect(fields({ occurredAt: "yesterday" })).toEqual(["occurredAt"]);
    expect(fields({ cartId: undefined })).toEqual(["cartId"]);
    expect(fields({ type: "cart_updated", data: { items: [mug, { ...mug, price: "x" }] } })).toEqual([
      "data.items.1.price",
    ]);
  });
});

describe("the envelope", () => {
  it.each([
    ["no id", { id: undefined }],
    ["an empty id", { id: "" }],
    ["a long id", { id: "x".repeat(129) }],
    ["a control character in the id", { id: "a\nb" }],
    ["an unknown type", { type: "cart_exploded" }],
    ["an unknown version", { version: 2 }],
    ["a local time", { occurredAt: "2026-11-21T10:00:00" }],
    ["a slash in the cart id: it would name another actor", { cartId: "a/b" }],
    ["a space in the cart id", { cartId: "a b" }],
    ["a cart id that is no text", { cartId: 7 }],
    ["data that is a list", { data: [] }],
    ["a context that is no object", { context: "x" }],
  ])("is refused with %s", (_, over) => {
    expect(parse(wire(over)).ok).toBe(false);
  });

  it.each([null, undefined, 1, "x", [], () => 1])("is refused when it is %s", (input) => {
    expect(parse(input)).toMatchObject({ ok: false, id: null });
  });

  it("falls back to the visitor for the cart's name", () => {
    expect(parse(wire({ cartId: undefined, visitorId: "v1" }))).toMatchObject({ ok: true, value: { cartId: "v1" } });
  });

  it("never lets a store be named: its id comes from the credential", () => {
    const outcome = parse(wire({ storeId: "st_other", data: { storeId: "st_other" } }));
    expect(JSON.stringify(outcome)).not.toContain("st_other");
  });

  it("keeps where the shopper is, not who their browser is", () => {
    const context = {
      url: `https://shop.example/${"x".repeat(1_000)}`,
      locale: "de-DE",
      timezone: "Europe/Berlin",
      userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148",
    };
    const event = good({ context });
    expect(event).toMatchObject({ locale: "de-DE", timezone: "Europe/Berlin", device: "mobile" });
    expect(event.url).toHaveLength(512);
    expect(JSON.stringify(event)).not.toContain("Mozilla");
  });
});

describe("two clocks", () => {
  it("takes the shopper's claim, corrected by the skew of their clock", () => {
    expect(parse(wire({ occurredAt: iso(NOW - MINUTE_MS) }))).toMatchObject({
      value: { event: { at: NOW - MINUTE_MS } },
    });
    expect(parse(wire({ occurredAt: iso(NOW - DAY_MS) }), DAY_MS - MINUTE_MS)).toMatchObject({
      value: { event: { at: NOW - MINUTE_MS } },
    });
  });

  it("clamps a claim that is too old to the window, and one from the near future to now", () => {
    expect(good({ occurredAt: iso(NOW - 100 * DAY_MS) }).at).toBe(NOW - CLOCK.pastMs);
    expect(good({ occurredAt: iso(NOW + DAY_MS) }).at).toBe(NOW);
  });

  it("refuses a claim from further ahead", () => {
    expect(fields({ occurredAt: iso(NOW + CLOCK.futureMs + 1) })).toEqual(["occurredAt"]);
  });

  it("understands other offsets", () => {
    expect(good({ occurredAt: "2026-11-21T10:59:00+01:00" }).at).toBe(NOW - MINUTE_MS);
  });
});

describe("hostile input", () => {
  it("neither nests nor grows its way in", () => {
    let deep: unknown = "x";
    for (let i = 0; i < 5_000; i++) deep = { deep };
    expect(parse(wire({ data: { deep } })).ok).toBe(true);
    expect(JSON.stringify(good({ data: { deep } })).length).toBeLessThan(200);
    expect(parse(wire({ data: { text: "x".repeat(1e6) } })).ok).toBe(true);
    expect(parse(wire({ id: "x".repeat(1e6) }))).toMatchObject({ ok: false });
  });

  it("answers with bounded errors, however much is wrong", () => {
    const items = Array.from({ length: 500 }, () => ({ productId: "", quantity: -1, price: {} }));
    const outcome = parse(wire({ type: "cart_updated", data: { items } }));
    expect(outcome.ok).toBe(false);
    if (!outcome.ok) expect(outcome.errors.length).toBeLessThanOrEqual(20);
  });

  it("bounds the errors of amounts as well", () => {
    const items = Array.from({ length: 500 }, () => ({ ...mug, price: "free" }));
    const outcome = parse(wire({ type: "cart_updated", data: { items } }));
    if (!outcome.ok) expect(outcome.errors.length).toBeLessThanOrEqual(20);
    expect(outcome.ok).toBe(false);
  });

  it("a prototype is not for sale", () => {
    const input = JSON.parse(
      `{"id":"e1","type":"page_viewed","occurredAt":"${iso(NOW)}","cartId":"c","__proto__":{"a":1}}`,
    );
    expect(parse(input).ok).toBe(true);
    expect(({} as { a?: number }).a).toBeUndefined();
  });
});
