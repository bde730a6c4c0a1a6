/**
 * Who gets in where: every route of the document × every way to have no right to it. The answer is the documented refusal,
 * the same whether what the path names exists or not. No route is left out: the table is made from the route list.
 */
import { exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { operationsOf, type Placed, type Spec } from "../../workers/gateway/docs/spec.ts";
import { signingKey, signToken } from "../support/keyring.ts";
import { joinAs } from "../support/members.ts";
import { type Answer, http, Merchant } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { bodyOf, FIXTURES, type Fixture, type World, worldOf } from "../support/route-fixtures.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let world: World;
let spec: Spec;
/** What each path is filled with: objects of the first merchant that exist. */
const fixtures = new Map<string, Fixture>();
/** `Authorization` headers that are good for nothing anywhere. */
let worthless: Record<string, string | undefined>;
let customer: Merchant;
let scopeless: string;
let stranger: Merchant;

beforeAll(async () => {
  system = await startSystem();
  world = await worldOf(system);
  spec = (await http<Spec>(`${system.url}/openapi.json`)).body;
  stranger = await Merchant.register(system.url, { name: "Strange" });
  customer = await joinAs(system, world.merchant, "customer", "customer@member.example");
  const key = await world.merchant.call<{ key: string }>("POST", "/v1/api-keys", { scopes: [] });
  scopeless = key.body.key;
  worthless = await worthlessCredentials();
  for (const { operation } of operationsOf(spec)) {
    const fixture = await FIXTURES[operation.operationId]!(world);
    fixtures.set(operation.operationId, { ...fixture, body: bodyOf(spec, operation, fixture) });
  }
});
afterAll(() => system?.stop());

async function worthlessCredentials(): Promise<Record<string, string | undefined>> {
  const { accessToken, refreshToken, key } = world.merchant.account;
  const [, body = ""] = accessToken.split(".");
  const { iat, exp, iss, aud, ...claims } = JSON.parse(Buffer.from(body, "base64url").toString()) as Record<
    string,
    unknown
  >;
  const { kid, jwk } = await signingKey(system.state);
  const forger = await exportJWK((await generateKeyPair("ES256", { extractable: true })).privateKey);
  const issuedAt = Math.floor(Date.now() / 1000);
  const signed = (more: object, by = jwk) => {
    const shape = { claims: { ...claims, ims: issuedAt * 1000 }, kid, issuedAt, ...more };
    return signToken(by, shape);
  };
  const good = await signed({});
  expect((await ask("GET", "/auth/me", `Bearer ${good}`)).status, "the test's own tokens are good").toBe(200);
  const old = issuedAt - 1_000;
  return {
    "no credential": undefined,
    expired: `Bearer ${await signed({ claims: { ...claims, ims: old * 1000 }, issuedAt: old, expiresAt: old + 900 })}`,
    forged: `Bearer ${await signed({}, forger)}`,
    "alg=none": `Bearer ${Buffer.from(JSON.stringify({ alg: "none", kid, typ: "at+jwt" })).toString("base64url")}.${good.split(".")[1]}.`,
    "wrong audience": `Bearer ${await signed({ audience: "another-api" })}`,
    "wrong issuer": `Bearer ${await signed({ issuer: "another" })}`,
    revoked: `Bearer ${await revoked()}`,
    "publishable key": `Bearer ${key}`,
    "refresh token": `Bearer ${refreshToken}`,
    "unknown secret key": `Bearer cw_sk_${"A".repeat(43)}`,
    "password in the clear": `Basic ${Buffer.from(`${world.merchant.account.email}:correct horse battery`).toString("base64")}`,
  };
}

/** The token of a session of the same merchant that was logged out a moment ago. */
async function revoked(): Promise<string> {
  const { email, password } = world.merchant.account;
  const { body } = await world.merchant.call<{ accessToken: string; refreshToken: string }>("POST", "/auth/login", {
    email,
    password,
  });
  expect((await ask("GET", "/auth/me", `Bearer ${body.accessToken}`)).status).toBe(200);
  const out = await world.merchant.call("POST", "/auth/logout", { refreshToken: body.refreshToken });
  expect(out.status).toBe(204);
  return body.accessToken;
}

function ask(method: string, path: string, authorization?: string, fixture: Fixture = {}): Promise<Answer> {
  const { body, headers } = fixture;
  return http(system.url + path, {
    method,
    headers: {
      ...(authorization ? { authorization } : {}),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const pathOf = ({ path, operation }: Placed, unknown = false): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(unknown ? `no-such-${name}` : (fixtures.get(operation.operationId)?.params?.[name] ?? "x")),
  );

/** Without what differs in every answer. */
const said = ({ status, text }: Answer): string => `${status} ${text.replace(/"requestId":"[^"]*"/, "")}`;

const closed = () =>
  operationsOf(spec).filter(({ operation }) => !["public", "publishable"].includes(operation["x-access"]));

test("a worthless credential is 401 on every closed route, whether what it names exists or not", async () => {
  let calls = 0;
  for (const placed of closed()) {
    for (const [name, authorization] of Object.entries(worthless)) {
      const at = `${placed.method} ${placed.path} with ${name}`;
      const [there, nowhere] = await Promise.all([
        ask(placed.method, pathOf(placed), authorization, fixtures.get(placed.operation.operationId)),
        ask(placed.method, pathOf(placed, true), authorization),
      ]);
      calls += 2;
      expect(there.status, at).toBe(401);
      expectProblem(there, "UNAUTHORIZED");
      expect(said(there), at).toBe(said(nowhere));
      expect(placed.operation.responses, at).toHaveProperty("401");
    }
  }
  process.stdout.write(
    `access: ${closed().length} closed routes × ${Object.keys(worthless).length} worthless credentials, ${calls} calls: all 401\n`,
  );
});

test("who has the wrong role, or a key without the scope, is 403 on every route that needs a permission", async () => {
  const routes = closed().filter(({ operation }) => operation["x-access"] === "permission");
  for (const placed of routes) {
    const fixture = fixtures.get(placed.operation.operationId);
    const at = `${placed.method} ${placed.path}`;
    for (const authorization of [`Bearer ${customer.credential}`, `Bearer ${scopeless}`]) {
      const refused = await ask(placed.method, pathOf(placed), authorization, fixture);
      expect(refused.status, `${at}: ${refused.text}`).toBe(403);
      expect(expectProblem(refused, "FORBIDDEN").detail, at).toContain(placed.operation["x-permission"]);
    }
    expect(placed.operation.responses, at).toHaveProperty("403");
  }
  process.stdout.write(`access: ${routes.length} routes × 2 without the permission: all 403\n`);
});

test("a secret key is 403 on every route that is for people, and everywhere when it comes from a browser", async () => {
  const everything = await world.merchant.call<{ key: string }>("POST", "/v1/api-keys", {
    scopes: (await world.merchant.get<{ permissions: string[] }>("/auth/me")).permissions,
  });
  const authorization = `Bearer ${everything.body.key}`;
  const people = closed().filter(({ operation }) => operation["x-access"] === "user");
  for (const placed of people) {
    const refused = await ask(placed.method, pathOf(placed), authorization, fixtures.get(placed.operation.operationId));
    expect(refused.status, `${placed.method} ${placed.path}: ${refused.text}`).toBe(403);
  }
  const fromPages: Record<string, string>[] = [{ origin: "https://shop.example" }, { "sec-fetch-site": "cross-site" }];
  for (const placed of closed()) {
    for (const headers of fromPages) {
      const refused = await ask(placed.method, pathOf(placed), authorization, { headers });
      expect(refused.status, `${placed.method} ${placed.path}: ${refused.text}`).toBe(403);
    }
  }
  process.stdout.write(
    `access: ${people.length} routes for people refuse keys; ${closed().length} refuse keys in browsers\n`,
  );
});

test("another tenant's ids do not exist: the answer is that to an id nobody has", async () => {
  const named = closed().filter(({ path, operation }) => path.includes("{") && operation.operationId !== "endSession");
  for (const placed of named) {
    const fixture = fixtures.get(placed.operation.operationId);
    const at = `${placed.method} ${placed.path}`;
    const [theirs, nobodys] = [
      await ask(placed.method, pathOf(placed), `Bearer ${stranger.credential}`, fixture),
      await ask(placed.method, pathOf(placed, true), `Bearer ${stranger.credential}`, fixture),
    ];
    expect(theirs.status, `${at}: ${theirs.text}`).toBe(404);
    expect(said(theirs), at).toBe(said(nobodys));
    expect(placed.operation.responses, at).toHaveProperty("404");
  }
  process.stdout.write(`access: ${named.length} routes × another tenant's id: all 404, like an id nobody has\n`);
});

test("beacons take a publishable key and nothing else", async () => {
  const event = { id: "e", type: "page_viewed", occurredAt: new Date().toISOString(), cartId: "c" };
  const post = (query: string, authorization?: string) =>
    ask("POST", `/v1/events${query}`, authorization, { body: event });
  for (const authorization of [...Object.values(worthless), `Bearer ${world.merchant.credential}`])
    expectProblem(await post("", authorization), "UNAUTHORIZED");
  expectProblem(await post(`?key=cw_pk_${"A".repeat(43)}`), "UNAUTHORIZED");
  expectProblem(await post(`?key=${scopeless}`), "FORBIDDEN");
  expect((await post(`?key=${world.merchant.account.key}`)).status).toBe(202);
});

test("a worthless credential changes nothing on open routes", async () => {
  const open = operationsOf(spec).filter(({ operation }) => operation["x-access"] === "public");
  for (const placed of open.filter(({ operation }) => operation.operationId !== "openSocket")) {
    const plain = await ask(placed.method, pathOf(placed, true));
    expect(plain.status, `${placed.method} ${placed.path}`).not.toBe(500);
    const carried = await ask(placed.method, pathOf(placed, true), worthless.forged);
    expect(carried.status, `${placed.method} ${placed.path}`).toBe(plain.status);
  }
  process.stdout.write(`access: ${open.length} open routes; ${operationsOf(spec).length} routes in all\n`);
  expect(closed().length + open.length + 1, "every route is in this table").toBe(operationsOf(spec).length);
  expect(unexpectedIn(system.logs())).toEqual([]);
});
