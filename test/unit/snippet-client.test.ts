import { describe, expect, it, vi } from "vitest";
import { randomId } from "../../workers/storefront/snippet/identity.ts";
import { fetchCart, takeToken } from "../../workers/storefront/snippet/restore.ts";
import { mug, openPage } from "./snippet-support.ts";

describe("batching", () => {
  it("gathers browsing for a second and sends it in one request", async () => {
    const page = openPage();
    page.cartwake("track", "page_viewed");
    page.cartwake("view", mug);
    await page.clock.advance(999);
    expect(page.sent).toHaveLength(0);
    await page.clock.advance(1);
    expect(page.sent).toHaveLength(1);
    expect(page.types()).toEqual(["page_viewed", "product_viewed"]);
    expect(page.queue.size()).toBe(0);
  });

  it("sends an add at once, and what waited with it", async () => {
    const page = openPage();
    page.cartwake("track", "page_viewed");
    page.cartwake("add", mug);
    await page.clock.advance(50);
    expect(page.types()).toEqual(["page_viewed", "product_added_to_cart"]);
  });

  it("does not wait once ten events are there", async () => {
    const page = openPage();
    for (let i = 0; i < 10; i++) page.cartwake("view", mug);
    await page.clock.advance(50);
    expect(page.types()).toHaveLength(10);
  });

  it("says when it sent, without a preflight, and outlives the page", async () => {
    const page = openPage();
    page.cartwake("add", mug);
    await page.clock.advance(50);
    const { sentAt, at, init } = page.sent[0]!;
    expect(Date.parse(sentAt)).toBe(at);
    expect(init).toMatchObject({ method: "POST", keepalive: true, credentials: "omit" });
    expect(init.headers).toEqual({ "content-type": "text/plain" });
  });

  it("orders events of one millisecond", async () => {
    const page = openPage();
    page.cartwake("add", mug);
    page.cartwake("cart", [mug], 1);
    await page.clock.advance(50);
    const [add, snapshot] = page.sent[0]!.events;
    expect(add!.occurredAt < snapshot!.occurredAt).toBe(true);
    expect(snapshot!.data).toEqual({ items: [mug], revision: 1 });
  });
});

describe("consent", () => {
  it("stops browsing events when analytics is denied, also those waiting, and nothing else", async () => {
    const page = openPage();
    page.cartwake("view", mug);
    page.cartwake("consent", { analytics: "denied", email: "granted" });
    page.cartwake("track", "search_submitted", { query: "mug" });
    page.cartwake("add", mug);
    page.cartwake("identify", { email: "ada@example.com" });
    page.cartwake("checkout");
    await page.clock.advance(5_000);
    expect(page.types()).toEqual([
      "consent_updated",
      "product_added_to_cart",
      "shopper_identified",
      "checkout_started",
    ]);
  });

  it("takes Global Privacy Control for a no, unless the shopper said yes", async () => {
    const page = openPage({ gpc: true });
    page.cartwake("track", "page_viewed");
    page.cartwake("consent", { email: "granted" });
    page.cartwake("track", "page_viewed");
    page.cartwake("consent", { analytics: "granted" });
    page.cartwake("track", "page_viewed");
    await page.clock.advance(5_000);
    expect(page.types()).toEqual(["consent_updated", "consent_updated", "page_viewed"]);
  });

  it("is remembered by the next page", async () => {
    const first = openPage();
    first.cartwake("consent", { analytics: "denied" });
    const second = openPage({ local: first.local });
    second.cartwake("track", "page_viewed");
    await second.clock.advance(5_000);
    expect(second.types()).not.toContain("page_viewed");
  });
});

describe("orders", () => {
  const order = { id: 1001, total: "12.30", currency: "EUR", items: [mug] };

  it("closes the cart; the next add opens another", async () => {
    const page = openPage();
    page.cartwake("add", mug);
    const cart = page.cartwake("cartId");
    page.cartwake("order", order);
    page.cartwake("cart", []); // the shop empties its basket
    page.cartwake("track", "page_viewed");
    expect(page.cartwake("cartId")).toBe(cart);
    page.cartwake("add", mug);
    expect(page.cartwake("cartId")).not.toBe(cart);
    await page.clock.advance(5_000);
    const events = page.sent.flatMap((request) => request.events);
    expect(events.map((e) => [e.type, e.cartId === cart])).toEqual([
      ["product_added_to_cart", true],
      ["checkout_completed", true],
      ["page_viewed", true],
      ["product_added_to_cart", false],
    ]);
    expect(events[1]!.data).toEqual({ order: { ...order, id: "1001" } });
  });

  it("is reported once, though the thank-you page be loaded again over a new basket", async () => {
    const first = openPage();
    first.cartwake("order", order);
    first.cartwake("add", mug);
    await first.clock.advance(50);
    const cart = first.cartwake("cartId");
    const again = openPage({ local: first.local, session: first.session });
    again.cartwake("order", order);
    again.cartwake("add", mug);
    expect(again.cartwake("cartId")).toBe(cart);
    await again.clock.advance(50);
    expect(again.types()).toEqual(["product_added_to_cart"]);
  });
});

