import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeliveryView } from "../../shared/views.ts";
import { LiveSocket } from "../support/live.ts";
import { add, event, http, identify, Merchant, order, until } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

/** Everything a shop may choose is the same in both; only who they are differs. */
const CART = "same-cart";
const EMAIL = "same@shopper.example";

let system: System;
let red: Merchant;
let blue: Merchant;

beforeAll(async () => {
  system = await startSystem();
  red = await Merchant.register(system.url, { name: "Red", url: "https://red.example/" });
  blue = await Merchant.register(system.url, { name: "Blue", url: "https://blue.example/" });
});
afterAll(async () => {
  await system?.stop();
  expect(unexpectedIn(system.logs())).toEqual([]);
});

/** The same ids for both stores, whatever they hold. */
const sameIds = <E extends object>(events: E[], prefix: string): E[] =>
  events.map((e, i) => ({ ...e, id: `${prefix}-${i}`, visitorId: "same-visitor", sessionId: "same-session" }));
const events = (quantity: number) =>
  sameIds([add(CART, "mug", "10.00", quantity), identify(CART, EMAIL, "Same Person")], "evt");
const sent = (shop: Merchant, cartId = CART): Promise<DeliveryView> =>
  until("sent", async () => {
    const [delivery] = await shop.deliveries(`&cartId=${cartId}&status=sent`);
    return delivery && shop.delivery(delivery.id);
  });
const tokenOf = (url: string | null | undefined): string => new URL(url!).pathname.split("/")[2]!;

