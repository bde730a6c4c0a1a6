/** Channels besides mail: by which way a message goes, what the outbox keeps, and what a shopper's STOP does. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { shopperStub } from "../../objects/stubs.ts";
import { PERMISSIONS } from "../../shared/auth/roles.ts";
import type { Principal } from "../../shared/auth/tokens.ts";
import { parseConfig } from "../../shared/config.ts";
import { providersOf } from "../../shared/db/providers.ts";
import type { PushTarget } from "../../shared/events/types.ts";
import { shopperIdOf } from "../../shared/ids.ts";
import type { MessageChannel } from "../../shared/policy/rules.ts";
import type { DeliveryView } from "../../shared/views.ts";
import type { Env } from "../../workers/env.ts";
import type { Call } from "../../workers/gateway/route.ts";
import { routes as deliveryRoutes } from "../../workers/gateway/routes/deliveries.ts";
import { routes as providerRoutes } from "../../workers/gateway/routes/providers.ts";
import type { Neighbours } from "../../workers/gateway/routes/storefront.ts";
import { receiveCallback } from "../../workers/interventions/callbacks/index.ts";
import type { DeliveryMessage } from "../../workers/interventions/providers/provider.ts";
import { type Carried, Route, waysOf } from "../../workers/interventions/route.ts";
import { ACCOUNT_SID, AUTH_TOKEN, FROM, twilioReply } from "../support/providers/twilio.ts";
import { env, newStore, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));

const PRODUCTION: Env = {
  ...env,
  ENVIRONMENT: "production",
  LINK_SECRET: "a-secret-of-production",
  AUTH_SECRET: "a-secret-of-production",
};
/** Nobody listens there. */
const endpoint = "http://127.0.0.1:9";
const NUMBER = "+491510000001";

const TWILIO = {
  kind: "twilio",
  settings: { endpoint, accountSid: ACCOUNT_SID, from: FROM },
  credentials: { authToken: AUTH_TOKEN },
};
const SNS = {
  kind: "sns",
  settings: { endpoint, region: "eu-west-1" },
  credentials: { accessKeyId: "12345678", secretAccessKey: "12345678" },
};
const WEBPUSH = { kind: "webpush", settings: { subject: "mailto:push@kiln.example" } };
const ONESIGNAL = {
  kind: "onesignal",
  settings: { endpoint, appId: "6f1b2c3d-0000-4000-8000-000000000001" },
  credentials: { apiKey: "12345678" },
};

const BROWSER: PushTarget = {
  kind: "webpush",
  endpoint: "https://fcm.googleapis.com/fcm/send/abc",
  p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
};

const principalOf = (storeId: string) => ({ storeId, permissions: PERMISSIONS.store_owner }) as unknown as Principal;

async function add(on: Env, storeId: string, body: unknown): Promise<{ id: string; callbackUrl: string }> {
  const route = providerRoutes({} as Neighbours).find(
    ({ method, path }) => method === "POST" && path === "/v1/providers",
  );
  const url = new URL("https://cw.example/v1/providers");
  const headers = { "content-type": "application/json" };
  const request = new Request(url, { method: "POST", headers, body: JSON.stringify(body) });
  const call = { request, env: on, url, params: {}, audit: () => undefined } as unknown as Call;
  return (await route!.handle(call, principalOf(storeId))).json();
}

const part = (storeId: string, deliveryId: string) => ({
  ...{ storeId, deliveryId, shopperId: unique("sh") },
  ...{ recoveryUrl: "https://cw.example/r/x", unsubscribeUrl: "https://cw.example/u/x" },
});
const sms = (storeId: string, deliveryId: string, to = NUMBER): DeliveryMessage => ({
  ...part(storeId, deliveryId),
  ...{ channel: "sms", to, text: "Your mug waits: https://cw.example/r/x" },
});
const push = (storeId: string, deliveryId: string, target: PushTarget = BROWSER): DeliveryMessage => ({
  ...part(storeId, deliveryId),
  ...{ channel: "push", target, title: "Your mug", body: "It waits", url: "https://cw.example/r/x" },
  ...{ imageUrl: "https://shop.example/mug.png", ttlSeconds: 3600 },
});

const waysIn = async (on: Env, storeId: string, channel: MessageChannel, target: PushTarget | null = null) =>
  waysOf(on, parseConfig(on), await providersOf(on.DB, storeId, channel), { channel, target });

async function carried(on: Env, message: DeliveryMessage): Promise<Carried> {
  const target = message.channel === "push" ? message.target : undefined;
  const route = await Route.enter(on, message.storeId, await waysIn(on, message.storeId, message.channel, target));
  try {
    return await route.carry(message);
  } finally {
    await route.leave();
  }
}

