import { request } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ErrorCode } from "../../shared/errors.ts";
import { type Answer, http, Merchant } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let merchant: Merchant;
let cases = 0;

beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url);
});
afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
afterAll(async () => {
  console.log(`bad requests: ${cases} cases`);
  await system?.stop();
});

/** The body as it is, not made by JSON.stringify; `:store` stands for the store's own id. */
function send(
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Answer<unknown>> {
  cases += 1;
  return http(system.url + path.replace(":store", merchant.account.storeId), {
    method,
    headers: {
      authorization: `Bearer ${merchant.credential}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
}

const nested = (depth: number, open = "[", close = "]"): string => open.repeat(depth) + close.repeat(depth);
const account = (change: Record<string, unknown> = {}, store: Record<string, unknown> = {}): string =>
  JSON.stringify({
    email: "new@merchant.example",
    password: "long enough",
    store: { name: "S", url: "https://s.example", currency: "EUR", timezone: "UTC", ...store },
    ...change,
  });
const campaign = (change: Record<string, unknown> = {}): string =>
  JSON.stringify({ name: "C", steps: [{ id: "s" }], ...change });
const template = (change: Record<string, unknown> = {}): string =>
  JSON.stringify({ name: "T", subject: "s", html: "h", ...change });

const translated = (translations: Record<string, unknown>): string => template({ translations });

type Case = [method: string, path: string, body: string | undefined, code: ErrorCode, field?: string];
const named = (list: Record<string, Case>): [string, ...Case][] =>
  Object.entries(list).map(([name, c]) => [name, ...c]);
const V = "VALIDATION_ERROR";

describe("bodies", () => {
  const register = "/auth/register";
  const login = "/auth/login";
  const settings = "/v1/stores/:store";
  const campaigns = "/v1/campaigns";
  const templates = "/v1/templates";
  test.each(
    named({
      "nothing to register": ["POST", register, undefined, V, "email"],
      "no JSON": ["POST", register, "{", V, "(body)"],
      "an array": ["POST", register, "[]", V, "(body)"],
      null: ["POST", register, "null", V, "(body)"],
      "100,000 nested arrays": ["POST", register, nested(100_000), V, "(body)"],
      "300 KB": ["POST", register, JSON.stringify({ email: "x".repeat(300_000) }), "PAYLOAD_TOO_LARGE"],
      "a short password": ["POST", register, account({ password: "1234567" }), V, "password"],
      "an endless password": ["POST", register, account({ password: "x".repeat(300) }), V, "password"],
      "an address without a host": ["POST", register, account({ email: "me" }), V, "email"],
      "an address with a header": ["POST", register, account({ email: "a@b.example\nBcc: x" }), V, "email"],
      "a shop that runs code": ["POST", register, account({}, { url: "javascript:alert(1)" }), V, "store.url"],
      "a currency of two letters": ["POST", register, account({}, { currency: "EU" }), V, "store.currency"],
      "time on Mars": ["POST", register, account({}, { timezone: "Mars/Base" }), V, "store.timezone"],
      "a store without a name": ["POST", register, account({}, { name: "" }), V, "store.name"],
      "a wrong password": ["POST", login, JSON.stringify({ email: "a@b.example", password: "x" }), "UNAUTHORIZED"],
      "an injected address": ["POST", login, JSON.stringify({ email: "' OR 1=1--", password: "x" }), V, "email"],
      "a password that is an object": ["POST", login, '{"email":"a@b.example","password":{"$ne":1}}', V, "password"],
      "a refresh token that is a number": ["POST", "/auth/refresh", '{"refreshToken":1}', V, "refreshToken"],

      "a negative idle time": ["PATCH", settings, '{"abandonAfterMinutes":-1}', V, "abandonAfterMinutes"],
      "no idle time at all": ["PATCH", settings, '{"abandonAfterMinutes":0}', V, "abandonAfterMinutes"],
      "an infinite idle time": ["PATCH", settings, '{"abandonAfterMinutes":1e309}', V, "abandonAfterMinutes"],
      "an idle time in words": ["PATCH", settings, '{"abandonAfterMinutes":"1"}', V, "abandonAfterMinutes"],
      "hour 25": ["PATCH", settings, '{"quietHours":{"from":"25:00","to":"07:00"}}', V, "quietHours.from"],
      "half a quiet window": ["PATCH", settings, '{"quietHours":{"from":"21:00"}}', V, "quietHours.to"],
      "a cap of nothing": ["PATCH", settings, '{"frequencyCap":{"max":0,"perHours":1}}', V, "frequencyCap.max"],
      "a shop by FTP": ["PATCH", settings, '{"url":"ftp://x"}', V, "url"],
      "an unknown jurisdiction": ["PATCH", settings, '{"jurisdiction":"moon"}', V, "jurisdiction"],
      "a jurisdiction that does not work yet": ["PATCH", settings, '{"jurisdiction":"eu"}', V, "jurisdiction"],
      "another's store": ["PATCH", "/v1/stores/st_00000000000000000000", "{}", "NOT_FOUND"],

      "a campaign without anything": ["POST", campaigns, "{}", V, "name"],
      "a campaign without steps": ["POST", campaigns, campaign({ steps: [] }), V, "steps"],
      "a campaign of 21 steps": ["POST", campaigns, campaign({ steps: many(21) }), V, "steps"],
      "a step twice": ["POST", campaigns, campaign({ steps: [{ id: "a" }, { id: "a" }] }), V, "steps"],
      "a delay of -1": [
        "POST",
        campaigns,
        campaign({ steps: [{ id: "a", delayMinutes: -1 }] }),
        V,
        "steps.0.delayMinutes",
      ],
      "a channel nobody has": [
        "POST",
        campaigns,
        campaign({ steps: [{ id: "a", channel: "fax" }] }),
        V,
        "steps.0.channel",
      ],
      "a holdout of everybody": ["POST", campaigns, campaign({ holdout: 1 }), V, "holdout"],
      "an unknown trigger": ["POST", campaigns, campaign({ trigger: "full_moon" }), V, "trigger"],
      "a condition that runs code": ["POST", campaigns, campaign({ conditions: { $where: "1" } }), V, "conditions"],
      "an unknown operator": ["POST", campaigns, campaign({ conditions: { a: { $near: 1 } } }), V, "conditions"],
      "conditions 20 deep": ["POST", campaigns, conditions(20), V, "conditions"],
      "conditions 40,000 deep": ["POST", campaigns, conditions(40_000), V],
      "step conditions 40,000 deep": ["POST", campaigns, stepConditions(40_000), V],
      "no such campaign": ["PUT", "/v1/campaigns/cmp_x", campaign(), "NOT_FOUND"],

      "broken Liquid": ["POST", templates, template({ html: "{% if %}" }), V, "html"],
      "an unknown filter": ["POST", templates, template({ text: "{{ 1 | explode }}" }), V, "text"],
      "Liquid without an end": ["POST", templates, template({ html: "{% for i in (1..900000000) %}x{% endfor %}" }), V],
      "a file of the server": ["POST", templates, template({ html: "{% include '/etc/passwd' %}" }), V, "html"],
      "an unknown variable": ["POST", templates, template({ subject: "{{ shopper.nmae }}" }), V, "subject"],
      "a locale of nowhere": ["POST", templates, template({ locale: "not a locale" }), V, "locale"],
      "a translation without words": [
        "POST",
        templates,
        translated({ de: { subject: "s" } }),
        V,
        "translations.de.html",
      ],
      "a translation without a subject": [
        "POST",
        templates,
        translated({ de: { text: "t" } }),
        V,
        "translations.de.subject",
      ],
      "a broken translation": [
        "POST",
        templates,
        translated({ de: { subject: "s", text: "{{ cart.totl }}" } }),
        V,
        "translations.de.text",
      ],
      "a translation into no language": [
        "POST",
        templates,
        translated({ "1": { subject: "s", text: "t" } }),
        V,
        "translations.1",
      ],
      "a translation into its own": [
        "POST",
        templates,
        translated({ en: { subject: "s", text: "t" } }),
        V,
        "translations.en",
      ],
      "an SMS with HTML": [
        "POST",
        templates,
        JSON.stringify({ name: "T", channel: "sms", text: "t", html: "h" }),
        V,
        "html",
      ],
      "an SMS of 1,601 characters": [
        "POST",
        templates,
        JSON.stringify({ name: "T", channel: "sms", text: "x".repeat(1601) }),
        V,
        "text",
      ],
      "a template of no gallery": ["POST", templates, JSON.stringify({ from: "nothing" }), V, "from"],
      "a preview of a stranger's cart": ["POST", `${templates}/preview`, template({ cartId: "nobody" }), "NOT_FOUND"],
      "a test to nobody": ["POST", `${templates}/default/test`, '{"to":"nobody"}', V, "to"],
      "a test of no template": ["POST", `${templates}/tpl_x/test`, '{"to":"ada@example.com"}', "NOT_FOUND"],
      "200,001 characters": ["POST", templates, template({ html: "x".repeat(200_001) }), V, "html"],
      "no subject": ["POST", "/v1/templates/preview", template({ subject: "" }), V, "subject"],
      "no such template": ["PUT", "/v1/templates/tpl_x", template(), "NOT_FOUND"],

      "a key of another kind": ["POST", "/v1/api-keys", '{"kind":"root"}', V, "kind"],
      "a scope nobody has": ["POST", "/v1/api-keys", '{"scopes":["everything"]}', V, "scopes.0"],
      "no such key": ["DELETE", "/v1/api-keys/key_x", undefined, "NOT_FOUND"],
    }),
  )("%s", async (_name, method, path, body, code, field) => {
    expectProblem(await send(method, path, body), code, field);
  });

  test("a body of another type, a second account of an address, a change from an old version", async () => {
    expectProblem(await send("POST", register, account(), { "content-type": "text/plain" }), "UNSUPPORTED_MEDIA_TYPE");
    expectProblem(await send("POST", register, account({ email: merchant.account.email.toUpperCase() })), "CONFLICT");
    expectProblem(await send("PATCH", settings, "{}", { "if-match": "W/x" }), V, "If-Match");
    expectProblem(await send("PATCH", settings, '{"name":"Renamed"}', { "if-match": '"999"' }), "CONFLICT");
    expect(await merchant.get("/v1/stores/:store".replace(":store", merchant.account.storeId))).toMatchObject({
      name: "Kiln & Co",
    });
  });

  test("registering an address twice at the same moment makes one account", async () => {
    const body = account({ email: "twice@merchant.example" });
    const answers = await Promise.all(Array.from({ length: 4 }, () => send("POST", register, body)));
    expect(answers.map((a) => a.status).sort()).toEqual([201, 409, 409, 409]);
  });

  test("keys of the prototype in settings and campaigns change nothing but themselves", async () => {
    const body = '{"__proto__":{"name":"x"},"constructor":{"prototype":{"y":1}},"retentionDays":30}';
    const changed = await send("PATCH", settings, body);
    expect([changed.status, (changed.body as { name: string }).name]).toEqual([200, "Kiln & Co"]);
    const made = await send("POST", campaigns, campaign({ conditions: { "__proto__.x": 1, constructor: 2 } }));
    expect(made.status).toBe(201);
    expect((await send("DELETE", `/v1/campaigns/${(made.body as { id: string }).id}`)).status).toBe(204);
  });
});

function many(n: number): { id: string }[] {
  return Array.from({ length: n }, (_, i) => ({ id: `s${i}` }));
}
function conditions(depth: number): string {
  return campaign({ conditions: { a: "@" } }).replace('"@"', nested(depth));
}
function stepConditions(depth: number): string {
  return campaign({ steps: [{ id: "a", conditions: { $and: "@" } }] }).replace('"@"', nested(depth));
}

describe("addresses and queries", () => {
  test.each(
    named({
      "limit 0": ["GET", "/v1/carts?limit=0", undefined, V, "limit"],
      "limit 201": ["GET", "/v1/carts?limit=201", undefined, V, "limit"],
      "limit 1e9": ["GET", "/v1/deliveries?limit=1e9", undefined, V, "limit"],
      "limit in words": ["GET", "/v1/carts?limit=all", undefined, V, "limit"],
      "a made-up cursor": ["GET", "/v1/carts?cursor=1%27--", undefined, V, "cursor"],
      "a status nobody has": ["GET", "/v1/carts?status=sold", undefined, V, "status"],
      "a negative value": ["GET", "/v1/carts?minValue=-1", undefined, V, "minValue"],
      "a value in words": ["GET", "/v1/carts?minValue=much", undefined, V, "minValue"],
      "an unknown grain": ["GET", "/v1/analytics/rollups?grain=week", undefined, V, "grain"],
      "a grain of the prototype": ["GET", "/v1/analytics/rollups?grain=constructor", undefined, V, "grain"],
      "from whenever": ["GET", "/v1/analytics/rollups?from=whenever", undefined, V, "from"],
      "explained at tea time": ["GET", "/v1/carts/x/explain?at=tea", undefined, V, "at"],
      "no such cart": ["GET", "/v1/carts/nobody", undefined, "NOT_FOUND"],
      "no such timeline": ["GET", "/v1/carts/nobody/timeline", undefined, "NOT_FOUND"],
      "no such explanation": ["GET", "/v1/carts/nobody/explain", undefined, "NOT_FOUND"],
      "another actor's name": ["GET", "/v1/carts/st_x%2Fcart", undefined, "NOT_FOUND"],
      "a NUL": ["GET", "/v1/carts/%00", undefined, "NOT_FOUND"],
      "a broken encoding": ["GET", "/v1/carts/%E0%A4%A", undefined, "NOT_FOUND"],
      "an id of 1,000 characters": ["GET", `/v1/carts/${"x".repeat(1000)}`, undefined, "NOT_FOUND"],
      "injected SQL": ["GET", "/v1/deliveries/'%20OR%20'1'='1", undefined, "NOT_FOUND"],
      "no such delivery": ["GET", "/v1/deliveries/dl_x", undefined, "NOT_FOUND"],
      "no such route": ["GET", "/v1/nothing", undefined, "NOT_FOUND"],
      "no such route to post to": ["POST", "/v1/nothing", "{}", "NOT_FOUND"],
      "no socket": ["GET", "/ws", undefined, V],
      "PUT on a list": ["PUT", "/v1/carts", "{}", "METHOD_NOT_ALLOWED"],
      "DELETE on a cart": ["DELETE", "/v1/carts/x", undefined, "METHOD_NOT_ALLOWED"],
      "GET to register": ["GET", "/auth/register", undefined, "METHOD_NOT_ALLOWED"],
      "PATCH on a link": ["PATCH", "/u/token", "{}", "METHOD_NOT_ALLOWED"],
    }),
  )("%s", async (_name, method, path, body, code, field) => {
    expectProblem(await send(method, path, body), code, field);
  });

  test("a status named a thousand times is one status, and HEAD is a GET without its body", async () => {
    const found = await send("GET", `/v1/carts?status=${"active,".repeat(1000)}active`);
    expect([found.status, found.body]).toEqual([200, { items: [], nextCursor: null }]);
    for (const path of ["/health/live", "/v1/carts"]) {
      const head = await send("HEAD", path);
      expect([head.status, head.text], path).toEqual([200, ""]);
    }
  });

  test("SQL wildcards and quotes in a search are letters like any other", async () => {
    for (const q of ["%", "_", "'", '"', "\\", "' OR 1=1 --", "\u0000", "%00", "🛒", "x".repeat(5_000)]) {
      const found = await send("GET", `/v1/carts?q=${encodeURIComponent(q)}`);
      expect([found.status, (found.body as { items: unknown[] }).items], q).toEqual([200, []]);
    }
  });

  test("paths that climb, and request ids that bite, are answered like any other", async () => {
    for (const path of [
      "/../../etc/passwd",
      "/v1/carts/../../secrets",
      "//evil.example",
      "/%2e%2e/%2e%2e/etc/passwd",
      "/app/../../x",
      "/\\..\\x",
    ]) {
      cases += 1;
      const { status, body } = await raw(path);
      expect(status, path).toBe(404);
      expect(JSON.parse(body), path).toMatchObject({ code: "NOT_FOUND" });
    }
    for (const id of ["<script>", "a b", "x".repeat(65), "'"]) {
      const answer = await send("GET", "/v1/nothing", undefined, { "x-request-id": id });
      expect(expectProblem(answer, "NOT_FOUND").requestId).not.toBe(id);
    }
    const kept = await send("GET", "/v1/nothing", undefined, { "x-request-id": "trace-1.2_3" });
    expect(expectProblem(kept, "NOT_FOUND").requestId).toBe("trace-1.2_3");
  });
});

/** The path exactly as it is: `fetch` would tidy it up. */
function raw(path: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(system.url);
  return new Promise((done, failed) => {
    const call = request({ hostname, port, path, method: "GET" }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => done({ status: response.statusCode ?? 0, body }));
    });
    call.on("error", failed).end();
  });
}
