/** `Idempotency-Key`, through the whole gateway, and against crashes that no client can cause on purpose. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Principal } from "../../shared/auth/tokens.ts";
import { AppError } from "../../shared/errors.ts";
import { json } from "../../shared/http.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import { once } from "../../workers/gateway/idempotency.ts";
import type { Call } from "../../workers/gateway/route.ts";
import { runSchedule } from "../../workers/jobs/cron.ts";
import { env, eventually, setClock, T0, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));
beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

const worker = (exports as unknown as { default: { fetch(request: Request): Promise<Response> } }).default;
const ORIGIN = "https://cartwake.test";

async function send(token: string, path: string, body: unknown, key?: string, method = "POST") {
  const response = await worker.fetch(
    new Request(ORIGIN + path, {
      method,
      headers: {
        "content-type": "application/json",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: (text === "" ? {} : JSON.parse(text)) as Record<string, string>,
    replayed: response.headers.get("idempotency-replayed"),
  };
}

async function merchant(): Promise<{ token: string; storeId: string }> {
  const { body } = await send("", "/auth/register", {
    email: `${unique("owner").toLowerCase()}@merchant.example`,
    password: "correct horse battery",
    store: { name: "Shop", url: "https://shop.example/", currency: "EUR", timezone: "UTC" },
  });
  return { token: body.accessToken!, storeId: (body.store as unknown as { id: string }).id };
}

const TEMPLATE = { name: "Hello", text: "{{ recovery_url }}" };

async function count(table: "templates" | "api_keys" | "audit_log", storeId: string, where = "1"): Promise<number> {
  const row = await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE store_id = ? AND ${where}`)
    .bind(storeId)
    .first<{ n: number }>();
  return row!.n;
}

const kept = (key: string) =>
  env.DB.prepare("SELECT * FROM idempotency_keys WHERE key = ?").bind(key).first<Record<string, string | null>>();

const principal = (): Principal => ({
  kind: "user",
  userId: unique("us"),
  email: "ada@example.com",
  storeId: "st_1",
  role: "store_owner",
  permissions: [],
  expiresAt: 0,
  jti: null,
  issuedAt: 0,
  sessionId: null,
});
const call = (key: string): Call => {
  const url = new URL("/v1/things", ORIGIN);
  const request = new Request(url, { method: "POST", headers: { "idempotency-key": key }, body: "{}" });
  const ctx = {} as ExecutionContext;
  return {
    request,
    env,
    ctx,
    url,
    params: {},
    requestId: "r",
    address: "unknown",
    query: 0,
    body: 0,
    audit: () => {},
    audited: () => [],
    attempt: async () => {},
    isKnown: async () => false,
  };
};

describe("a repeat", () => {
  it("gets the first one's answer, and neither the change nor its audit line happens again", async () => {
    const { token, storeId } = await merchant();
    const first = await send(token, "/v1/templates", TEMPLATE, "k-1");
    const again = await send(token, "/v1/templates", TEMPLATE, "k-1");
    expect([first.status, first.replayed]).toEqual([201, null]);
    expect([again.status, again.text, again.replayed]).toEqual([201, first.text, "true"]);
    for (const name of ["etag", "content-type", "cache-control"])
      expect(again.headers.get(name)).toBe(first.headers.get(name));
    expect(again.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
    expect(await count("templates", storeId)).toBe(1);
    expect(await count("audit_log", storeId, "action = 'template.created'")).toBe(1);
  });

  it("of a deletion is no 404", async () => {
    const { token } = await merchant();
    const { body } = await send(token, "/v1/templates", TEMPLATE);
    const path = `/v1/templates/${body.id}`;
    expect((await send(token, path, undefined, "gone", "DELETE")).status).toBe(204);
    const again = await send(token, path, undefined, "gone", "DELETE");
    expect([again.status, again.text, again.replayed]).toEqual([204, "", "true"]);
    expect((await send(token, path, undefined, undefined, "DELETE")).status).toBe(404);
  });

  it("twenty at once have one effect", async () => {
    const { token, storeId } = await merchant();
    const all = await Promise.all(Array.from({ length: 20 }, () => send(token, "/v1/templates", TEMPLATE, "race")));
    const made = all.filter(({ status }) => status === 201);
    const early = all.filter(({ status }) => status === 409);
    expect(made.length + early.length).toBe(20);
    expect(made.filter(({ replayed }) => replayed === null)).toHaveLength(1);
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
    for (const { headers, body } of early) expect([headers.get("retry-after"), body.code]).toEqual(["1", "CONFLICT"]);
    expect(await count("templates", storeId)).toBe(1);
    expect((await send(token, "/v1/templates", TEMPLATE, "race")).body.id).toBe(made[0]!.body.id);
  });

  it("with another body, path or method is a mistake", async () => {
    const { token, storeId } = await merchant();
    const { body } = await send(token, "/v1/templates", TEMPLATE, "mixed");
    const others = [
      await send(token, "/v1/templates", { ...TEMPLATE, name: "Other" }, "mixed"),
      await send(token, "/v1/coupon-pools", { name: "Other" }, "mixed"),
      await send(token, `/v1/templates/${body.id}`, TEMPLATE, "mixed", "PUT"),
    ];
    for (const { status, text } of others) {
      expect(status).toBe(409);
      expect(text).toContain("was used for another request");
    }
    expect(await count("templates", storeId)).toBe(1);
  });

  it("by another store or another credential is a first request", async () => {
    const [one, two] = [await merchant(), await merchant()];
    const first = await send(one.token, "/v1/templates", TEMPLATE, "shared");
    const foreign = await send(two.token, "/v1/templates", TEMPLATE, "shared");
    const { body: key } = await send(one.token, "/v1/api-keys", { scopes: ["campaigns:write"] });
    const other = await send(key.key!, "/v1/templates", TEMPLATE, "shared");
    expect([first.status, foreign.status, other.status]).toEqual([201, 201, 201]);
    expect(new Set([first, foreign, other].map(({ body }) => body.id)).size).toBe(3);
  });

  it("after a refusal is judged anew: nothing was changed", async () => {
    const { token } = await merchant();
    const refused = await send(token, "/v1/templates", { name: "" }, "second-try");
    expect(refused.status).toBe(400);
    expect((await send(token, "/v1/templates", TEMPLATE, "second-try")).status).toBe(201);
  });

  it("after a day is a first request; until then its row outlives every sweep", async () => {
    const who = principal();
    const carry = vi.fn(async () => json({}));
    await once(call("daily"), who, carry);
    await runSchedule("*/5 * * * *", env, T0 + DAY_MS);
    setClock(T0 + DAY_MS - 1);
    await once(call("daily"), who, carry);
    expect(carry).toHaveBeenCalledTimes(1);
    setClock(T0 + DAY_MS);
    await once(call("daily"), who, carry);
    expect(carry).toHaveBeenCalledTimes(2);
    await runSchedule("*/5 * * * *", env, T0 + 2 * DAY_MS + 1);
    expect(await kept("daily")).toBeNull();
  });
});