describe("a store without providers of a channel", () => {
  it("keeps its messages in the outbox on its own machine, and has nobody to send them in production", async () => {
    const storeId = unique("st");
    await add(PRODUCTION, storeId, { ...SNS, settings: { region: "eu-west-1" } });
    for (const channel of ["sms", "push"] as const) {
      const other = unique("st");
      expect((await waysIn(env, other, channel)).map(({ provider }) => provider.name)).toEqual(["outbox"]);
      expect(await waysIn(PRODUCTION, other, channel)).toEqual([]);
    }
    expect((await waysIn(PRODUCTION, storeId, "sms")).map(({ provider }) => provider.name)).toEqual(["sns"]);
    expect(await waysIn(PRODUCTION, storeId, "push")).toEqual([]);
    expect((await waysIn(PRODUCTION, storeId, "email")).map(({ provider }) => provider.name)).toEqual(["outbox"]);
  });

  it("shows what it kept as its channel has it, and no number or device in full to who may not see it", async () => {
    const { id: storeId } = await newStore();
    const [text, note] = [unique("dlv"), unique("dlv")];
    for (const message of [sms(storeId, text), push(storeId, note), push(storeId, note)])
      expect(await carried(env, message)).toEqual({ outcome: { kind: "sent" }, provider: "outbox" });
    const asSms = { text: "Your mug waits: https://cw.example/r/x", to: NUMBER, recoveryUrl: "https://cw.example/r/x" };
    expect(await shown(storeId, text, "sms")).toMatchObject(asSms);
    expect(await shown(storeId, text, "sms", ["carts:read"])).toMatchObject({ to: "+49…01" });
    const device = await shown(storeId, note, "push", ["carts:read"]);
    expect(device).toMatchObject({ title: "Your mug", body: "It waits", imageUrl: "https://shop.example/mug.png" });
    expect(device.to).toMatch(/^fcm\.googleapis\.com [\w-]{8}$/);
    const { results } = await env.DB.prepare("SELECT * FROM outbox WHERE store_id = ?").bind(storeId).all();
    expect(results).toHaveLength(2);
    expect(JSON.stringify(results)).not.toContain("/fcm/send/");
  });
});

/** `GET /v1/deliveries/{id}` of a message that the index knows. */
async function shown(
  storeId: string,
  id: string,
  channel: MessageChannel,
  permissions: readonly string[] = PERMISSIONS.store_owner,
): Promise<DeliveryView> {
  await env.DB.prepare(
    `INSERT INTO deliveries (store_id, id, cart_id, shopper_id, campaign_id, step_id, channel, status, history, scheduled_at)
     VALUES (?, ?, 'c', 's', 'cmp', 'step', ?, 'sent', '[]', 0) ON CONFLICT DO NOTHING`,
  )
    .bind(storeId, id, channel)
    .run();
  const route = deliveryRoutes.find(({ path }) => path === "/v1/deliveries/:id");
  const url = new URL(`https://cw.example/v1/deliveries/${id}`);
  const call = { request: new Request(url), env, url, params: { id }, audit: () => undefined } as unknown as Call;
  const principal = { storeId, permissions } as unknown as Principal;
  return (await route!.handle(call, principal)).json();
}

describe("the ways of a message", () => {
  it("are those of its channel, in their order, and lead on when one surely did not send", async () => {
    const storeId = unique("st");
    for (const body of [TWILIO, SNS, WEBPUSH]) await add(env, storeId, body);
    const ways = await waysIn(env, storeId, "sms");
    expect(ways.map(({ provider, channel }) => [provider.name, channel])).toEqual([
      ["twilio", "sms"],
      ["sns", "sms"],
    ]);
    // Their credentials do not open: neither is asked over the network.
    const turned = { ...env, AUTH_SECRET: "the-next-secret-of-the-test" };
    expect(await carried(turned, sms(storeId, "d1"))).toMatchObject({
      outcome: { kind: "refused", retryable: true },
      provider: "sns",
    });
  });

  it("of a device are those that know it", async () => {
    const storeId = unique("st");
    for (const body of [WEBPUSH, ONESIGNAL, WEBPUSH]) await add(env, storeId, body);
    const names = async (target?: PushTarget) =>
      (await waysIn(env, storeId, "push", target)).map(({ provider }) => provider.name);
    expect(await names()).toEqual(["webpush", "onesignal", "webpush"]);
    expect(await names(BROWSER)).toEqual(["webpush", "webpush"]);
    expect(await names({ kind: "onesignal", subscriptionId: "x" })).toEqual(["onesignal"]);
    expect(await names({ kind: "fcm", token: "x" })).toEqual([]);
  });

  it("to a browser share a circuit by its service: what a stranger names stops no other", async () => {
    const storeId = unique("st");
    const { id } = await add(env, storeId, WEBPUSH);
    const at = async (host: string) =>
      (await waysIn(env, storeId, "push", { ...BROWSER, endpoint: `https://${host}/x` } as PushTarget))[0]?.circuit;
    expect(await at("fcm.googleapis.com")).toBe(`webpush/${id}/google`);
    expect(await at("web.push.apple.com")).toBe(`webpush/${id}/apple`);
    expect(await at("evil.example")).toBe(await at("another.example"));
  });

  it("of OneSignal, alone, may be asked again; none of SMS or Web Push", async () => {
    const resumable = async (body: unknown, channel: MessageChannel) => {
      const storeId = unique("st");
      await add(env, storeId, body);
      const route = await Route.enter(env, storeId, await waysIn(env, storeId, channel));
      await route.leave();
      return route.way.provider.resumable;
    };
    expect(await resumable(ONESIGNAL, "push")).toBe(true);
    expect(await resumable(WEBPUSH, "push")).toBe(false);
    expect(await resumable(TWILIO, "sms")).toBe(false);
    expect(await resumable(SNS, "sms")).toBe(false);
  });

  it("are none for a number that does not say its country: nobody is asked; others go out as E.164 writes them", async () => {
    const storeId = unique("st");
    expect(await carried(env, sms(storeId, "d1", "0151 0000001"))).toMatchObject({
      outcome: { kind: "refused", retryable: false, gone: true },
    });
    expect((await carried(env, sms(storeId, "d2", "+49 (0)151 / 000 0001"))).outcome).toEqual({ kind: "sent" });
    const { results } = await env.DB.prepare("SELECT * FROM outbox WHERE store_id = ?").bind(storeId).all();
    expect(results).toMatchObject([{ delivery_id: "d2", recipient: NUMBER }]);
  });
});

