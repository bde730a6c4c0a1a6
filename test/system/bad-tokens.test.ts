import { createHmac } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { DeliveryView } from "../../shared/views.ts";
import { signingKey, signToken } from "../support/keyring.ts";
import { LiveSocket } from "../support/live.ts";
import { add, http, identify, Merchant, order, until } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let merchant: Merchant;
let mail: DeliveryView;
let cases = 0;

beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url);
  await merchant.settings({ abandonAfterMinutes: 0.005 });
  mail = await mailOf("linked");
});
afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
afterAll(async () => {
  console.log(`bad tokens: ${cases} cases`);
  await system?.stop();
});

async function mailOf(cartId: string): Promise<DeliveryView> {
  await merchant.accept([add(cartId, "mug", "12.30"), identify(cartId, `${cartId}@shopper.example`)]);
  return until(`${cartId}'s mail`, async () => {
    const [sent] = await merchant.deliveries(`&cartId=${cartId}&status=sent`);
    return sent && merchant.delivery(sent.id);
  });
}

const tokenOf = (url: string | null | undefined): string => new URL(url!).pathname.split("/")[2]!;
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const decode = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[0]!, "base64url").toString()) as Record<string, unknown>;
const flipped = (text: string, at: number): string =>
  text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);

describe("links in messages", () => {
  /** Every way to spoil a genuine token. */
  const spoilt = (token: string): [string, string][] => {
    const [body = "", mac = ""] = token.split(".");
    const signedWith = (secret: string, claims: unknown) =>
      `${encode(claims)}.${createHmac("sha256", secret).update(encode(claims)).digest("base64url")}`;
    return [
      ["one bit of the signature", `${body}.${flipped(mac, 5)}`],
      ["one bit of the content", `${flipped(body, 9)}.${mac}`],
      ["another cart under the same signature", `${encode({ ...decode(token), cart: "victim" })}.${mac}`],
      ["another store under the same signature", `${encode({ ...decode(token), store: "st_other" })}.${mac}`],
      ["cut off at the end", token.slice(0, -3)],
      ["cut off in the middle", token.slice(0, 40)],
      ["without a signature", body],
      ["with an empty signature", `${body}.`],
      ["without content", `.${mac}`],
      ["with a third part", `${token}.${mac}`],
      ["in another alphabet", token.replace(".", "%2E%2B")],
      ["garbage", "lorem-ipsum"],
      ["dots", "...."],
      ["9,000 characters", "A".repeat(9_000)],
      ["signed by the secret of the public repository", signedWith("local-only-link-secret-change-me", decode(token))],
      ["signed by an empty secret", signedWith("\0", decode(token))],
    ];
  };

  test("a spoilt or foreign recovery token opens nothing", async () => {
    const token = tokenOf(mail.recoveryUrl);
    for (const [name, bad] of [...spoilt(token), ["an unsubscribe token", tokenOf(mail.unsubscribeUrl)] as const]) {
      cases += 1;
      const page = await http(`${system.url}/r/${bad}`, { headers: { "user-agent": "Mozilla/5.0" } });
      expect([page.status, page.headers.get("location")], name).toEqual([404, null]);
      expect(page.text, name).not.toMatch(/victim|st_|Kiln/);
      expectProblem(await http(`${system.url}/r/${bad}/cart`), "NOT_FOUND");
    }
    expect((await merchant.cart("linked")).deliveries[0]!.status).toBe("sent");
    expect((await http(`${system.url}/r/${token}/cart`)).status).toBe(200);
  });

  test("a spoilt or foreign unsubscribe token silences nobody, a genuine one twice is once", async () => {
    const token = tokenOf(mail.unsubscribeUrl);
    for (const [name, bad] of [...spoilt(token), ["a recovery token", tokenOf(mail.recoveryUrl)] as const]) {
      cases += 1;
      for (const method of ["GET", "POST"])
        expect((await http(`${system.url}/u/${bad}`, { method })).status, `${method} ${name}`).toBe(404);
    }
    await merchant.accept([add("again", "mug", "12.30"), identify("again", "linked@shopper.example")]);
    await until("still written to", async () => (await merchant.deliveries("&cartId=again&status=sent"))[0]);
    for (let i = 0; i < 2; i++) expect((await http(`${system.url}/u/${token}`, { method: "POST" })).status).toBe(200);
    await merchant.accept([add("silent", "mug", "12.30"), identify("silent", "linked@shopper.example")]);
    await until("suppressed", async () => (await merchant.deliveries("&cartId=silent&status=suppressed"))[0]);
  });

  test("a recovery link dies with a revocation, and with its cart's purchase, for every later use", async () => {
    const open = (delivery: DeliveryView) => http(`${system.url}/r/${tokenOf(delivery.recoveryUrl)}/cart`);
    const [revoked, bought] = [await mailOf("revoked"), await mailOf("bought")];
    for (const delivery of [revoked, bought]) expect((await open(delivery)).status).toBe(200);
    expect((await merchant.call("DELETE", "/v1/carts/revoked/links")).status).toBe(204);
    await merchant.accept([order("bought", "o-bought", "12.30")]);
    await merchant.accept([add("bought", "bowl", "99.00")]);
    for (const delivery of [revoked, bought, revoked, bought]) {
      cases += 1;
      expectProblem(await open(delivery), "NOT_FOUND");
    }
  });
});

