/** Left carts whose shoppers are written to by SMS and push, through stores' own providers, from the beacon to the answer. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { CartDeliveryView, DeliveryStatus } from "../../shared/views.ts";
import { add, event, http, Merchant, until } from "../support/merchant.ts";
import { unexpectedIn } from "../support/problems.ts";
import { ADAPTERS } from "../support/providers/adapters.ts";
import type { ProviderServer } from "../support/providers/server.ts";
import { twilioCallback, twilioReply } from "../support/providers/twilio.ts";
import type { PushServer } from "../support/providers/webpush.ts";
import { type System, startSystem } from "../support/system.ts";

vi.setConfig({ maxConcurrency: 10 });

let system: System;
const servers: ProviderServer[] = [];

beforeAll(async () => {
  // As deployed: addresses are those where the store registered.
  system = await startSystem({ vars: { PUBLIC_URL: "" } });
});
afterAll(async () => {
  await system?.stop();
  for (const server of servers) await server.stop();
});

/** A store whose left carts are answered by this channel, and which sends by this provider. */
async function shopBy(kind: string): Promise<{ merchant: Merchant; server: ProviderServer; callbackUrl: string }> {
  const adapter = ADAPTERS.find((one) => one.kind === kind)!;
  const server = await adapter.server().start();
  servers.push(server);
  const merchant = await Merchant.register(system.url, { name: "Kiln & Co" });
  await merchant.settings({ abandonAfterMinutes: 0.005, requireConsent: [], frequencyCap: { max: 10, perHours: 1 } });
  const { items } = await merchant.get<{ items: { id: string }[] }>("/v1/campaigns");
  const variants = [{ id: "a", templateId: "default", weight: 1 }];
  const steps = [{ id: "s", delayMinutes: 0, channel: adapter.channel, variants }];
  const changed = await merchant.call("PATCH", `/v1/campaigns/${items[0]!.id}`, { steps });
  expect(changed.status, changed.text).toBe(200);
  const added = await merchant.call<{ callbackUrl: string; settings: { publicKey?: string } }>(
    "POST",
    "/v1/providers",
    adapter.setup(server.url),
  );
  expect(added.status, added.text).toBe(201);
  if (kind === "webpush") (server as PushServer).applicationServerKey = added.body.settings.publicKey ?? "";
  return { merchant, server, callbackUrl: added.body.callbackUrl };
}

const callable = (cartId: string, phone: string) => event(cartId, "shopper_identified", { phone, name: "Ada" });
const subscribed = (cartId: string, subscription: object) => event(cartId, "push_subscribed", { subscription });

const reached = (merchant: Merchant, cartId: string, status: DeliveryStatus): Promise<CartDeliveryView> =>
  until(`${cartId}: ${status}`, async () => {
    const [delivery] = (await merchant.cart(cartId)).deliveries;
    return delivery?.status === status && delivery;
  });