describe("an answer of STOP", () => {
  /** A store that sends by Twilio, and a shopper who was written to. */
  async function written() {
    const { id: storeId } = await newStore();
    const message = sms(storeId, unique("dlv"));
    await carried(env, message);
    const { id, callbackUrl } = await add(env, storeId, TWILIO);
    const answer = (body: string, sid: string, at = callbackUrl, on: Env = env) => {
      const callback = twilioReply(at, NUMBER, body, { MessageSid: sid });
      return receiveCallback(new Request(callbackUrl, callback), on, "twilio", id);
    };
    const of = async (shopperId: string) =>
      (await shopperStub(env, storeId, shopperId).profile()).suppressed.sms?.reason;
    return { storeId, message, answer, of };
  }

  it("silences who was written to at the number, and who is known by it alone; START lifts it", async () => {
    const { storeId, message, answer, of } = await written();
    const everybody = [message.shopperId, shopperIdOf(storeId, NUMBER)];
    expect(await answer("Stop", "SM1")).toBe(1);
    for (const shopper of everybody) expect(await of(shopper)).toBe("stop");
    expect(await answer("START", "SM2")).toBe(1);
    for (const shopper of everybody) expect(await of(shopper)).toBeUndefined();
    expect((await shopperStub(env, storeId, message.shopperId).profile()).consent.sms?.value).toBe("granted");
  });

  it("played again changes nothing, nor does an old START undo it", async () => {
    const { message, answer, of } = await written();
    await answer("START", "SM1");
    await answer("STOP", "SM2");
    await answer("START", "SM1");
    expect(await of(message.shopperId)).toBe("stop");
    await answer("START", "SM3");
    await answer("STOP", "SM2");
    expect(await of(message.shopperId)).toBeUndefined();
  });

  it("holds for its own store only", async () => {
    const [one, other] = [await written(), await written()];
    await one.answer("STOP", "SM1");
    expect(await other.of(other.message.shopperId)).toBeUndefined();
  });

  it("is believed at the address that the provider was told, behind a proxy too, with a port or without", async () => {
    for (const [sid, base] of [
      ["SM1", "https://cw.example"],
      ["SM2", "https://cw.example:443"],
      ["SM3", "https://shops.example"],
      ["SM4", "https://shops.example:443"],
    ] as const) {
      const { message, answer, of } = await written();
      const url = await addressAt(message.storeId, base);
      await answer("STOP", sid, url, { ...env, PUBLIC_URL: "https://shops.example" });
      expect(await of(message.shopperId), base).toBe("stop");
    }
    const { message, answer, of } = await written();
    const elsewhere = await addressAt(message.storeId, "https://evil.example");
    await expect(answer("STOP", "SM1", elsewhere)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    expect(await of(message.shopperId)).toBeUndefined();
  });

  async function addressAt(storeId: string, base: string): Promise<string> {
    const row = await env.DB.prepare("SELECT id FROM providers WHERE store_id = ?")
      .bind(storeId)
      .first<{ id: string }>();
    return `${base}/v1/callbacks/twilio/${row?.id}`;
  }

  it("is no answer of a provider that reports nothing", async () => {
    const storeId = unique("st");
    const { id, callbackUrl } = await add(env, storeId, SNS);
    expect(callbackUrl).toBeNull();
    const forged = new Request("https://cw.example/", twilioReply("https://cw.example/", NUMBER, "STOP"));
    await expect(receiveCallback(forged, env, "sns", id)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });
});