describe("access tokens", () => {
  const ask = (credential: string) =>
    http(`${system.url}/v1/carts`, { headers: { authorization: `Bearer ${credential}` } });

  test("forged, unsigned, expired and foreign ones are all refused alike", async () => {
    const genuine = merchant.account.accessToken;
    const [head = "", body = "", signature = ""] = genuine.split(".");
    const { sub, email, storeId, role, permissions } = JSON.parse(Buffer.from(body, "base64url").toString()) as Record<
      string,
      string
    >;
    const claims = { sub, email, storeId, role, permissions };
    const { kid, jwk } = await signingKey(system.state);
    const stranger = await exportJWK((await generateKeyPair("ES256", { extractable: true })).privateKey);
    const hmacHead = encode({ alg: "HS256", kid });
    const { keys } = (await http<{ keys: Record<string, unknown>[] }>(`${system.url}/.well-known/jwks.json`)).body;
    const hmac = (secret: string) => createHmac("sha256", secret).update(`${hmacHead}.${body}`).digest("base64url");
    const now = Math.floor(Date.now() / 1000);
    expect((await ask(await signToken(jwk, { claims, kid }))).status, "the test's own tokens are good").toBe(200);
    expect(keys.every((k) => !("d" in k))).toBe(true);
    const bad: Record<string, string> = {
      "no signature": `${head}.${body}.`,
      "alg none": `${encode({ alg: "none", kid })}.${body}.`,
      "alg NONE with a signature": `${encode({ alg: "NONE", kid })}.${body}.${signature}`,
      "the public key as a shared secret": `${hmacHead}.${body}.${hmac(JSON.stringify(keys[0]))}`,
      "one bit of the signature": `${head}.${body}.${flipped(signature, 3)}`,
      "another store's id": `${head}.${encode({ ...claims, storeId: "st_other" })}.${signature}`,
      "a stranger's key under our key id": await signToken(stranger, { claims, kid }),
      "a stranger's key": await signToken(stranger, { claims, kid: "key_stranger" }),
      "expired a minute ago": await signToken(jwk, { claims, kid, issuedAt: now - 960, expiresAt: now - 60 }),
      "of the year 1970": await signToken(jwk, { claims, kid, issuedAt: 0, expiresAt: 900 }),
      "for somebody else": await signToken(jwk, { claims, kid, audience: "another-api" }),
      "from somebody else": await signToken(jwk, { claims, kid, issuer: "another" }),
      "an unknown role": await signToken(jwk, { claims: { ...claims, role: "root" }, kid }),
      "a role of the prototype": await signToken(jwk, { claims: { ...claims, role: "constructor" }, kid }),
      "no subject": await signToken(jwk, { claims: { ...claims, sub: undefined }, kid }),
      "a numeric store": await signToken(jwk, { claims: { ...claims, storeId: 1 }, kid }),
      "a refresh token": merchant.account.refreshToken,
      "a publishable key": merchant.account.key,
      "an unknown secret key": `cw_sk_${"A".repeat(43)}`,
      "two parts": `${head}.${body}`,
      "10,000 characters": "e".repeat(10_000),
      garbage: "lorem",
    };
    for (const [name, token] of Object.entries(bad)) {
      cases += 1;
      const problem = expectProblem(await ask(token), "UNAUTHORIZED");
      expect(problem.detail, name).toMatch(/^(The access token is not valid or has expired|The key is not valid)\.$/);
    }
    for (const authorization of ["", "Bearer", "Bearer ", "Basic YTpi", `Token ${genuine}`, genuine]) {
      cases += 1;
      expectProblem(await http(`${system.url}/v1/carts`, { headers: { authorization } }), "UNAUTHORIZED");
    }
    expectProblem(await ask(await signToken(jwk, { claims: { ...claims, role: "customer" }, kid })), "FORBIDDEN");
    expect((await ask(genuine)).status).toBe(200);
  });

  test("a secret key does what its scopes say, and nothing once it is revoked", async () => {
    const made = await merchant.call<{ id: string; key: string }>("POST", "/v1/api-keys", { scopes: ["carts:read"] });
    expect(made.status).toBe(201);
    const as = (method: string, path: string, body?: unknown) =>
      merchant.call(method, path, body, { authorization: `Bearer ${made.body.key}` });
    expect((await as("GET", "/v1/carts")).status).toBe(200);
    for (const [method, path] of [
      ["GET", "/v1/usage"],
      ["POST", "/v1/campaigns"],
      ["POST", "/v1/api-keys"],
      ["PATCH", `/v1/stores/${merchant.account.storeId}`],
      ["DELETE", "/v1/carts/linked/links"],
    ] as const) {
      cases += 1;
      expectProblem(await as(method, path, method === "GET" || method === "DELETE" ? undefined : {}), "FORBIDDEN");
    }
    const [masked] = (await as("GET", "/v1/deliveries")).body.items as DeliveryView[];
    expect(masked!.to).toMatch(/^.…@/);
    expect((await merchant.call("DELETE", `/v1/api-keys/${made.body.id}`)).status).toBe(204);
    expectProblem(await as("GET", "/v1/carts"), "UNAUTHORIZED");
  });
});

