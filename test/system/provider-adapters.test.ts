/** Each provider's adapter against a server that checks what the real API checks, by the test message of a merchant. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { http, Merchant } from "../support/merchant.ts";
import { unexpectedIn } from "../support/problems.ts";
import { ADAPTERS, type Adapter } from "../support/providers/adapters.ts";
import { ACCOUNT, FcmServer, PROJECT } from "../support/providers/fcm.ts";
import type { Answered, Failure, ProviderServer } from "../support/providers/server.ts";
import * as twilio from "../support/providers/twilio.ts";
import { PushServer } from "../support/providers/webpush.ts";
import { type System, startSystem } from "../support/system.ts";

interface Verdict {
  outcome: string;
  messageId: string | null;
  reason: string | null;
  retryable: boolean;
  gone: boolean;
  ms: number;
}

// Who waits for a time-out lets the others go on.
vi.setConfig({ maxConcurrency: 20 });

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** Answers to what is not how the API is used, but for those to another account's credential. */
const misused = (server: ProviderServer) =>
  server.misused.map(({ answer }) => answer).filter((answer) => !isForeign(answer));
const isForeign = ({ status, body }: Answered): boolean =>
  status === 401 || status === 403 || (body as { error?: unknown } | undefined)?.error === "invalid_grant";

let system: System;
let merchant: Merchant;
const servers: ProviderServer[] = [];

beforeAll(async () => {
  system = await startSystem({ vars: { PROVIDER_TIMEOUT_SECONDS: "8" } });
  merchant = await Merchant.register(system.url, { name: "Kiln" });
});
afterAll(async () => {
  await system?.stop();
  for (const server of servers) await server.stop();
});

interface Added {
  id: string;
  channel: string;
  hint: string;
  callbackUrl: string | null;
  from: unknown;
  settings: Record<string, string>;
}

/** Added to a store of its own kind's: ten of a channel are the most. */
async function added(body: unknown, by = merchant): Promise<Added> {
  const answer = await by.call<Added>("POST", "/v1/providers", body);
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
}

