/** What adapters ask of SMS and push APIs that a test message does not show. */
import { describe, expect, it } from "vitest";
import type { PushTarget } from "../../shared/events/types.ts";
import { newVapidKeys, vapidSigner } from "../../shared/vapid.ts";
import { fcm } from "../../workers/interventions/providers/fcm.ts";
import { onesignal } from "../../workers/interventions/providers/onesignal.ts";
import type { OutgoingPush } from "../../workers/interventions/providers/provider.ts";
import { twilio } from "../../workers/interventions/providers/twilio.ts";
import { webpush } from "../../workers/interventions/providers/webpush.ts";
import { PushReceiver } from "../support/providers/push-receiver.ts";
import { ACCOUNT_SID, AUTH_TOKEN, FROM } from "../support/providers/twilio.ts";

const push = (target: PushTarget, over: Partial<OutgoingPush> = {}): OutgoingPush => ({
  ...{ channel: "push", deliveryId: "dlv_1", target, title: "Your mug", body: "It waits" },
  ...{ url: "https://cw.example/r/x", imageUrl: null, ttlSeconds: 3600 },
  ...over,
});

describe("Twilio", () => {
  const settings = { accountSid: ACCOUNT_SID, from: FROM };
  const callbackOf = async (callbackUrl: string | null, credentials: { authToken?: string }, over = {}) => {
    const message = { channel: "sms" as const, deliveryId: "dlv_1", to: "+491510000001", text: "Hi" };
    const { body } = await twilio({ ...settings, ...over }, credentials, callbackUrl).request(message);
    return new URLSearchParams(String(body)).get("StatusCallback");
  };

  it("is told where its events go, by message", async () => {
    const told = await callbackOf("https://cw.example/v1/callbacks/twilio/prv_1", { authToken: AUTH_TOKEN });
    expect(told).toBe("https://cw.example/v1/callbacks/twilio/prv_1?delivery=dlv_1");
  });

  it("is told nothing where it could not reach, or would not be believed", async () => {
    const local = "http://127.0.0.1:8787/v1/callbacks/twilio/prv_1";
    expect(await callbackOf(local, { authToken: AUTH_TOKEN })).toBeNull();
    expect(await callbackOf(local, { authToken: AUTH_TOKEN }, { endpoint: "http://127.0.0.1:9" })).not.toBeNull();
    expect(await callbackOf(null, { authToken: AUTH_TOKEN })).toBeNull();
    expect(await callbackOf("https://cw.example/v1/callbacks/twilio/prv_1", {})).toBeNull();
  });
});

describe("OneSignal", () => {
  const api = onesignal({ appId: "a" }, { apiKey: "12345678" });
  const device: PushTarget = { kind: "onesignal", subscriptionId: "6f1b2c3d-0000-4000-8000-000000000001" };
  const keyOf = async (deliveryId: string) =>
    JSON.parse(String((await api.request(push(device, { deliveryId }))).body)).idempotency_key as string;

  it("is asked under one key for one delivery, however often", async () => {
    const [first, again, other] = await Promise.all([keyOf("dlv_1"), keyOf("dlv_1"), keyOf("dlv_2")]);
    expect(first).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it("is asked for at most what it keeps", async () => {
    const { body } = await api.request(push(device, { ttlSeconds: 1e9, imageUrl: "https://shop.example/mug.png" }));
    expect(JSON.parse(String(body))).toMatchObject({ ttl: 2_419_200, big_picture: "https://shop.example/mug.png" });
  });
});

describe("Web Push", () => {
  const browser = new PushReceiver();
  const target: PushTarget = { kind: "webpush", endpoint: "https://fcm.googleapis.com/fcm/send/x", ...browser.keys };
  const apiOf = async (loopback = false) => {
    const { publicKey, privateKey } = await newVapidKeys();
    return webpush({ subject: "mailto:a@b.example", publicKey }, { privateKey }, loopback);
  };
  const opened = (body: string | Uint8Array) => JSON.parse(browser.open(Buffer.from(body as Uint8Array)).toString());

  it("tells the shop's service worker what to show, where a tap leads, and which message it is", async () => {
    const { body, headers } = await (await apiOf()).request(push(target, { imageUrl: "https://shop.example/mug.png" }));
    expect(opened(body)).toEqual({
      title: "Your mug",
      body: "It waits",
      url: "https://cw.example/r/x",
      imageUrl: "https://shop.example/mug.png",
      deliveryId: "dlv_1",
    });
    expect(headers.ttl).toBe("3600");
  });

  it("names one topic for one delivery, so that a second replaces a first that waits", async () => {
    const topicOf = async (deliveryId: string) =>
      (await (await apiOf()).request(push(target, { deliveryId }))).headers.topic;
    expect(await topicOf("dlv_1")).toBe(await topicOf("dlv_1"));
    expect(await topicOf("dlv_1")).not.toBe(await topicOf("dlv_2"));
    expect(await topicOf("dlv_1")).toMatch(/^[\w-]{32}$/);
  });

  it("leaves the picture behind when there is no room, and says so when the text alone is too long", async () => {
    const api = await apiOf();
    const long = { imageUrl: `https://shop.example/${"x".repeat(2000)}`, body: "y".repeat(3000) };
    expect(opened((await api.request(push(target, long))).body).imageUrl).toBeNull();
    await expect(api.request(push(target, { body: "y".repeat(5000) }))).rejects.toMatchObject({
      outcome: { kind: "refused", retryable: false },
    });
  });

  it("goes to this machine only where that is meant", async () => {
    const here = { ...target, endpoint: "http://127.0.0.1:8080/push" };
    await expect((await apiOf()).request(push(here))).rejects.toMatchObject({ outcome: { gone: true } });
    await expect((await apiOf(true)).request(push(here))).resolves.toMatchObject({ url: here.endpoint });
  });

  it("signs with a pair only: a private key of another's is found out", async () => {
    const [one, other] = await Promise.all([newVapidKeys(), newVapidKeys()]);
    expect(await vapidSigner(one)).not.toBeNull();
    expect(await vapidSigner({ publicKey: one.publicKey, privateKey: other.privateKey })).toBeNull();
    expect(await vapidSigner({ publicKey: "A", privateKey: one.privateKey })).toBeNull();
    expect(one.publicKey).toMatch(/^B[\w-]{86}$/);
  });
});

it("a device of another service is refused before anybody is asked", async () => {
  const account = { clientEmail: "a@b.example", privateKey: "" };
  const token: PushTarget = { kind: "fcm", token: "x" };
  const keys = await newVapidKeys();
  for (const api of [
    onesignal({ appId: "a" }, { apiKey: "12345678" }),
    webpush({ subject: "mailto:a@b.example", publicKey: keys.publicKey }, { privateKey: keys.privateKey }, false),
  ])
    await expect((async () => api.request(push(token)))()).rejects.toMatchObject({ name: "Unsendable" });
  const fcmOnly = fcm({ projectId: "kiln-shop-1", endpoint: "http://127.0.0.1:9" }, account, 1000);
  await expect((async () => fcmOnly.request(push(token)))()).rejects.toMatchObject({ name: "Unsendable" });
});