describe("sessions", () => {
  const refresh = (refreshToken?: string, headers: Record<string, string> = {}) =>
    http<{ accessToken: string; refreshToken: string }>(`${system.url}/auth/refresh`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(refreshToken === undefined ? {} : { refreshToken }),
    });

  test("a refresh token that comes a second time ends its whole family, and no other", async () => {
    const { email, password } = merchant.account;
    const login = () => merchant.call<{ refreshToken: string }>("POST", "/auth/login", { email, password });
    const [stolen, other] = [(await login()).body.refreshToken, (await login()).body.refreshToken];
    const second = await refresh(stolen);
    expect(second.status).toBe(200);
    const third = await refresh(second.body.refreshToken);
    expect(third.status).toBe(200);
    for (const token of [stolen, third.body.refreshToken, second.body.refreshToken]) {
      cases += 1;
      expectProblem(await refresh(token), "UNAUTHORIZED");
    }
    expect((await refresh(other)).status).toBe(200);
  });

  test("of refreshes at the same moment at most one succeeds, for a family that ends; a logged out session stays ended", async () => {
    const { email, password } = merchant.account;
    const login = () => merchant.call<{ refreshToken: string }>("POST", "/auth/login", { email, password });
    for (let round = 0; round < 8; round++) {
      const raced = (await login()).body.refreshToken;
      const answers = await Promise.all(Array.from({ length: 6 }, () => refresh(raced)));
      const winners = answers.filter((a) => a.status === 200);
      expect(winners.length).toBeLessThanOrEqual(1);
      for (const winner of winners) expectProblem(await refresh(winner.body.refreshToken), "UNAUTHORIZED");
    }
    const ended = await login();
    const [cookie = "", device] = ended.headers.getSetCookie();
    expect(device).toMatch(/^cw_device=us_\w+\.[\w.-]+; Path=\/auth; HttpOnly; SameSite=Strict; Max-Age=34560000$/);
    expect(cookie).toMatch(/^cw_refresh=[\w-]+; Path=\/auth; HttpOnly; SameSite=Strict; Max-Age=604800$/);
    const byCookie = await refresh(undefined, { cookie: cookie.split(";")[0]! });
    expect(byCookie.status).toBe(200);
    const { refreshToken } = byCookie.body;
    expect((await merchant.call("POST", "/auth/logout", { refreshToken })).status).toBe(204);
    for (const token of [refreshToken, "x", "A".repeat(43), ""]) {
      cases += 1;
      expectProblem(await refresh(token), "UNAUTHORIZED");
    }
    expectProblem(await refresh("A".repeat(129)), "VALIDATION_ERROR", "refreshToken");
    expectProblem(await refresh(), "UNAUTHORIZED");
  });
});

describe("sockets", () => {
  const closed = (socket: LiveSocket) => until("closed", async () => socket.closed, { every: 20 });

  test("one that is not authenticated hears nothing and is closed at its first wish", async () => {
    for (const [type, payload] of [
      ["subscribe", { topic: "carts" }],
      ["authenticate", { token: "forged" }],
      ["authenticate", { token: `${merchant.account.accessToken}x` }],
    ] as const) {
      cases += 1;
      const socket = await LiveSocket.open(system.url);
      socket.send(type, payload);
      expect((await closed(socket)).code).toBe(4401);
    }
  });

  test("frames that are no frames close it; wishes nobody can fulfil are answered", async () => {
    const token = merchant.account.accessToken;
    for (const text of ["", "no json", "[", JSON.stringify({ type: "heartbeat", payload: "x".repeat(20_000) })]) {
      cases += 1;
      const socket = await LiveSocket.listen(system.url, token, "protocol", []);
      socket.sendText(text);
      expect((await closed(socket)).code).toBe(4400);
    }
    const socket = await LiveSocket.listen(system.url, token, "frame", []);
    for (const text of [
      "null",
      "[]",
      '{"type":"subscribe","payload":{"topic":"secrets"},"id":"7"}',
      '{"type":"__proto__"}',
    ]) {
      cases += 1;
      const before = socket.frames.length;
      socket.sendText(text);
      const answer = await until("an error frame", async () => socket.frames[before], { every: 20 });
      expect(answer).toMatchObject({ type: "error", payload: { code: "VALIDATION_ERROR" } });
    }
    socket.send("subscribe", { topic: "carts" });
    await socket.frame("subscribed");
    expect(socket.closed).toBeNull();
    socket.close();
  });
});