describe("a key", () => {
  it.each(["", "x".repeat(256), "tab\there"])("of %j is refused", async (key) => {
    const { token } = await merchant();
    const answer = await send(token, "/v1/templates", TEMPLATE, key);
    expect([answer.status, answer.body.code]).toEqual([400, "VALIDATION_ERROR"]);
  });

  it("of 255 characters is taken; on a GET it means nothing", async () => {
    const { token } = await merchant();
    expect((await send(token, "/v1/templates", TEMPLATE, "~".repeat(255))).status).toBe(201);
    expect((await send(token, "/v1/templates", undefined, "x".repeat(256), "GET")).status).toBe(200);
  });

  it("keeps an answer with a secret in it sealed", async () => {
    const { token } = await merchant();
    const made = await send(token, "/v1/api-keys", { scopes: [] }, "secret-key");
    expect(made.body.key).toMatch(/^cw_sk_/);
    const row = await kept("secret-key");
    expect(JSON.stringify(row)).not.toContain(made.body.key!.slice(6));
    expect(row?.body).toMatch(/^s1\.[\w-]+\.[\w-]+$/);
    expect((await send(token, "/v1/api-keys", { scopes: [] }, "secret-key")).text).toBe(made.text);
  });

  it("gives an answer to nobody when it was sealed for another key", async () => {
    const { token } = await merchant();
    await send(token, "/v1/templates", TEMPLATE, "moved-from");
    await send(token, "/v1/templates", TEMPLATE, "moved-to");
    await env.DB.prepare(
      "UPDATE idempotency_keys SET body = (SELECT body FROM idempotency_keys WHERE key = 'moved-from') WHERE key = 'moved-to'",
    ).run();
    const answer = await send(token, "/v1/templates", TEMPLATE, "moved-to");
    expect([answer.status, answer.text.includes("was not kept")]).toEqual([409, true]);
  });
});

describe("what goes wrong on our side", () => {
  it("a request that died is carried out again after a minute, not before", async () => {
    const who = principal();
    void once(call("died"), who, () => new Promise(() => {}));
    const row = await vi.waitUntil(() => kept("died"));
    const died = Number(row?.created_at);
    setClock(died + MINUTE_MS - 1);
    await expect(once(call("died"), who, async () => json({}))).rejects.toThrow("still being carried out");
    setClock(died + MINUTE_MS);
    const carry = vi.fn(async () => json({ made: 1 }, 201));
    expect((await once(call("died"), who, carry)).status).toBe(201);
    expect((await once(call("died"), who, carry)).headers.get("idempotency-replayed")).toBe("true");
    expect(carry).toHaveBeenCalledTimes(1);
  });

  it("one that was only slow does not overwrite the answer of the one that took over", async () => {
    const who = principal();
    let finish: (response: Response) => void = () => {};
    const slow = once(call("slow"), who, () => new Promise((done) => (finish = done)));
    await eventually(async () => expect(await kept("slow")).not.toBeNull());
    setClock(T0 + 2 * MINUTE_MS);
    await once(call("slow"), who, async () => json({ by: "second" }));
    finish(json({ by: "first" }));
    await slow;
    const again = await once(call("slow"), who, async () => json({ by: "third" }));
    expect(await again.json()).toEqual({ by: "second" });
  });

  it.each([
    ["an answer of 500", async () => json({}, 500)],
    ["a thrown refusal", async () => Promise.reject(new AppError("SERVICE_UNAVAILABLE", "later"))],
    ["an exception", async () => Promise.reject(new Error("bug"))],
  ])("%s frees the key", async (what, fails) => {
    const who = principal();
    await once(call(what), who, fails).catch(() => {});
    expect(await kept(what)).toBeNull();
    expect((await once(call(what), who, async () => json({}, 201))).status).toBe(201);
  });

  it("an answer too large to keep is given once; its repeat is refused, not carried out", async () => {
    const who = principal();
    const large = "x".repeat(256 * 1024 + 1);
    const first = await once(call("large"), who, async () => new Response(large));
    expect(await first.text()).toBe(large);
    const carry = vi.fn(async () => json({}));
    await expect(once(call("large"), who, carry)).rejects.toThrow("was not kept");
    expect(carry).not.toHaveBeenCalled();
  });
});