async function sendBy(provider: string, body: object, by = merchant): Promise<Verdict> {
  const answer = await by.call<Verdict>("POST", `/v1/providers/${provider}/test`, body, { traceparent: TRACE });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

async function started<S extends ProviderServer>(server: S): Promise<S> {
  await server.start();
  servers.push(server);
  return server;
}

describe.concurrent.each(ADAPTERS)("$kind", (adapter: Adapter) => {
  const { kind, channel, recipient } = adapter;
  let server: ProviderServer;
  let provider: Added;
  beforeAll(async () => {
    server = await started(adapter.server());
    provider = await added(adapter.setup(server.url));
    if (server instanceof PushServer) server.applicationServerKey = provider.settings.publicKey ?? "";
  });
  const send = (to: string) => sendBy(provider.id, adapter.test(to, server));
  const failing = (name: string, ...failures: Failure[]): Promise<Verdict> =>
    send(server.fail(recipient(name), ...failures));

  test("takes a message as the API wants it, and tells its id", async () => {
    const to = recipient("ada");
    const verdict = await send(to);
    expect(misused(server)).toEqual([]);
    expect(verdict).toMatchObject({ outcome: "sent", reason: null, gone: false });
    expect(verdict.messageId).toContain("msg-");
    const [message, ...more] = server.to(to);
    expect(more).toEqual([]);
    expect(message?.asked.headers.traceparent).toBe(TRACE);
    expect(provider).toMatchObject({ channel, hint: expect.stringMatching(/^\S{4}$/) });
    expect(message?.text).toContain("your store can send by this provider");
    if (channel !== "sms") expect(message?.subject).toBe("A test message");
    if (channel !== "email") return;
    expect(message?.from).toContain("<hello@kiln.example>");
    expect(message?.headers).toEqual({ "auto-submitted": "auto-generated" });
    expect(message?.html).toContain(message?.text);
  });

  test.each([429, 500, 503])("%i is surely not sent, and may go later", async (status) => {
    const verdict = await failing(`busy-${status}`, { status, headers: { "retry-after": "120" }, body: {} });
    expect(verdict).toMatchObject({ outcome: "refused", retryable: true, gone: false });
    expect(verdict.reason).toContain(String(status));
  });

  test("a refusal of the message is for good, and tells nobody the address", async () => {
    const to = recipient("nobody");
    const { answer, reason } = adapter.refusal(to);
    const verdict = await failing("nobody", answer);
    expect(verdict).toMatchObject({ outcome: "refused", retryable: false, gone: false });
    expect(verdict.reason).toMatch(reason);
    expect(verdict.reason).not.toContain(to);
  });

  test("what will never be reached again is told apart", async () => {
    for (const [index, answer] of adapter.gone.entries()) {
      const verdict = await failing(`gone-${index}`, answer);
      expect(verdict, JSON.stringify(answer)).toMatchObject({ outcome: "refused", retryable: false, gone: true });
    }
  });

  test("what blames the account, or the moment, may go by another or later", async () => {
    for (const [index, answer] of [...adapter.account, ...adapter.later].entries()) {
      const verdict = await failing(`other-${index}`, answer);
      expect(verdict, JSON.stringify(answer)).toMatchObject({ outcome: "refused", retryable: true, gone: false });
    }
  });

  test("a credential that is not the account's is refused, and another provider may try", async () => {
    const stranger = await Merchant.register(system.url);
    for (const body of adapter.strangers(server.url)) {
      const { id } = await added(body, stranger);
      const to = recipient("locked");
      const verdict = await sendBy(id, adapter.test(to, server), stranger);
      expect(verdict).toMatchObject({ outcome: "refused", retryable: true, gone: false });
      expect(verdict.reason).toMatch(/^40[13] |^token: 400 invalid_grant|private key cannot be read/);
      expect(server.to(to)).toEqual([]);
    }
  });

  test.each([502, 504])("%i comes from between: nobody knows", async (status) => {
    expect(await failing(`between-${status}`, { status })).toMatchObject({ outcome: "unknown" });
  });

  test("a lost answer is unknown, whether it was taken or not", async () => {
    expect(await failing("dropped", { drop: true })).toMatchObject({ outcome: "unknown" });
    expect(await failing("perhaps", { drop: true, taken: true })).toMatchObject({ outcome: "unknown" });
    expect(server.attempts.get(recipient("perhaps"))).toBe(1);
  });

  test.each(["<html>", "[]", '{"ok":true}', ""])(
    "an answer of 200 that is none of its own (%j) is unknown",
    async (malformed) => {
      expect(await failing(`strange-${malformed.length}`, { malformed })).toMatchObject({ outcome: "unknown" });
    },
  );

  test("a redirect is not followed with the credential", async () => {
    const verdict = await failing("moved", { status: 307, headers: { location: `${server.url}/elsewhere` } });
    expect(verdict).toMatchObject({ outcome: "refused", retryable: false });
    expect(misused(server)).toEqual([]);
  });

  test("a server that hangs is given up, as unknown", async () => {
    expect(await failing("hanging", { hang: true })).toMatchObject({ outcome: "unknown" });
    expect(server.attempts.get(recipient("hanging"))).toBe(1);
  });

  test("what goes by another channel is not asked of it", async () => {
    const others = [{ to: "a@b.example" }, { to: "+491511234567" }, { target: { kind: "fcm", token: "t".repeat(30) } }];
    const wrong = others.filter((_, index) => index !== ["email", "sms", "push"].indexOf(channel));
    for (const body of wrong) {
      const answer = await merchant.call("POST", `/v1/providers/${provider.id}/test`, body);
      expect([answer.status, answer.body.code], `${kind} ${answer.text}`).toEqual([400, "VALIDATION_ERROR"]);
    }
  });
});

test("what never reached a server was surely not sent", async () => {
  const stranger = await Merchant.register(system.url);
  const nowhere = new PushServer();
  for (const adapter of ADAPTERS) {
    const { id } = await added(adapter.setup("http://127.0.0.1:9"), stranger);
    const to =
      adapter.kind === "webpush"
        ? { target: { ...nowhere.subscription("x"), endpoint: "http://127.0.0.1:9/push/x" } }
        : adapter.test(adapter.recipient("x"), nowhere);
    expect(await sendBy(id, to, stranger), adapter.kind).toMatchObject({ outcome: "refused", retryable: true });
  }
});

describe("Twilio", () => {
  test("takes an API key in place of the account's token, and a messaging service in place of a number", async () => {
    const server = await started(twilio.twilioServer());
    const { id } = await added({
      kind: "twilio",
      settings: { endpoint: server.url, accountSid: twilio.ACCOUNT_SID, messagingServiceSid: twilio.SERVICE_SID },
      credentials: { apiKeySid: twilio.API_KEY_SID, apiKeySecret: twilio.API_KEY_SECRET },
    });
    expect(await sendBy(id, { to: "+491510000001" })).toMatchObject({ outcome: "sent" });
    expect(server.to("+491510000001")).toMatchObject([{ from: twilio.SERVICE_SID }]);
  });

  test.each([
    ["no sender", { accountSid: twilio.ACCOUNT_SID }, { authToken: "12345678" }, "settings.from"],
    [
      "half a key",
      { accountSid: twilio.ACCOUNT_SID, from: "Kiln" },
      { apiKeySid: twilio.API_KEY_SID },
      "credentials.authToken",
    ],
    ["no account", { accountSid: "SK1", from: "Kiln" }, { authToken: "12345678" }, "settings.accountSid"],
    ["a sender for mail", { accountSid: twilio.ACCOUNT_SID, from: "Kiln" }, { authToken: "12345678" }, "from"],
  ])("is not set up with %s", async (what, settings, credentials, field) => {
    const from = what === "a sender for mail" ? { from: { email: "a@b.example" } } : {};
    const answer = await merchant.call<{ errors: { field: string }[] }>("POST", "/v1/providers", {
      kind: "twilio",
      settings,
      credentials,
      ...from,
    });
    expect([answer.status, answer.body.errors[0]?.field], answer.text).toEqual([400, field]);
  });
});

describe("FCM", () => {
  test("a token is asked for once, kept, and asked for again when it is refused", async () => {
    const server = await started(new FcmServer());
    const settings = { endpoint: server.url, projectId: PROJECT };
    const { id } = await added({ kind: "fcm", settings, credentials: ACCOUNT });
    const send = (name: string) => sendBy(id, { target: { kind: "fcm", token: `token-of:${name.padEnd(20, "-")}` } });
    for (const name of ["one", "two", "three"]) expect(await send(name)).toMatchObject({ outcome: "sent" });
    expect(server.issued).toHaveLength(1);
    server.revoke();
    expect(await send("four")).toMatchObject({ outcome: "refused", retryable: true });
    expect(await send("five")).toMatchObject({ outcome: "sent" });
    expect([server.issued.length, server.taken.length]).toEqual([1, 4]);
  });

  test("when Google gives no token nothing was sent, and it may be later", async () => {
    const server = await started(new FcmServer());
    server.tokenFailures.push({ status: 503, body: {} }, { status: 200, body: { token_type: "Bearer" } });
    const settings = { endpoint: server.url, projectId: PROJECT };
    const { id } = await added({ kind: "fcm", settings, credentials: ACCOUNT });
    const body = { target: { kind: "fcm", token: "t".repeat(30) } };
    for (const reason of [/^token: 503/, /^token: 200 no token/])
      expect(await sendBy(id, body)).toMatchObject({
        outcome: "refused",
        retryable: true,
        reason: expect.stringMatching(reason),
      });
    expect(await sendBy(id, body)).toMatchObject({ outcome: "sent" });
  });
});

describe("Web Push", () => {
  const subject = "mailto:push@kiln.example";
  const webpush = { kind: "webpush", settings: { subject } };

  test("the message is read by the browser alone, signed by the key that the store shows to its pages", async () => {
    const shop = await Merchant.register(system.url);
    const keyOf = () => http<{ publicKey: string | null }>(`${system.url}/v1/push-key?key=${shop.account.key}`);
    expect((await keyOf()).body).toEqual({ publicKey: null });
    const { id, settings } = await added(webpush, shop);
    const shown = await keyOf();
    expect(shown.body).toEqual({ publicKey: settings.publicKey });
    expect(shown.headers.get("cache-control")).toContain("max-age");
    const server = await started(new PushServer());
    server.applicationServerKey = settings.publicKey ?? "";
    expect(await sendBy(id, { target: server.subscription("phone") }, shop)).toMatchObject({ outcome: "sent" });
    const [message] = server.to("phone");
    expect(message).toMatchObject({ subject: "A test message", more: { url: `${system.url}/`, ttl: "3600" } });
    expect(message?.asked.body.toString("latin1")).not.toContain("A test message");
    // Another browser made its keys for another: the bytes are of no use to it.
    expect(() => new PushServer().browser.open(message!.asked.body)).toThrow();
    await shop.call("PATCH", `/v1/providers/${id}`, { enabled: false });
    expect((await keyOf()).body).toEqual({ publicKey: null });
  });

  test("a subscription to another shop's key is gone, and blames nobody", async () => {
    const server = await started(new PushServer());
    server.applicationServerKey = (await added(webpush)).settings.publicKey ?? "";
    const { id } = await added(webpush);
    expect(await sendBy(id, { target: server.subscription("theirs") })).toMatchObject({
      outcome: "refused",
      retryable: false,
      gone: true,
    });
  });

  test("keys that are not of the curve are no subscription", async () => {
    const server = await started(new PushServer());
    const { id } = await added(webpush);
    const p256dh = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]).toString("base64url");
    const target = { ...server.subscription("odd"), p256dh };
    expect(await sendBy(id, { target })).toMatchObject({ outcome: "refused", gone: true });
  });

  test.each(["https://127.0.0.1/push", "https://[::1]/push", "https://localhost/push", "http://push.example.com/x"])(
    "%s is nowhere a browser would be",
    async (endpoint) => {
      const { id } = await added(webpush);
      const target = { ...new PushServer().subscription("x"), endpoint };
      expect(await sendBy(id, { target })).toMatchObject({ outcome: "refused", gone: true });
      await merchant.call("DELETE", `/v1/providers/${id}`);
    },
  );

  test("a pair of one's own is kept, half of one or a wrong one is not", async () => {
    const shop = await Merchant.register(system.url);
    const { id, settings } = await added(webpush, shop);
    const { publicKey = "" } = settings;
    const other = (await added(webpush, shop)).settings.publicKey ?? "";
    expect(other).not.toBe(publicKey);
    const patch = (body: object) => shop.call<Added>("PATCH", `/v1/providers/${id}`, body);
    expect((await patch({ settings: { subject: "https://kiln.example" } })).body.settings.publicKey).toBe(publicKey);
    for (const body of [
      { settings: { publicKey: other } },
      { settings: { publicKey: null } },
      { credentials: { privateKey: null } },
      { credentials: { privateKey: "A".repeat(43) } },
    ])
      expect((await patch(body)).status, JSON.stringify(body)).toBe(400);
    const anew = await patch({ settings: { publicKey: null }, credentials: { privateKey: null } });
    expect(anew.body.settings.publicKey).toMatch(/^B[\w-]{86}$/);
    expect([publicKey, other]).not.toContain(anew.body.settings.publicKey);
  });
});

test("the push key is for the store's pages, by its publishable key", async () => {
  const shop = await Merchant.register(system.url);
  await shop.settings({ allowedOrigins: ["https://shop.example"] });
  const ask = (key: string, origin?: string) =>
    http(`${system.url}/v1/push-key?key=${key}`, origin ? { headers: { origin } } : {});
  const good = await ask(shop.account.key, "https://shop.example");
  expect([good.status, good.headers.get("access-control-allow-origin")]).toEqual([200, "https://shop.example"]);
  const foreign = await ask(shop.account.key, "https://evil.example");
  expect([foreign.status, foreign.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  for (const key of ["", "cw_pk_nobody", "cw_sk_secret"]) expect((await ask(key)).status, key).toBe(401);
  expect((await http(`${system.url}/v1/push-key`)).status).toBe(400);
  expect(unexpectedIn(system.logs())).toEqual([]);
});