describe("commands", () => {
  it("never throw, whatever the page says", () => {
    const page = openPage();
    for (const args of [[], [null], [undefined, 1], ["x"]]) {
      for (const name of ["track", "add", "remove", "cart", "view", "checkout", "order", "identify", "consent", "on"]) {
        expect(() => page.cartwake(name, ...args)).not.toThrow();
      }
    }
    expect(page.cartwake("toString")).toBeUndefined();
    expect(page.cartwake("nonsense")).toBeUndefined();
  });

  it("name products as text and leave nulls out", async () => {
    const page = openPage();
    page.cartwake("add", { productId: 7, variantId: null, price: 3.5, currency: "EUR" });
    await page.clock.advance(50);
    expect(page.sent[0]!.events[0]!.data).toEqual({
      item: { productId: "7", price: 3.5, currency: "EUR", quantity: 1 },
    });
  });

  it("identify once for the same word", async () => {
    const page = openPage();
    page.cartwake("identify", { email: "ada@example.com" });
    page.cartwake("identify", { email: "ada@example.com" });
    page.cartwake("identify", { email: "ada@example.org" });
    await page.clock.advance(50);
    expect(page.types()).toHaveLength(2);
  });
});

describe("restore", () => {
  const cart = {
    cartId: "c-restored",
    items: [{ productId: "p1", name: "Mug", price: { amount: "12.30", currency: "EUR" }, quantity: 2 }],
    currency: "EUR",
    deliveryId: "d-1",
  };

  it("continues the cart, tells the page, also one that asks late, and reports the click", async () => {
    const page = openPage();
    const early = vi.fn();
    const late = vi.fn();
    page.cartwake("on", "restore", () => {
      throw new Error("the page's own bug");
    });
    page.cartwake("on", "restore", early);
    expect(page.client.restore(cart)).toBe(true);
    page.cartwake("on", "restore", late);
    expect(early).toHaveBeenCalledExactlyOnceWith(cart);
    expect(late).toHaveBeenCalledExactlyOnceWith(cart);
    expect(page.cartwake("cartId")).toBe("c-restored");
    await page.clock.advance(50);
    expect(page.sent[0]!.events[0]).toMatchObject({
      type: "message_clicked",
      cartId: "c-restored",
      data: { deliveryId: "d-1" },
    });
  });

  it("does not trade the shopper's basket for a cart that is over", async () => {
    const page = openPage();
    const own = page.cartwake("cartId");
    expect(page.client.restore({ ...cart, items: [] })).toBe(false);
    expect(page.cartwake("cartId")).toBe(own);
    await page.clock.advance(50);
    expect(page.sent[0]!.events[0]).toMatchObject({ type: "message_clicked", cartId: "c-restored" });
  });

  it("takes the token out of the address and leaves the rest", () => {
    expect(takeToken("https://shop.test/a?x=1&cartwake=tok.en&y=2#z")).toEqual({
      token: "tok.en",
      href: "https://shop.test/a?x=1&y=2#z",
    });
    expect(takeToken("https://shop.test/?x=%20").token).toBeNull();
  });

  it("is nothing when the link is spent, garbled or out of reach", async () => {
    const ask = (answer: () => Promise<Response>) => fetchCart(answer, "https://c.test", "t/1");
    expect(await ask(async () => Response.json(cart))).toEqual(cart);
    expect(await ask(async () => Response.json({ code: "NOT_FOUND" }, { status: 404 }))).toBeNull();
    expect(await ask(async () => new Response("<html>"))).toBeNull();
    expect(await ask(() => Promise.reject(new TypeError("offline")))).toBeNull();
  });
});

it("ids are UUIDs on any device", () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(randomId(Math.random)).toMatch(uuid);
  expect(randomId(Math.random, {})).toMatch(uuid);
  expect(randomId(() => 0.999_999, undefined)).toMatch(uuid);
});
