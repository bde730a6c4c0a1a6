/** Twilio's and OneSignal's events at the running Worker: authentic or refused, told to the ledger, harmless twice. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DeliveryStatus } from "../../shared/views.ts";
import { add, http, identify, Merchant, until } from "../support/merchant.ts";
import { unexpectedIn } from "../support/problems.ts";
import { ADAPTERS } from "../support/providers/adapters.ts";
import { onesignalCallback, WEBHOOK_SECRET } from "../support/providers/onesignal.ts";
import { twilioCallback, twilioReply } from "../support/providers/twilio.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let merchant: Merchant;

beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url);
  await merchant.settings({ abandonAfterMinutes: 0.005 });
});
afterAll(() => system?.stop());

/** Where a provider of this kind sends its events. */
async function callbackOf(kind: string, credentials: Record<string, string> = {}, by = merchant): Promise<string> {
  const setup = ADAPTERS.find((one) => one.kind === kind)!.setup("http://127.0.0.1:9");
  const body = { ...setup, credentials: { ...setup.credentials, ...credentials } };
  const answer = await by.call<{ callbackUrl: string }>("POST", "/v1/providers", body);
  expect(answer.status, answer.text).toBe(201);
  return answer.body.callbackUrl;
}

const deliveryOf = async (cartId: string) => (await merchant.cart(cartId)).deliveries[0];

/** A message that was sent; by which channel is the same to who reports of it. */
async function sent(cartId: string): Promise<string> {
  await merchant.accept([add(cartId, "mug", "12.30"), identify(cartId, `${cartId}@shopper.example`)]);
  await until("it is indexed", async () => (await merchant.deliveries(`&cartId=${cartId}&status=sent`))[0]);
  return (await deliveryOf(cartId))?.id ?? "";
}

const statusesOf = async (cartId: string): Promise<DeliveryStatus[]> =>
  (await deliveryOf(cartId))?.statusHistory.map(({ status }) => status).slice(2) ?? [];

test("Twilio's statuses move a message on, once however often they are told", async () => {
  const url = await callbackOf("twilio");
  const [arrived, lost] = [await sent("arrived"), await sent("lost")];
  const post = (id: string, fields: Record<string, string>) => {
    const at = `${url}?delivery=${id}`;
    return http(at, twilioCallback(at, { MessageSid: "SM1", To: "+491510000001", ...fields }));
  };
  for (const MessageStatus of ["queued", "delivered", "sent", "delivered"]) {
    const answer = await post(arrived, { MessageStatus });
    // A body would be sent to the shopper.
    expect([answer.status, answer.text]).toEqual([204, ""]);
  }
  expect(await statusesOf("arrived")).toEqual(["sent", "delivered"]);
  await post(lost, { MessageStatus: "undelivered", ErrorCode: "30005" });
  expect(await statusesOf("lost")).toEqual(["sent", "bounced"]);
  expect((await deliveryOf("lost"))?.statusHistory.at(-1)?.reason).toBe("error 30005");
});

test("Twilio is refused for another message than the signed one, with another token, and without a signature", async () => {
  const url = await callbackOf("twilio");
  const id = await sent("forged");
  const at = `${url}?delivery=${id}`;
  const fields = { MessageSid: "SM1", MessageStatus: "delivered" };
  const forged: [string, RequestInit][] = [
    [at, twilioCallback(`${url}?delivery=another`, fields)],
    [at, twilioCallback(at, fields, "a guess")],
    [at, { ...twilioCallback(at, fields), headers: { "content-type": "application/x-www-form-urlencoded" } }],
    [url, twilioReply(at, "+491510000001", "STOP")],
    [url.replace(/prv_\w+/, "prv_nobody"), twilioReply(url, "+491510000001", "STOP")],
  ];
  for (const [where, init] of forged) {
    const answer = await http(where, init);
    expect([answer.status, answer.body.code], JSON.stringify(init)).toEqual([401, "UNAUTHORIZED"]);
  }
  expect(await statusesOf("forged")).toEqual(["sent"]);
  expect((await http(url, twilioReply(url, "+491510000001", "STOP"))).status).toBe(204);
});

test("another store's provider cannot speak for a message", async () => {
  const id = await sent("foreign");
  const url = await callbackOf("twilio", {}, await Merchant.register(system.url));
  const at = `${url}?delivery=${id}`;
  expect((await http(at, twilioCallback(at, { MessageSid: "SM1", MessageStatus: "delivered" }))).status).toBe(204);
  expect(await statusesOf("foreign")).toEqual(["sent"]);
});

test("OneSignal's events are believed with the secret, and move a message on", async () => {
  const url = await callbackOf("onesignal", { webhookSecret: WEBHOOK_SECRET });
  const id = await sent("pushed");
  const told = (kind: string) => ({ event: { kind }, message: { id: "m1", name: id } });
  expect((await http(url, onesignalCallback(told("message.push.clicked"), "a guess"))).status).toBe(401);
  expect((await http(url, { method: "POST", body: JSON.stringify(told("message.push.clicked")) })).status).toBe(401);
  for (const kind of ["message.push.received", "message.push.clicked", "message.push.received"])
    expect((await http(url, onesignalCallback(told(kind)))).body).toEqual({ received: 1 });
  expect(await statusesOf("pushed")).toEqual(["sent", "delivered", "clicked"]);
});

test("kinds that report nothing have no callback address, and are believed at none", async () => {
  for (const kind of ["sns", "fcm", "webpush"]) {
    expect(await callbackOf(kind), kind).toBeNull();
    const { body } = await merchant.call<{ items: { id: string; kind: string }[] }>("GET", "/v1/providers");
    const { id } = body.items.find((one) => one.kind === kind)!;
    expect((await http(`${system.url}/v1/callbacks/${kind}/${id}`, { method: "POST", body: "{}" })).status).toBe(401);
  }
  expect(unexpectedIn(system.logs())).toEqual([]);
});