describe.concurrent("by SMS", () => {
  test("Twilio gets it once, reports to the address that came along, and an answer of STOP ends it", async () => {
    const { merchant, server, callbackUrl } = await shopBy("twilio");
    const leave = (cartId: string) =>
      merchant.accept([add(cartId, "mug", "12.30"), callable(cartId, "+49 151 0000001")]);
    await leave("first");
    const { id } = await reached(merchant, "first", "sent");
    const [message, ...more] = server.to("+491510000001");
    expect([more, server.misused]).toEqual([[], []]);
    expect(message).toMatchObject({ deliveryId: id, text: expect.stringMatching(/http:\/\/127\.0\.0\.1:\d+\/r\//) });
    const told = String(message?.more?.StatusCallback);
    expect(told).toBe(`${callbackUrl}?delivery=${id}`);
    await until("it is indexed", async () => (await merchant.deliveries("&cartId=first&status=sent"))[0]);
    const fields = { MessageSid: "SM1", MessageStatus: "delivered", To: "+491510000001" };
    expect((await http(told, twilioCallback(told, fields))).status).toBe(204);
    await reached(merchant, "first", "delivered");
    const reply = (word: string, MessageSid: string) =>
      http(callbackUrl, twilioReply(callbackUrl, "+491510000001", word, { MessageSid }));
    expect((await reply("Stop.", "SM2")).status).toBe(204);
    await leave("second");
    await reached(merchant, "second", "suppressed");
    expect((await reply("START", "SM3")).status).toBe(204);
    await leave("third");
    await reached(merchant, "third", "sent");
    expect(server.to("+491510000001")).toHaveLength(2);
  });

  test("SNS gets it once, and a lost answer is parked", async () => {
    const { merchant, server } = await shopBy("sns");
    server.fail("+491510000003", { drop: true, taken: true });
    for (const [cartId, phone] of [
      ["known", "+491510000002"],
      ["perhaps", "+491510000003"],
    ] as const)
      await merchant.accept([add(cartId, "mug", "12.30"), callable(cartId, phone)]);
    await reached(merchant, "known", "sent");
    expect((await reached(merchant, "perhaps", "unknown")).dueAt).toBeNull();
    expect(server.to("+491510000002")).toMatchObject([{ from: "Kiln", more: { type: "Promotional" } }]);
    expect(server.attempts.get("+491510000003")).toBe(1);
  });

  test("an opted-out number is refused for good", async () => {
    const { merchant, server } = await shopBy("twilio");
    const body = { code: 21610, message: "Attempt to send to unsubscribed recipient", status: 400 };
    server.fail("+491510000004", { status: 400, body });
    await merchant.accept([add("out", "mug", "12.30"), callable("out", "+491510000004")]);
    const { statusHistory } = await reached(merchant, "out", "failed");
    expect(statusHistory.at(-1)?.reason).toBe("400 21610 Attempt to send to unsubscribed recipient");
    expect(server.attempts.get("+491510000004")).toBe(1);
  });
});

describe.concurrent("by push", () => {
  test("the browser reads what was encrypted for it", async () => {
    const { merchant, server } = await shopBy("webpush");
    const { endpoint, p256dh, auth } = (server as PushServer).subscription("laptop");
    const subscription = { endpoint, keys: { p256dh, auth } };
    await merchant.accept([add("browsed", "mug", "12.30"), subscribed("browsed", subscription)]);
    const { id } = await reached(merchant, "browsed", "sent");
    expect(server.misused).toEqual([]);
    const [message, ...more] = server.to("laptop");
    expect(more).toEqual([]);
    expect(message).toMatchObject({
      deliveryId: id,
      more: { url: expect.stringMatching(/\/r\/[\w.-]+$/), ttl: "86400" },
    });
    expect(message?.subject).not.toBe("");
    const { provider, to } = await until(
      "it is indexed",
      async () => (await merchant.deliveries("&cartId=browsed&status=sent"))[0],
    );
    expect([provider, to]).toEqual(["webpush", null]);
  });

  test("a subscription that is gone is not asked again", async () => {
    const { merchant, server } = await shopBy("webpush");
    const { endpoint, p256dh, auth } = (server as PushServer).subscription("sold");
    server.fail("sold", { status: 410, text: "push subscription has unsubscribed or expired" });
    await merchant.accept([add("sold", "mug", "12.30"), subscribed("sold", { endpoint, keys: { p256dh, auth } })]);
    const { statusHistory } = await reached(merchant, "sold", "failed");
    expect(statusHistory.at(-1)?.reason).toMatch(/^410 /);
    expect(server.attempts.get("sold")).toBe(1);
  });

  test("of two keys that a store has had, each reaches those who subscribed with it", async () => {
    const { merchant, server } = await shopBy("webpush");
    const setup = { kind: "webpush", settings: { subject: "mailto:push@kiln.example" } };
    const older = await merchant.call<{ settings: { publicKey: string } }>("POST", "/v1/providers", setup);
    (server as PushServer).applicationServerKey = older.body.settings.publicKey;
    const { endpoint, p256dh, auth } = (server as PushServer).subscription("faithful");
    await merchant.accept([
      add("faithful", "mug", "12.30"),
      subscribed("faithful", { endpoint, keys: { p256dh, auth } }),
    ]);
    await reached(merchant, "faithful", "sent");
    expect([server.misused.length, server.to("faithful").length]).toEqual([1, 1]);
  });

  test.each([
    ["fcm", "phone-of-ada:0123456789", (token: string) => ({ token })],
    ["onesignal", "6f1b2c3d-0000-4000-8000-00000000000a", (oneSignalId: string) => ({ oneSignalId })],
  ] as const)("%s gets it for the device that it knows", async (kind, device, subscription) => {
    const { merchant, server } = await shopBy(kind);
    await merchant.accept([add(kind, "mug", "12.30"), subscribed(kind, subscription(device))]);
    const { id } = await reached(merchant, kind, "sent");
    expect(server.misused).toEqual([]);
    expect(server.to(device)).toMatchObject([
      { deliveryId: id, more: { url: expect.stringMatching(/\/r\/[\w.-]+$/) } },
    ]);
  });

  test("a device that no provider of the store knows is written to by nobody, and that is said", async () => {
    const { merchant, server } = await shopBy("onesignal");
    await merchant.accept([add("lost", "mug", "12.30"), subscribed("lost", { token: "phone-of-ada:0123456789" })]);
    await until("it says so", async () =>
      JSON.stringify((await merchant.timeline("lost")).items).includes("no_provider"),
    );
    expect(server.attempts.size).toBe(0);
  });
});

test("nothing unexpected was logged", () => {
  expect(unexpectedIn(system.logs())).toEqual([]);
});