describe("two stores with the same carts, addresses and event ids", () => {
  let redMail: DeliveryView;
  let blueMail: DeliveryView;

  test("an id that one store has seen is new to the other", async () => {
    await red.accept(events(1));
    await blue.accept(events(2));
    expect((await red.beacon(events(1))).body).toMatchObject({ accepted: 0, duplicates: 2 });
    expect((await red.cart(CART)).items).toMatchObject([{ productId: "mug", quantity: 1 }]);
    expect((await blue.cart(CART)).items).toMatchObject([{ productId: "mug", quantity: 2 }]);
    const usage = await until("both are counted", async () => {
      const both = await Promise.all([red.usage(), blue.usage()]);
      return both[0].events.accepted === 2 && both[0].events.duplicates === 2 && both[1].events.accepted === 2 && both;
    });
    expect(usage[1].events.duplicates).toBe(0);
    expect(usage.map((u) => u.carts)).toEqual([1, 1]);
  });

  test("settings and campaigns of one store move nothing in the other", async () => {
    const made = await red.call<{ id: string }>("POST", "/v1/campaigns", {
      name: "Red only",
      priority: 9,
      steps: [{ id: "now" }],
    });
    const template = await red.call<{ id: string }>("POST", "/v1/templates", { name: "Red", subject: "r", html: "r" });
    const names = async (shop: Merchant, path: string) =>
      (await shop.get<{ items: { name: string }[] }>(path)).items.map((i) => i.name);
    expect(await names(blue, "/v1/campaigns")).toEqual(["Abandoned cart"]);
    const builtIn = ["Reminder", "Reminder by SMS", "Reminder by push", "Before they go"];
    expect(new Set(await names(blue, "/v1/templates"))).toEqual(new Set(builtIn));
    const campaign = { name: "Stolen", steps: [{ id: "x" }] };
    for (const [method, path, body] of [
      ["GET", `/v1/campaigns/${made.body.id}`, undefined],
      ["PUT", `/v1/campaigns/${made.body.id}`, campaign],
      ["DELETE", `/v1/campaigns/${made.body.id}`, undefined],
      ["PUT", `/v1/templates/${template.body.id}`, { name: "n", subject: "s", html: "h" }],
      ["POST", `/v1/templates/${template.body.id}/test`, { to: "blue@merchant.example" }],
      ["GET", `/v1/stores/${red.account.storeId}`, undefined],
      ["PATCH", `/v1/stores/${red.account.storeId}`, { name: "Stolen" }],
    ] as const)
      expectProblem(await blue.call(method, path, body), "NOT_FOUND");
    expect(await names(red, "/v1/campaigns")).toEqual(["Red only", "Abandoned cart"]);
    expect(new Set(await names(red, "/v1/templates"))).toEqual(new Set(["Red", ...builtIn]));
    expect((await blue.get<{ items: { id: string }[] }>("/v1/stores")).items.map((s) => s.id)).toEqual([
      blue.account.storeId,
    ]);
    expect(await red.get(`/v1/stores/${red.account.storeId}`)).toMatchObject({ name: "Red", abandonAfterMinutes: 30 });
  });

  test("keys of one store are unknown to the other", async () => {
    const made = await red.call<{ id: string; key: string }>("POST", "/v1/api-keys", {});
    expectProblem(await blue.call("DELETE", `/v1/api-keys/${made.body.id}`), "NOT_FOUND");
    const listed = await blue.get<{ items: { key?: string }[] }>("/v1/api-keys");
    expect(listed.items.map((k) => k.key)).toEqual([blue.account.key]);
    const asRed = await blue.call("GET", "/v1/carts", undefined, { authorization: `Bearer ${made.body.key}` });
    expect(asRed.body).toMatchObject({ items: [{ itemCount: 1 }] });
  });

  test("each store mails its own cart; the other's delivery does not exist for it", async () => {
    const sockets = await Promise.all(
      [red, blue].flatMap((shop) =>
        (["protocol", "frame"] as const).map((by) =>
          LiveSocket.listen(system.url, shop.account.accessToken, by, ["carts", "deliveries", "metrics"]),
        ),
      ),
    );
    for (const shop of [red, blue]) await shop.settings({ abandonAfterMinutes: 0.005 });
    await red.accept(sameIds([event(CART, "cart_viewed")], "view"));
    redMail = await sent(red);
    await blue.accept(sameIds([event(CART, "cart_viewed")], "view"));
    blueMail = await sent(blue);
    expect(redMail.id).not.toBe(blueMail.id);
    expect(redMail.shopperId).not.toBe(blueMail.shopperId);
    expect([redMail.subject, blueMail.subject]).toEqual([
      "Same, your cart at Red is waiting",
      "Same, your cart at Blue is waiting",
    ]);
    expect(redMail.html).not.toContain("Blue");
    expectProblem(await blue.call("GET", `/v1/deliveries/${redMail.id}`), "NOT_FOUND");
    expectProblem(await red.call("GET", `/v1/deliveries/${blueMail.id}`), "NOT_FOUND");
    for (const [shop, own] of [
      [red, redMail],
      [blue, blueMail],
    ] as const) {
      expect((await shop.deliveries()).map((d) => d.id)).toEqual([own.id]);
      expect((await shop.carts(`&q=${EMAIL}`)).map((c) => c.itemCount)).toEqual([shop === red ? 1 : 2]);
    }
    for (const [i, socket] of sockets.entries()) {
      const own = i < 2 ? redMail : blueMail;
      await until("the socket heard of its mail", async () => socket.statuses(CART).includes("recovering"));
      const told = socket.news("deliveries").flatMap((n) => n.deliveries.map((d) => d.id));
      expect(new Set(told)).toEqual(new Set([own.id]));
      const counts = socket.news("carts").flatMap((n) => n.carts.map((c) => c.itemCount));
      expect(new Set(counts)).toEqual(new Set([i < 2 ? 1 : 2]));
      socket.close();
    }
  });

  test("links lead to their own store, and unsubscribing from one is heard by that one alone", async () => {
    const restored = await http<{ items: { quantity: number }[] }>(
      `${system.url}/r/${tokenOf(redMail.recoveryUrl)}/cart`,
    );
    expect(restored.body.items.map((i) => i.quantity)).toEqual([1]);
    const clicked = await http(redMail.recoveryUrl!, { headers: { "user-agent": "Mozilla/5.0" } });
    expect(new URL(clicked.headers.get("location")!).origin).toBe("https://red.example");
    expect((await red.cart(CART)).deliveries[0]!.status).toBe("clicked");
    expect((await blue.cart(CART)).deliveries[0]!.status).toBe("sent");
    expect((await http(redMail.unsubscribeUrl!, { method: "POST" })).status).toBe(200);
    for (const shop of [red, blue]) await shop.accept([add("next", "mug", "1.00"), identify("next", EMAIL)]);
    await until("red is silent", async () => (await red.deliveries("&cartId=next&status=suppressed"))[0]);
    await sent(blue, "next");
  });

  test("a click, a message id or an order in one store says nothing about the other's cart", async () => {
    await blue.accept(sameIds([event(CART, "message_clicked", { deliveryId: redMail.id })], "click"));
    await red.accept(sameIds([order(CART, "same-order", "10.00")], "order"));
    expect((await red.cart(CART)).status).toBe("recovered");
    expect(["recovering", "active", "abandoned"]).toContain((await blue.cart(CART)).status);
    await blue.accept(sameIds([order(CART, "same-order", "20.00")], "order"));
    expect((await blue.cart(CART)).attribution).toMatchObject({ deliveryId: blueMail.id, model: "last_touch" });
    expectProblem(await http(`${system.url}/r/${tokenOf(redMail.recoveryUrl)}/cart`), "NOT_FOUND");
    await until("revenues", async () => {
      const [a, b] = await Promise.all([red.realtime(), blue.realtime()]);
      return a.recoveredRevenue.amount === "10.00" && b.recoveredRevenue.amount === "20.00";
    });
    for (const [shop, revenue] of [
      [red, 1000],
      [blue, 2000],
    ] as const) {
      const days = await shop.rollups();
      expect(days.reduce((sum, d) => sum + (d.revenue?.EUR ?? 0), 0)).toBe(revenue);
    }
  });

  test("a cart that only one store has does not exist in the other, under any path", async () => {
    await red.accept([add("red-only", "mug", "1.00")]);
    for (const path of ["", "/timeline", "/explain"])
      expectProblem(await blue.call("GET", `/v1/carts/red-only${path}`), "NOT_FOUND");
    for (const id of [`${red.account.storeId}/red-only`, `../${red.account.storeId}/red-only`])
      expectProblem(await blue.call("GET", `/v1/carts/${encodeURIComponent(id)}`), "NOT_FOUND");
    await blue.call("DELETE", "/v1/carts/red-only/links");
    await until("red lists it", async () => (await red.carts()).some((c) => c.id === "red-only"));
    expect((await blue.carts()).map((c) => c.id).sort()).toEqual(["next", CART]);
    const body = JSON.stringify({ events: [add("smuggled", "mug", "1.00")], storeId: red.account.storeId });
    const smuggled = await http(`${system.url}/v1/events?key=${blue.account.key}&storeId=${red.account.storeId}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-store-id": red.account.storeId },
      body,
    });
    expect(smuggled.status).toBe(202);
    expectProblem(await red.call("GET", "/v1/carts/smuggled"), "NOT_FOUND");
    expect((await blue.cart("smuggled")).itemCount).toBe(1);
  });
});
