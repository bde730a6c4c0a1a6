import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeliveryView } from "../../shared/views.ts";
import { LiveSocket } from "../support/live.ts";
import { add, event, http, identify, Merchant, order, until } from "../support/merchant.ts";
import { type System, startSystem } from "../support/system.ts";

/** A cart counts as left after this: long enough to send what belongs together, short enough to wait for. */
const IDLE_MINUTES = 0.01;

let system: System;
beforeAll(async () => {
  // As deployed: links lead to where the store registered.
  system = await startSystem({ vars: { PUBLIC_URL: "" } });
});
afterAll(() => system.stop());

async function shop(settings: Record<string, unknown> = {}): Promise<Merchant> {
  const merchant = await Merchant.register(system.url);
  await merchant.settings({ abandonAfterMinutes: IDLE_MINUTES, ...settings });
  return merchant;
}

/** The one delivery of a cart, once it has that status. */
const delivered = (merchant: Merchant, cartId: string, status: string, within?: number): Promise<DeliveryView> =>
  until(
    `${cartId}'s message is ${status}`,
    async () => {
      const found = await merchant.deliveries(`&cartId=${cartId}`);
      return found.length === 1 && found[0]!.status === status && merchant.delivery(found[0]!.id);
    },
    within === undefined ? {} : { within },
  );

const pathOf = (url: string): string => new URL(url).pathname;
const restoredBy = (delivery: DeliveryView) =>
  http<{ cartId: string; items: { productId: string; quantity: number }[]; deliveryId: string }>(
    `${system.url}${pathOf(delivery.recoveryUrl!)}/cart`,
  );

