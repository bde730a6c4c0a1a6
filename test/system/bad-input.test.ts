import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ErrorCode } from "../../shared/errors.ts";
import { type Answer, add, event, http, identify, Merchant, order, type Receipt, until } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let merchant: Merchant;
const counts = new Map<string, number>();
const counted = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);

beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url);
});
afterEach(async () => {
  // Whatever came before, the next good event works, and nothing inside was surprised.
  const good = `good-${Math.random().toString(36).slice(2)}`;
  await merchant.accept([add(good, "mug", "12.30")]);
  expect((await merchant.cart(good)).total).toEqual({ amount: "12.30", currency: "EUR" });
  expect(unexpectedIn(system.logs())).toEqual([]);
});
afterAll(async () => {
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  console.log(`bad input: ${total} cases — ${[...counts].map(([what, n]) => `${what} ${n}`).join(", ")}`);
  await system?.stop();
});

const post = (
  body: BodyInit | null,
  { key = merchant.account.key, method = "POST", ...headers }: Record<string, string> = {},
): Promise<Answer<Receipt>> =>
  http<Receipt>(`${system.url}/v1/events${key === "none" ? "" : `?key=${encodeURIComponent(key)}`}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body === null ? {} : { body }),
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
  } as RequestInit);

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const large = (bytes: number): string => `{"events":[],"pad":"${"x".repeat(bytes)}"}`;
/** Sent in chunks, so that no content-length tells its size. */
const chunked = (text: string): ReadableStream =>
  new Blob([text]).stream().pipeThrough(new TransformStream<Uint8Array, Uint8Array>());

const endless = (text: string): ReadableStream =>
  new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode(text)) });

describe("beacons that cannot be read", () => {
  const cases: [name: string, code: ErrorCode, send: () => Promise<Answer<Receipt>>, field?: string][] = [
    ["no body", "VALIDATION_ERROR", () => post(null), "(body)"],
    ["empty body", "VALIDATION_ERROR", () => post(""), "(body)"],
    ["white space", "VALIDATION_ERROR", () => post("  \n"), "(body)"],
    ["half an object", "VALIDATION_ERROR", () => post('{"events":[{'), "(body)"],
    ["form data", "VALIDATION_ERROR", () => post("a=1&b=2"), "(body)"],
    ["NaN", "VALIDATION_ERROR", () => post('{"events":[NaN]}'), "(body)"],
    ["two documents", "VALIDATION_ERROR", () => post("{}{}"), "(body)"],
    ["bytes that are no UTF-8", "VALIDATION_ERROR", () => post(new Uint8Array([0xff, 0xfe, 0x00, 0x7b])), "(body)"],
    ["null", "VALIDATION_ERROR", () => post("null"), "(body)"],
    ["a number", "VALIDATION_ERROR", () => post("1e309"), "(body)"],
    ["a string", "VALIDATION_ERROR", () => post('"events"'), "(body)"],
    ["a bare array", "VALIDATION_ERROR", () => post("[]"), "(body)"],
    ["an empty object", "VALIDATION_ERROR", () => post("{}"), "id"],
    ["events is an object", "VALIDATION_ERROR", () => post('{"events":{}}'), "events"],
    ["events is a string", "VALIDATION_ERROR", () => post('{"events":"x"}'), "events"],
    ["no events", "VALIDATION_ERROR", () => post('{"events":[]}'), "events"],
    ["101 events", "VALIDATION_ERROR", () => post(JSON.stringify({ events: many(101) })), "events"],
    ["50,000 events", "VALIDATION_ERROR", () => post(`{"events":[${"0,".repeat(50_000)}0]}`), "events"],
    ["100,000 nested arrays", "VALIDATION_ERROR", () => post(nested(100_000)), "(body)"],
    ["100,000 nested arrays as events", "VALIDATION_ERROR", () => post(`{"events":${nested(100_000)}}`)],
    ["100,000 nested arrays as an id", "VALIDATION_ERROR", () => post(`{"id":${nested(100_000)}}`), "id"],
    ["300 KB", "PAYLOAD_TOO_LARGE", () => post(large(300_000))],
    ["300 KB without content-length", "PAYLOAD_TOO_LARGE", () => post(chunked(large(300_000)))],
    ["a body that never ends", "PAYLOAD_TOO_LARGE", () => post(endless(large(300_000)))],
    ["XML", "UNSUPPORTED_MEDIA_TYPE", () => post("<x/>", { "content-type": "application/xml" })],
    ["a form", "UNSUPPORTED_MEDIA_TYPE", () => post("{}", { "content-type": "application/x-www-form-urlencoded" })],
    ["JSON-like type", "UNSUPPORTED_MEDIA_TYPE", () => post("{}", { "content-type": "application/jsonp" })],
    ["no key", "UNAUTHORIZED", () => post("{}", { key: "none" })],
    ["an empty key", "UNAUTHORIZED", () => post("{}", { key: "" })],
    ["an unknown key", "UNAUTHORIZED", () => post("{}", { key: `cw_pk_${"A".repeat(43)}` })],
    ["a garbage key", "UNAUTHORIZED", () => post("{}", { key: "' OR 1=1 --" })],
    ["a huge key", "UNAUTHORIZED", () => post("{}", { key: `cw_pk_${"A".repeat(8_000)}` })],
    ["a secret key", "FORBIDDEN", () => post("{}", { key: `cw_sk_${"A".repeat(43)}` })],
    ["PUT", "METHOD_NOT_ALLOWED", () => post("{}", { method: "PUT" })],
    ["DELETE", "METHOD_NOT_ALLOWED", () => post(null, { method: "DELETE" })],
    ["GET", "METHOD_NOT_ALLOWED", () => post(null, { method: "GET" })],
  ];
  test.each(cases)("%s → %s", async (_name, code, send, field) => {
    counted("unreadable beacons");
    expectProblem(await send(), code, field);
  });

  test("a foreign origin is refused once the store names its own", async () => {
    counted("unreadable beacons");
    await merchant.settings({ allowedOrigins: ["https://shop.example"] });
    const body = JSON.stringify(add("cors", "mug", "1.00"));
    expectProblem(await post(body, { origin: "https://evil.example" }), "FORBIDDEN");
    const own = await post(body, { origin: "https://shop.example" });
    expect([own.status, own.headers.get("access-control-allow-origin")]).toEqual([202, "https://shop.example"]);
    await merchant.settings({ allowedOrigins: [] });
  });
});

const many = (n: number) => Array.from({ length: n }, (_, i) => event(`many-${i}`, "page_viewed"));
const item = (change: Record<string, unknown>) => {
  const good = add("bad", "mug", "12.30");
  return { ...good, data: { item: { ...(good.data.item as object), ...change } } };
};
const lines = (items: unknown[], more: Record<string, unknown> = {}) =>
  event("bad", "cart_updated", { items, ...more });
const line = (price: unknown, currency = "EUR", quantity = 1) => ({
  productId: `p-${price}`,
  price,
  currency,
  quantity,
});
/** JSON text of an event whose amount is this literal: some amounts no JavaScript number can say. */
const literal = (price: string): string => JSON.stringify(item({ price: "@" })).replace('"@"', price);

describe("events that say something impossible", () => {
  const q = "data.item.quantity";
  const p = "data.item.price";
  const cases: [name: string, sent: unknown, field: string][] = [
    ["no id", { ...event("bad", "page_viewed"), id: undefined }, "id"],
    ["an id with a line break", { ...event("bad", "page_viewed"), id: "a\r\nb" }, "id"],
    ["an id of 129 characters", { ...event("bad", "page_viewed"), id: "x".repeat(129) }, "id"],
    ["a numeric id", { ...event("bad", "page_viewed"), id: 7 }, "id"],
    ["an unknown type", event("bad", "cart_stolen"), "type"],
    ["a type of the prototype", event("bad", "constructor"), "type"],
    ["version 2", event("bad", "page_viewed", {}, { version: 2 }), "version"],
    ["no time", event("bad", "page_viewed", {}, { occurredAt: undefined }), "occurredAt"],
    ["a time in words", event("bad", "page_viewed", {}, { occurredAt: "yesterday" }), "occurredAt"],
    ["a time as a number", event("bad", "page_viewed", {}, { occurredAt: 1 }), "occurredAt"],
    ["the year 9999", event("bad", "page_viewed", {}, { occurredAt: "9999-12-31T23:59:59Z" }), "occurredAt"],
    ["in two days", event("bad", "page_viewed", {}, { occurredAt: new Date(Date.now() + 172_800_000) }), "occurredAt"],
    ["31 February", event("bad", "page_viewed", {}, { occurredAt: "2026-02-31T00:00:00Z" }), "occurredAt"],
    ["no cart and no visitor", event("bad", "page_viewed", {}, { cartId: undefined, visitorId: undefined }), "cartId"],
    ["a cart id with a slash", event("../other/cart", "page_viewed"), "cartId"],
    ["a cart id with a space", event("a b", "page_viewed"), "cartId"],
    ["a cart id with a NUL", event("a\u0000b", "page_viewed"), "cartId"],
    ["a cart id with a line separator", event("a\u2028b", "page_viewed"), "cartId"],
    ["half a character as a cart id", event("\ud800", "page_viewed"), "cartId"],
    ["a cart id of two dots", event("..", "page_viewed"), "cartId"],
    ["half a character as an id", { ...event("bad", "page_viewed"), id: "\udfff" }, "id"],
    ["an empty cart id", event("", "page_viewed"), "cartId"],
    ["a cart id of 129 characters", event("x".repeat(129), "page_viewed"), "cartId"],
    ["a cart id that is an object", event("bad", "page_viewed", {}, { cartId: { $ne: 1 } }), "cartId"],
    ["a visitor with a slash", event("bad", "page_viewed", {}, { visitorId: "a/b" }), "visitorId"],
    ["data is a string", event("bad", "page_viewed", {}, { data: "x" }), "data"],
    ["an add without an item", event("bad", "product_added_to_cart"), "data.item"],
    ["an add without a price", item({ price: undefined }), p],
    ["no product", item({ productId: undefined }), "data.item.productId"],
    ["quantity 0", item({ quantity: 0 }), q],
    ["quantity -1", item({ quantity: -1 }), q],
    ["quantity 1.5", item({ quantity: 1.5 }), q],
    ["quantity 10,000", item({ quantity: 10_000 }), q],
    ["quantity 1e21", item({ quantity: 1e21 }), q],
    ["quantity as text", item({ quantity: "2" }), q],
    ["quantity null", item({ quantity: null }), q],
    ["price -1", item({ price: -1 }), p],
    ["price -0.01 as text", item({ price: "-0.01" }), p],
    ["price 12,30", item({ price: "12,30" }), p],
    ["price 1e18", item({ price: 1e18 }), p],
    ["price 1e18 as text", item({ price: "1e18" }), p],
    ["price 100,000,000.01", item({ price: "100000000.01" }), p],
    ["price NaN as text", item({ price: "NaN" }), p],
    ["price Infinity as text", item({ price: "Infinity" }), p],
    ["price as hex", item({ price: "0x10" }), p],
    ["an empty price", item({ price: "" }), p],
    ["price of 40 digits", item({ price: "1".repeat(40) }), p],
    ["price null", item({ price: null }), p],
    ["price as an object", item({ price: { amount: "1" } }), p],
    ["price 1e309", literal("1e309"), p],
    ["price -1e309", literal("-1e309"), p],
    ["currency in lower case", item({ currency: "eur" }), "data.item.currency"],
    ["currency as a number", item({ currency: 978 }), "data.item.currency"],
    ["a link that runs code", item({ url: "javascript:alert(1)" }), "data.item.url"],
    ["an image in the message", item({ imageUrl: "data:image/png;base64,AA" }), "data.item.imageUrl"],
    ["a name of 10,000 characters", item({ name: "x".repeat(10_000) }), "data.item.name"],
    ["no items", event("bad", "cart_updated"), "data.items"],
    ["two currencies in one snapshot", lines([line("1", "EUR"), line("2", "USD")]), "data.items.1.currency"],
    ["501 lines", lines(Array.from({ length: 501 }, (_, i) => line(i))), "data.items"],
    ["10,000 lines", lines(Array.from({ length: 10_000 }, () => ({}))), "data.items"],
    ["a negative revision", lines([], { revision: -1 }), "data.revision"],
    ["a fractional revision", lines([], { revision: 0.5 }), "data.revision"],
    ["a negative line in a snapshot", lines([line("1"), line("-2")]), "data.items.1.price"],
    [
      "an order without a currency",
      event("bad", "checkout_completed", { order: { id: "o", total: "1" } }),
      "data.order.currency",
    ],
    ["an order of -5", order("bad", "o", "-5"), "data.order.total"],
    ["an order of 1e18", order("bad", "o", "1e18"), "data.order.total"],
    ["an order with a control character", order("bad", "o\u0007", "5"), "data.order.id"],
    ["no e-mail address", event("bad", "shopper_identified", { email: "nobody" }), "data.email"],
    ["two addresses", event("bad", "shopper_identified", { email: "a@b.example, c@d.example" }), "data.email"],
    [
      "an address with a header",
      event("bad", "shopper_identified", { email: "a@b.example\r\nBcc: c@d.example" }),
      "data.email",
    ],
    ["nobody identified", event("bad", "shopper_identified"), "data"],
    ["consent perhaps", event("bad", "consent_updated", { email: "perhaps" }), "data.email"],
    ["consent to nothing", event("bad", "consent_updated"), "data"],
    ["a coupon without a code", event("bad", "coupon_applied", { code: "" }), "data.code"],
  ];
  test.each(cases)("%s", async (_name, sent, field) => {
    counted("impossible events");
    const answer = await post(typeof sent === "string" ? sent : JSON.stringify(sent));
    expectProblem(answer, "VALIDATION_ERROR", field);
    expect(answer.body).toMatchObject({
      accepted: 0,
      duplicates: 0,
      rejected: [{ index: 0, code: "VALIDATION_ERROR" }],
    });
  });

  test("none of them opened a cart, and all of them were counted as rejected", async () => {
    expectProblem(await merchant.call("GET", "/v1/carts/bad"), "NOT_FOUND");
    await until("rejections are counted", async () => (await merchant.usage()).events.rejected >= cases.length);
  });

  test("good events beside bad ones in one request are accepted, the bad ones named by their place", async () => {
    counted("mixed requests");
    const good = [add("mixed", "mug", "1.00"), add("mixed-2", "mug", "2.00")];
    const answer = await merchant.beacon([good[0], item({ price: -1 }), good[1], event("a/b", "page_viewed"), null, 7]);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ accepted: 2, duplicates: 0 });
    expect(answer.body.rejected.map((r) => r.index)).toEqual([1, 3, 4, 5]);
    expect(answer.body.rejected[0]!.message).toContain("data.item.price");
  });

  test("a second currency in a cart is refused, not added up", async () => {
    counted("mixed requests");
    await merchant.accept([add("euro", "mug", "1.00")]);
    const foreign = await merchant.beacon(add("euro", "cup", "5.00", 1, { currency: "USD" }));
    expectProblem(foreign, "CONFLICT");
    expect((await merchant.cart("euro")).total).toEqual({ amount: "1.00", currency: "EUR" });
  });
});

describe("events that are strange but true", () => {
  const strangeIds = [
    "...",
    "..%2f..",
    "';_DROP_TABLE_carts;--",
    "<b>x<|b>",
    "naïve-カート-🛒",
    "__proto__",
    "constructor",
    "%00",
    "a?b#c",
  ];
  test.each(strangeIds)("cart id %s is a cart like any other", async (id) => {
    counted("strange but accepted");
    await merchant.accept([add(id, "mug", "3.00")]);
    expect(await merchant.cart(id)).toMatchObject({ id, total: { amount: "3.00", currency: "EUR" } });
    await until("it is listed", async () =>
      (await merchant.carts(`&q=${encodeURIComponent(id)}`)).some((c) => c.id === id),
    );
  });

  const times: [string, string, number][] = [
    ["1970", "1970-01-01T00:00:00Z", 7 * 86_400_000],
    ["the year 1", "0001-01-01T00:00:00Z", 7 * 86_400_000],
    ["an hour fast", new Date(Date.now() + 3_600_000).toISOString(), 0],
    ["another zone", "2020-11-01T00:00:00+14:00", 7 * 86_400_000],
  ];
  test.each(times)("a clock at %s is clamped to a window around now", async (name, occurredAt, ago) => {
    counted("strange but accepted");
    const id = `clock-${name.replaceAll(" ", "-")}`;
    const began = Date.now();
    await merchant.accept([{ ...add(id, "mug", "3.00"), occurredAt }]);
    const heard = Date.parse((await merchant.timeline(id)).items[0]!.at) + ago;
    expect(heard).toBeGreaterThanOrEqual(began);
    expect(heard).toBeLessThanOrEqual(Date.now());
  });

  test("a sender whose clock is two days ahead is believed when it says so", async () => {
    counted("strange but accepted");
    const began = Date.now();
    const ahead = (ms: number) => new Date(began + 172_800_000 + ms).toISOString();
    const sent = { ...add("skewed", "mug", "3.00"), occurredAt: ahead(-60_000) };
    const answer = await post(JSON.stringify({ events: [sent], sentAt: ahead(0) }));
    expect([answer.status, answer.body.accepted]).toEqual([202, 1]);
    const sentAt = Date.parse((await merchant.timeline("skewed")).items[0]!.at) + 60_000;
    expect(sentAt).toBeGreaterThanOrEqual(began);
    expect(sentAt).toBeLessThanOrEqual(Date.now());
  });

  test("keys of the prototype are data like any other, and are not kept", async () => {
    counted("strange but accepted");
    const text = JSON.stringify(add("proto", "__proto__", "3.00")).replace(
      '"data":{',
      '"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}},"data":{"__proto__":{"item":null},',
    );
    expect((await post(text)).status).toBe(202);
    await merchant.accept([event("proto", "product_viewed", { item: { productId: "__proto__" } })]);
    await merchant.accept([event("proto", "page_viewed", { deep: JSON.parse(nested(1_000)) })]);
    const deep = await post(
      JSON.stringify(event("proto", "page_viewed")).replace('"data":{}', `"data":{"x":${nested(100_000)}}`),
    );
    expect(deep.status).toBe(202);
    expect((await merchant.cart("proto")).items).toMatchObject([{ productId: "__proto__", quantity: 1 }]);
    expect((await merchant.explain("proto")).consistent).toBe(true);
  });

  test("names with markup, SQL and line breaks reach the mail escaped, and make no header of their own", async () => {
    counted("strange but accepted");
    const shop = await Merchant.register(system.url, { name: "Evil\r\nBcc: all@shop.example <script>" });
    await shop.settings({ abandonAfterMinutes: 0.005 });
    const name = `<img src=x onerror=alert(1)>'); DROP TABLE carts;--{{ shopper.email }}\r\nX-Evil: 1\u0000`;
    await shop.accept([
      add("evil", "mug", "3.00", 1, { name }),
      identify("evil", "mallory@shopper.example", "Mal\r\nBcc: x@y.example\r\n\r\n<script>alert(1)</script>"),
    ]);
    const [found] = await until("the mail", async () => {
      const sent = await shop.deliveries("&status=sent");
      return sent.length === 1 && sent;
    });
    const mail = await shop.delivery(found!.id);
    expect(mail.html).not.toMatch(/<script|<img/i);
    expect(mail.html).toContain("&lt;img src=x onerror=alert(1)&gt;&#39;); DROP TABLE carts;--{{ shopper.email }}");
    expect(mail.subject).not.toMatch(/\p{Cc}/u);
    expect(mail.to).toBe("mallory@shopper.example");
    expect((await shop.carts()).map((c) => c.id)).toEqual(["evil"]);
  });
});