describe.concurrent("the loop", () => {
  test("a left cart is mailed once, restored by its link, bought, and counted as recovered everywhere", async () => {
    // Longer than the queue gathers news, so that the live topic tells of the active cart first.
    const merchant = await shop({ abandonAfterMinutes: 0.2 });
    const token = merchant.account.accessToken;
    const sockets = await Promise.all([
      LiveSocket.listen(system.url, token, "protocol", ["carts", "deliveries", "metrics"]),
      LiveSocket.listen(system.url, token, "frame", ["carts", "deliveries", "metrics"]),
    ]);
    const sent = [
      event("loop", "page_viewed"),
      add("loop", "mug", "12.30", 2),
      add("loop", "bowl", "20.00"),
      identify("loop", "Ada@Shopper.Example", "Ada Lovelace"),
    ];
    await merchant.accept(sent);
    const mail = await delivered(merchant, "loop", "sent");
    expect(mail).toMatchObject({
      cartId: "loop",
      provider: "outbox",
      channel: "email",
      to: "ada@shopper.example",
      subject: "Ada, your cart at Kiln & Co is waiting",
    });
    expect(mail.statusHistory.map((s) => s.status)).toEqual(["scheduled", "claimed", "sent"]);
    for (const part of [mail.html!, mail.text!]) {
      expect(part).toContain("44.60");
      expect(part).toContain("Product mug");
      expect(part).toContain(mail.recoveryUrl!);
      expect(part).toContain(mail.unsubscribeUrl!);
    }
    expect(mail.html).toContain("Kiln &amp; Co");

    const restored = await restoredBy(mail);
    expect(restored.status).toBe(200);
    expect(restored.body).toMatchObject({ cartId: "loop", deliveryId: mail.id });
    expect(restored.body.items.map((i) => [i.productId, i.quantity])).toEqual([
      ["mug", 2],
      ["bowl", 1],
    ]);
    const robot = await http(mail.recoveryUrl!, { headers: { "user-agent": "LinkPreviewBot/1.0" } });
    expect(robot.status).toBe(302);
    expect((await merchant.cart("loop")).deliveries[0]!.status).toBe("sent");
    const clicked = await http(mail.recoveryUrl!, { headers: { "user-agent": "Mozilla/5.0" } });
    const target = new URL(clicked.headers.get("location")!);
    expect([clicked.status, target.origin]).toEqual([302, "https://shop.example"]);
    expect(target.searchParams.get("cartwake")).toBe(pathOf(mail.recoveryUrl!).slice("/r/".length));
    expect((await merchant.cart("loop")).deliveries[0]!.status).toBe("clicked");

    await merchant.accept([order("loop", "order-1", "44.60")]);
    const cart = await merchant.cart("loop");
    expect(cart).toMatchObject({
      status: "recovered",
      order: { id: "order-1", total: { amount: "44.60", currency: "EUR" } },
      attribution: { campaignId: "abandoned-cart", deliveryId: mail.id, model: "last_click" },
    });
    expect(cart.timers.map((t) => t.name)).toEqual(["forget"]);
    expect((await restoredBy(mail)).status).toBe(404);

    const usage = await until("the order is counted", async () => {
      const counted = await merchant.usage();
      return counted.orders === 1 && counted;
    });
    const byType = { page_viewed: 1, product_added_to_cart: 2, shopper_identified: 1, checkout_completed: 1 };
    expect(usage).toMatchObject({
      events: { accepted: 5, duplicates: 0, rejected: 0 },
      byType,
      carts: 1,
      orders: 1,
      messages: 1,
    });
    for (const grain of ["minute", "hour", "day"]) {
      const buckets = await merchant.rollups(grain);
      const sum = (of: (bucket: (typeof buckets)[number]) => number | undefined): number =>
        buckets.reduce((total, bucket) => total + (of(bucket) ?? 0), 0);
      expect([
        sum((b) => b.carts),
        sum((b) => b.abandoned),
        sum((b) => b.orders),
        sum((b) => b.recovered),
        sum((b) => b.messages),
        sum((b) => b.revenue?.EUR),
        sum((b) => b.recoveredRevenue?.EUR),
      ]).toEqual([1, 1, 1, 1, 1, 4460, 4460]);
      for (const [type, count] of Object.entries(byType)) expect(sum((b) => b.events?.[type])).toBe(count);
    }
    expect(await merchant.realtime()).toMatchObject({
      activeCarts: 0,
      abandonedCarts: 0,
      recoveredCarts: 1,
      revenueAtRisk: { amount: "0.00", currency: "EUR" },
      recoveredRevenue: { amount: "44.60", currency: "EUR" },
    });
    expect(await merchant.carts()).toMatchObject([{ id: "loop", status: "recovered", itemCount: 3 }]);

    const { items, complete } = await merchant.timeline("loop");
    expect(complete).toBe(true);
    expect(items.filter((i) => i.kind === "event").map((i) => i.code)).toEqual([
      ...sent.map((e) => e.type),
      "checkout_completed",
    ]);
    expect(items.filter((i) => i.kind !== "event").map((i) => i.code)).toEqual([
      "abandoned",
      "journey_entered",
      "scheduled",
      "dispatched",
      "claimed",
      "sent",
      "clicked",
      "recovered",
    ]);
    const explained = await merchant.explain("loop");
    expect(explained.consistent).toBe(true);
    expect(explained.cart.status).toBe("recovered");
    expect(explained.decisions.map((d) => d.command)).toEqual([
      "receive",
      "wake",
      "claim",
      "settle",
      "report",
      "receive",
    ]);

    for (const socket of sockets) {
      await until("the socket saw the order", async () => socket.statuses("loop").includes("recovered"));
      const statuses = socket.statuses("loop");
      expect(statuses[0]).toBe("active");
      expect(statuses.at(-1)).toBe("recovered");
      expect(statuses).toContain("recovering");
      const deliveries = socket.news("deliveries").flatMap((n) => n.deliveries);
      expect(deliveries.every((d) => d.id === mail.id && d.cartId === "loop")).toBe(true);
      expect(deliveries.map((d) => d.status)).toContain("clicked");
      await until("metrics", async () => socket.news("metrics").some((n) => n.metrics.recoveredCarts === 1));
      socket.close();
    }
  });

  test("following the unsubscribe link changes nothing; posting it keeps the address's next cart silent", async () => {
    const merchant = await shop();
    await merchant.accept([add("first", "mug", "10.00"), identify("first", "bob@shopper.example")]);
    const mail = await delivered(merchant, "first", "sent");
    const page = await http(mail.unsubscribeUrl!);
    expect(page.status).toBe(200);
    expect(page.text).toContain(`<form method="post" action="${pathOf(mail.unsubscribeUrl!)}">`);
    await merchant.accept([add("second", "mug", "10.00"), identify("second", "bob@shopper.example")]);
    await delivered(merchant, "second", "sent");

    const posted = await http(mail.unsubscribeUrl!, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "List-Unsubscribe=One-Click",
    });
    expect(posted.status).toBe(200);
    await merchant.accept([add("third", "mug", "10.00"), identify("third", "BOB@shopper.example")]);
    const silent = await delivered(merchant, "third", "suppressed");
    expect(silent.statusHistory.at(-1)).toMatchObject({ reason: "suppressed_unsubscribed" });
    expect(silent.html).toBeNull();
    await merchant.accept([order("third", "order-3", "10.00")]);
    expect((await merchant.cart("third")).status).toBe("purchased");
  });

  test("links lead to where the store registered, which no change of settings moves", async () => {
    const merchant = await shop({ baseUrl: "https://evil.example" });
    expect(await merchant.get(`/v1/stores/${merchant.account.storeId}`)).not.toHaveProperty("baseUrl");
    await merchant.accept([add("based", "mug", "10.00"), identify("based", "gus@shopper.example")]);
    const mail = await delivered(merchant, "based", "sent");
    expect([mail.recoveryUrl, mail.unsubscribeUrl].map((url) => new URL(url!).origin)).toEqual([
      system.url,
      system.url,
    ]);
  });

  test("two carts of one shopper are mailed and restored each for itself, within one common cap", async () => {
    const merchant = await shop({ frequencyCap: { max: 2, perHours: 24 } });
    await merchant.accept([
      add("left", "mug", "10.00"),
      identify("left", "cleo@shopper.example"),
      add("right", "bowl", "30.00", 3),
      identify("right", "cleo@shopper.example"),
    ]);
    const mails = await Promise.all(["left", "right"].map((id) => delivered(merchant, id, "sent")));
    expect(mails[0]!.shopperId).toBe(mails[1]!.shopperId);
    expect(mails[0]!.id).not.toBe(mails[1]!.id);
    const restored = await Promise.all(mails.map(restoredBy));
    expect(restored.map((r) => [r.body.cartId, r.body.items.map((i) => i.productId)])).toEqual([
      ["left", ["mug"]],
      ["right", ["bowl"]],
    ]);
    await merchant.accept([order("left", "order-left", "10.00")]);
    expect((await merchant.cart("left")).status).toBe("recovered");
    expect((await merchant.cart("right")).status).toBe("recovering");
    expect((await restoredBy(mails[1]!)).status).toBe(200);

    await merchant.accept([add("over", "vase", "5.00"), identify("over", "cleo@shopper.example")]);
    // The cap holds it back, until a place is free again: a day after the first mail.
    const held = await until("the third cart's mail to be held", async () => {
      const [found] = (await merchant.deliveries()).filter((d) => d.cartId === "over");
      return found?.statusHistory.at(-1)?.reason === "frequency_cap" && found;
    });
    expect(held.status).toBe("scheduled");
    const { timers } = await merchant.cart("over");
    const wait = Date.parse(timers.find((t) => t.name === "step")!.at) - Date.parse(mails[0]!.sentAt!);
    expect(Math.abs(wait - 24 * 3_600_000)).toBeLessThan(60_000);
  });

  test("a held-out shopper stays held out, gets no mail, and counts as purchased, not recovered", async () => {
    const merchant = await shop();
    const created = await merchant.call("POST", "/v1/campaigns", {
      name: "Half",
      holdout: 0.5,
      priority: 10,
      steps: [{ id: "only" }],
    });
    expect(created.status).toBe(201);
    const shoppers = Array.from({ length: 24 }, (_, i) => `half-${i}`);
    const settled = async (suffix: string) => {
      await merchant.accept(
        shoppers.flatMap((s) => [add(s + suffix, "mug", "10.00"), identify(s + suffix, `${s}@shopper.example`)]),
      );
      return until(`all ${suffix} carts decided`, async () => {
        const all = (await merchant.deliveries()).filter((d) => d.cartId.endsWith(suffix));
        return all.length === shoppers.length && all.every((d) => ["sent", "suppressed"].includes(d.status)) && all;
      });
    };
    const first = await settled("-a");
    const held = first.filter((d) => d.status === "suppressed");
    expect(held.length).toBeGreaterThan(0);
    expect(held.length).toBeLessThan(shoppers.length);
    for (const { statusHistory, to } of held) expect([statusHistory.at(-1)!.reason, to]).toEqual(["holdout", null]);
    const arms = (list: DeliveryView[]) => Object.fromEntries(list.map((d) => [d.cartId.replace(/-.$/, ""), d.status]));
    expect(arms(await settled("-b"))).toEqual(arms(first));
    const [mailed] = first.filter((d) => d.status === "sent");
    await merchant.accept([held[0]!, mailed!].map((d) => order(d.cartId, `order-${d.cartId}`, "10.00")));
    expect((await merchant.cart(held[0]!.cartId)).status).toBe("purchased");
    expect((await merchant.cart(mailed!.cartId)).status).toBe("recovered");
  });

  test("campaigns are created, changed only from the version that was read, tried by priority, and deleted", async () => {
    const merchant = await shop();
    const template = await merchant.call<{ id: string }>("POST", "/v1/templates", {
      name: "Ours",
      subject: "{{ cart.count }} for {{ shopper.firstName }}",
      html: "<b>{{ cart.items[0].name }}</b> <a href='{{ recovery_url }}'>back</a>",
      text: "{{ cart.items[0].name }} {{ recovery_url }}",
    });
    expect(template.status).toBe(201);
    const input = {
      name: "Dear carts",
      priority: 5,
      conditions: { "total.amount": { $gte: 50 } },
      steps: [{ id: "now", variants: [{ id: "ours", templateId: template.body.id }] }],
    };
    const created = await merchant.call<{ id: string; version: number }>("POST", "/v1/campaigns", input);
    expect([created.status, created.body.version]).toEqual([201, 1]);
    const path = `/v1/campaigns/${created.body.id}`;
    const read = await merchant.call("GET", path);
    expect(read.headers.get("etag")).toBe('"1"');
    const changed = await merchant.call("PUT", path, { ...input, name: "Renamed" }, { "if-match": '"1"' });
    expect([changed.status, changed.body.version, changed.body.name]).toEqual([200, 2, "Renamed"]);
    const late = await merchant.call("PUT", path, { ...input, name: "Lost update" }, { "if-match": '"1"' });
    expect([late.status, late.body.code]).toEqual([409, "CONFLICT"]);
    expect((await merchant.get<{ name: string }>(path)).name).toBe("Renamed");
    const list = await merchant.get<{ items: { name: string }[] }>("/v1/campaigns");
    expect(list.items.map((c) => c.name)).toEqual(["Renamed", "Abandoned cart"]);

    await merchant.accept([
      add("dear", "vase", "60.00", 2, { name: "Vase <b>" }),
      identify("dear", "dora@shopper.example", "Dora Maar"),
      add("cheap", "mug", "5.00"),
      identify("cheap", "emil@shopper.example"),
    ]);
    const dear = await delivered(merchant, "dear", "sent");
    expect(dear).toMatchObject({
      campaignId: created.body.id,
      stepId: "now",
      variantId: "ours",
      subject: "2 for Dora",
    });
    expect(dear.html).toBe(`<b>Vase &lt;b&gt;</b> <a href='${dear.recoveryUrl}'>back</a>`);
    expect(await delivered(merchant, "cheap", "sent")).toMatchObject({ campaignId: "abandoned-cart" });

    expect((await merchant.call("DELETE", path)).status).toBe(204);
    expect((await merchant.call("DELETE", path)).status).toBe(404);
    expect((await merchant.call("GET", path)).status).toBe(404);
    await merchant.accept([add("dear-2", "vase", "60.00"), identify("dear-2", "fred@shopper.example")]);
    expect(await delivered(merchant, "dear-2", "sent")).toMatchObject({ campaignId: "abandoned-cart" });
  });

  test("quiet hours in the shopper's own zone hold a message, which goes out once when they end", async () => {
    const zone = "Asia/Kolkata";
    const clock = (ms: number) =>
      new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone }).format(
        ms,
      );
    const merchant = await shop();
    /** Two carts, of which one is left in quiet hours that end so many ms from now or up to a minute later. */
    const leave = async (n: number, ahead: number) => {
      const end = Math.ceil((Date.now() + ahead) / 60_000) * 60_000;
      await merchant.settings({ quietHours: { from: clock(Date.now() - 60_000), to: clock(end) } });
      const [asleep, awake] = [`asleep-${n}`, `awake-${n}`];
      await merchant.accept([
        { ...add(asleep, "mug", "10.00"), context: { timezone: zone } },
        identify(asleep, `indira-${n}@shopper.example`),
        add(awake, "mug", "10.00"),
        identify(awake, `gina-${n}@shopper.example`),
      ]);
      await delivered(merchant, awake, "sent");
      const delivery = await until("the message is held or sent", async () => {
        const [found] = (await merchant.cart(asleep)).deliveries;
        const isHeld = found?.statusHistory.at(-1)?.reason === "quiet_hours";
        return found && (isHeld || found.status === "sent") && found;
      });
      return { asleep, end, delivery };
    };
    let n = 1;
    let left = await leave(n, 8_000);
    // A machine so slow that the hours were over before the cart was left tries again with more time.
    for (; left.delivery.status === "sent"; n++) {
      const { statusHistory } = left.delivery;
      expect(Date.parse(statusHistory.find(({ status }) => status === "claimed")!.at)).toBeGreaterThanOrEqual(left.end);
      left = await leave(n + 1, 8_000 * 2 ** n);
    }
    expect(left.delivery.status).toBe("scheduled");
    expect(Date.parse(left.delivery.dueAt!)).toBe(left.end);
    const sent = await delivered(merchant, left.asleep, "sent", 300_000);
    expect(sent.id).toBe(left.delivery.id);
    expect(Date.parse(sent.sentAt!)).toBeGreaterThanOrEqual(left.end);
    expect(sent.statusHistory.filter((s) => s.status === "claimed")).toHaveLength(1);
    await until("both mails are counted", async () => (await merchant.usage()).messages === 2 * n);
  });

  test("an unanswered mail is followed by a text, and the outbox says so of each", async () => {
    const merchant = await shop();
    const steps = [{ id: "reminder", channel: "all", fallbackMinutes: 0.01 }];
    expect((await merchant.call("POST", "/v1/campaigns", { name: "Twice", steps })).status).toBe(201);
    await merchant.accept([
      add("twice", "mug", "10.00"),
      event("twice", "shopper_identified", { email: "ida@shopper.example", phone: "+4930231250" }),
      event("twice", "consent_updated", { sms: "granted" }),
    ]);
    const sent = await until("both are sent", async () => {
      const found = (await merchant.deliveries("&cartId=twice")).filter(({ status }) => status === "sent");
      return found.length === 2 && found;
    });
    expect(sent.map(({ channel, to }) => [channel, to]).sort()).toEqual([
      ["email", "ida@shopper.example"],
      ["sms", "+4930231250"],
    ]);
  });
});
