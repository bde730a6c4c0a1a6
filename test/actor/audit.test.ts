/** The audit log, through the whole gateway: who, what, from where; filters, pages, exports and retention. */
import {
  applyD1Migrations,
  createExecutionContext,
  createScheduledController,
  type D1Migration,
} from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { DAY_MS } from "../../shared/time.ts";
import worker from "../../workers/index.ts";
import { env, setClock, T0, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));
beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

const front = (exports as unknown as { default: { fetch(request: Request): Promise<Response> } }).default;

interface Entry {
  id: string;
  at: string;
  action: string;
  actor: { kind: string; id: string; email: string | null };
  object: { kind: string; id: string | null };
  [field: string]: unknown;
}

async function send(token: string, method: string, path: string, body?: unknown): Promise<Response> {
  return front.fetch(
    new Request(`https://cartwake.test${path}`, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        "content-type": "application/json",
        "cf-connecting-ip": "203.0.113.9",
        "user-agent": "Reader/1.0",
        "x-request-id": "req-1",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
}

async function merchant() {
  const email = `${unique("owner").toLowerCase()}@merchant.example`;
  const response = await send("", "POST", "/auth/register", {
    email,
    password: "correct horse battery",
    store: { name: "Shop", url: "https://shop.example/", currency: "EUR", timezone: "UTC" },
  });
  const body = (await response.json()) as { accessToken: string; store: { id: string }; user: { id: string } };
  // The log begins empty: registering is itself a line of it.
  await env.DB.prepare("DELETE FROM audit_log WHERE store_id = ?").bind(body.store.id).run();
  return { token: body.accessToken, storeId: body.store.id, userId: body.user.id, email };
}

const list = async (token: string, query = "") =>
  (await (await send(token, "GET", `/v1/audit${query}`)).json()) as { items: Entry[]; nextCursor: string | null };

/** Lines as they would stand after months. */
async function write(
  storeId: string,
  entries: { id: string; at: number; action?: string; objectId?: string | null }[],
) {
  const insert = env.DB.prepare(
    "INSERT INTO audit_log (id, store_id, at, actor_kind, action, object_kind, object_id) VALUES (?, ?, ?, 'system', ?, 'thing', ?)",
  );
  for (let i = 0; i < entries.length; i += 100)
    await env.DB.batch(
      entries
        .slice(i, i + 100)
        .map(({ id, at, action = "thing.done", objectId = null }) => insert.bind(id, storeId, at, action, objectId)),
    );
}

describe("a line", () => {
  it("says who did what to which object, from where, and what was before and after", async () => {
    const { token, storeId, userId, email } = await merchant();
    await send(token, "PATCH", `/v1/stores/${storeId}`, { name: "Renamed" });
    const [entry] = (await list(token)).items;
    expect(entry).toEqual({
      id: expect.stringMatching(/^aud_/),
      at: new Date(T0).toISOString(),
      actor: { kind: "user", id: userId, email },
      action: "store.updated",
      object: { kind: "store", id: storeId },
      address: "203.0.113.9",
      userAgent: "Reader/1.0",
      requestId: "req-1",
      before: { name: "Shop" },
      after: { name: "Renamed" },
    });
  });

  it("names a secret key as the actor, and never holds the key itself", async () => {
    const { token, storeId } = await merchant();
    const made = (await (await send(token, "POST", "/v1/api-keys", { scopes: ["campaigns:write"] })).json()) as {
      id: string;
      key: string;
    };
    await send(made.key, "POST", "/v1/templates", { name: "T", text: "{{ recovery_url }}" });
    const { items } = await list(token);
    const template = items.find(({ action }) => action === "template.created");
    expect(template?.actor).toEqual({ kind: "key", id: made.id, email: null });
    const rows = await env.DB.prepare("SELECT * FROM audit_log WHERE store_id = ?").bind(storeId).all();
    expect(JSON.stringify(rows.results)).not.toContain(made.key.slice(12));
  });

  it("is not written for what was refused", async () => {
    const { token, storeId } = await merchant();
    await send(token, "PATCH", `/v1/stores/${storeId}`, { currency: "euro" });
    await send(token, "DELETE", "/v1/campaigns/none");
    expect((await list(token)).items).toEqual([]);
  });

  it("is shown to its own store only, and to who may read it", async () => {
    const [one, two] = [await merchant(), await merchant()];
    await send(one.token, "PATCH", `/v1/stores/${one.storeId}`, { name: "Renamed" });
    expect((await list(two.token)).items).toEqual([]);
    const key = (await (await send(one.token, "POST", "/v1/api-keys", {})).json()) as { key: string };
    expect((await send(key.key, "GET", "/v1/audit")).status).toBe(403);
    expect((await send(key.key, "GET", "/v1/audit/export")).status).toBe(403);
  });
});

describe("the list", () => {
  it("comes newest first, page by page, with none left out at equal times", async () => {
    const { token, storeId } = await merchant();
    const lines = Array.from({ length: 25 }, (_, i) => ({
      id: `aud_${storeId}_${String(i).padStart(2, "0")}`,
      at: T0 - (i % 3),
    }));
    await write(storeId, lines);
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: Awaited<ReturnType<typeof list>> = await list(token, `?limit=10${cursor ? `&cursor=${cursor}` : ""}`);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    const expected = lines.sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1)).map(({ id }) => id);
    expect(seen).toEqual(expected);
  });

  it("is filtered by action, actor, object and time", async () => {
    const { token, storeId, userId } = await merchant();
    await write(storeId, [
      { id: `${storeId}1`, at: T0 - 2000, action: "thing.made", objectId: "a" },
      { id: `${storeId}2`, at: T0 - 1000, action: "thing.done", objectId: "b" },
    ]);
    await send(token, "PATCH", `/v1/stores/${storeId}`, { name: "Renamed" });
    const found = async (query: string) => (await list(token, query)).items.map(({ action }) => action);
    expect(await found("?action=thing.made")).toEqual(["thing.made"]);
    expect(await found(`?actorId=${userId}`)).toEqual(["store.updated"]);
    expect(await found("?objectKind=thing&objectId=b")).toEqual(["thing.done"]);
    const [from, to] = [T0 - 1500, T0 - 500].map((ms) => encodeURIComponent(new Date(ms).toISOString()));
    expect(await found(`?from=${from}&to=${to}`)).toEqual(["thing.done"]);
    expect(await found("?objectKind=' OR 1=1 --")).toEqual([]);
    expect((await send(token, "GET", "/v1/audit?from=yesterday")).status).toBe(400);
  });
});

describe("the export", () => {
  it("has every line once, over many pages, as CSV and as JSON", async () => {
    const { token, storeId } = await merchant();
    const lines = Array.from({ length: 620 }, (_, i) => ({ id: `${storeId}-${i}`, at: T0 - 1 - Math.floor(i / 7) }));
    await write(storeId, lines);
    const csv = await send(token, "GET", "/v1/audit/export");
    expect(csv.headers.get("content-disposition")).toBe(
      `attachment; filename="audit-${new Date(T0).toISOString().slice(0, 10)}.csv"`,
    );
    expect(csv.headers.get("content-type")).toMatch(/^text\/csv/);
    const rows = (await csv.text()).split("\r\n");
    expect(rows[0]).toBe(
      "id,at,actorKind,actorId,actorEmail,action,objectKind,objectId,address,userAgent,requestId,before,after",
    );
    expect(rows.at(-1)).toBe("");
    const ids = rows.slice(1, -1).map((row) => row.split(",")[0]);
    expect([ids.length, new Set(ids).size]).toEqual([620, 620]);
    const to = encodeURIComponent(new Date(T0 - 2).toISOString());
    const all = (await (await send(token, "GET", `/v1/audit/export?format=json&to=${to}`)).json()) as Entry[];
    expect([all.length, all[0]?.at]).toEqual([613, new Date(T0 - 2).toISOString()]);
  });

  it("of an empty log is a whole file, and is itself noted", async () => {
    const { token } = await merchant();
    expect(await (await send(token, "GET", "/v1/audit/export?format=json")).json()).toEqual([]);
    const [entry] = (await list(token)).items;
    expect(entry).toMatchObject({ action: "audit.exported", after: { format: "json" } });
    expect((await send(token, "GET", "/v1/audit/export?format=xml")).status).toBe(400);
  });

  it("runs no formula in a spreadsheet", async () => {
    const { token, storeId } = await merchant();
    await write(storeId, [{ id: `${storeId}-f`, at: T0 - 1, objectId: '=HYPERLINK("http://x","y")' }]);
    const text = await (await send(token, "GET", "/v1/audit/export")).text();
    expect(text).toContain(`"'=HYPERLINK(""http://x"",""y"")"`);
  });
});

interface Key {
  id: string;
  key: string;
  revokedAt: string | null;
  createdBy: { userId: string; email: string; name: string | null } | null;
}

/** A second person in the store of the first, logged in to it. */
async function colleague(of: { storeId: string }, role: string) {
  const { email, userId } = await merchant();
  await env.DB.prepare("INSERT INTO members (store_id, user_id, role, created_at) VALUES (?, ?, ?, 0)")
    .bind(of.storeId, userId, role)
    .run();
  const login = { email, password: "correct horse battery", storeId: of.storeId };
  const { accessToken } = await (await send("", "POST", "/auth/login", login)).json<{ accessToken: string }>();
  return { token: accessToken, userId, email };
}
const made = async (token: string, body: object = {}): Promise<Key> => {
  const response = await send(token, "POST", "/v1/api-keys", body);
  expect(response.status).toBe(201);
  return response.json<Key>();
};
const opens = async ({ key }: Key): Promise<boolean> => (await send(key, "GET", "/auth/me")).status === 200;

describe("the secret keys of a member", () => {
  const READS = { scopes: ["carts:read"] };

  it("end with their membership, each with a line of its own, and those of others live on", async () => {
    const owner = await merchant();
    const admin = await colleague(owner, "admin");
    const direct = await made(admin.token, { scopes: ["members:write", "carts:read"] });
    const byKey = await made(direct.key, READS);
    const page = await made(admin.token, { kind: "publishable" });
    const owners = await made(owner.token);
    // Who rotates a key takes it over, and it lives on.
    const taken = await made(admin.token, READS);
    const rotated = await send(owner.token, "POST", `/v1/api-keys/${taken.id}/rotate`, {});
    const heir = await rotated.json<Key>();
    for (const key of [direct, byKey, page, taken])
      expect(key.createdBy).toEqual({ userId: admin.userId, email: admin.email, name: null });
    expect(heir.createdBy?.userId).toBe(owner.userId);

    const path = `/v1/stores/${owner.storeId}/members/${admin.userId}`;
    expect((await send(owner.token, "DELETE", path)).status).toBe(204);
    const keys = [direct, byKey, taken, owners, heir];
    expect(await Promise.all(keys.map(opens))).toEqual([false, false, false, true, true]);
    const listed = await (await send(owner.token, "GET", "/v1/api-keys")).json<{ items: Key[] }>();
    expect(listed.items.find(({ id }) => id === page.id)).toMatchObject({ revokedAt: null });
    const because = { because: "member.removed", member: admin.userId };
    const lines = (await list(owner.token, "?action=api_key.revoked")).items;
    expect(lines.map(({ object }) => object.id).sort()).toEqual([direct.id, byKey.id, taken.id].sort());
    for (const line of lines) expect(line).toMatchObject({ actor: { id: owner.userId }, after: because });
    expect((await list(owner.token, "?action=member.removed")).items).toHaveLength(1);
  });

  it("end with a role that covered their scopes, and are counted in the answer", async () => {
    const owner = await merchant();
    const admin = await colleague(owner, "admin");
    const [much, little] = [
      await made(admin.token, { scopes: ["campaigns:write", "carts:read"] }),
      await made(admin.token, READS),
    ];
    const lower = () =>
      send(owner.token, "PATCH", `/v1/stores/${owner.storeId}/members/${admin.userId}`, { role: "api_user" });
    expect(await (await lower()).json()).toMatchObject({ role: "api_user", revokedKeys: 1 });
    expect(await (await lower()).json()).toMatchObject({ role: "api_user", revokedKeys: 0 });
    expect([await opens(much), await opens(little)]).toEqual([false, true]);
  });

  it("stay when the removal was refused, or when they left another store", async () => {
    const owner = await merchant();
    const key = await made(owner.token);
    expect((await send(owner.token, "DELETE", `/v1/stores/${owner.storeId}/members/${owner.userId}`)).status).toBe(409);
    const other = await merchant();
    await env.DB.prepare("INSERT INTO members (store_id, user_id, role, created_at) VALUES (?, ?, 'admin', 0)")
      .bind(other.storeId, owner.userId)
      .run();
    const path = `/v1/stores/${other.storeId}/members/${owner.userId}`;
    expect((await send(other.token, "DELETE", path)).status).toBe(204);
    expect(await opens(key)).toBe(true);
    // A request that was on its way when its maker was removed makes none.
    const theirs = await made(other.token);
    await env.DB.prepare("DELETE FROM members WHERE store_id = ? AND user_id = ?")
      .bind(other.storeId, other.userId)
      .run();
    expect((await send(other.token, "POST", "/v1/api-keys", {})).status).toBe(403);
    expect((await send(other.token, "POST", `/v1/api-keys/${theirs.id}/rotate`, {})).status).toBe(403);
  });
});

it("a change that cannot be noted is not made", async () => {
  const owner = await merchant();
  const admin = await colleague(owner, "admin");
  const key = await made(admin.token);
  await env.DB.prepare(
    "CREATE TRIGGER full BEFORE INSERT ON audit_log WHEN NEW.action LIKE '%.revoked' OR NEW.action LIKE '%.updated' BEGIN SELECT RAISE(ABORT, 'no room'); END",
  ).run();
  const path = `/v1/api-keys/${key.id}`;
  const member = `/v1/stores/${owner.storeId}/members/${admin.userId}`;
  try {
    expect((await send(owner.token, "DELETE", path)).status).toBe(500);
    expect((await send(owner.token, "PATCH", path, { name: "other" })).status).toBe(500);
    expect((await send(owner.token, "DELETE", member)).status).toBe(500);
  } finally {
    await env.DB.prepare("DROP TRIGGER full").run();
  }
  expect(await opens(key)).toBe(true);
  expect((await send(admin.token, "GET", "/v1/api-keys")).status).toBe(200);
  expect((await send(owner.token, "DELETE", member)).status).toBe(204);
  expect(await opens(key)).toBe(false);
});

describe("retention", () => {
  it("takes what is older than 90 days, in chunks until none is left, on Sundays alone", async () => {
    const { storeId } = await merchant();
    await write(storeId, [
      ...Array.from({ length: 1_100 }, (_, i) => ({ id: `${storeId}-old${i}`, at: T0 - 90 * DAY_MS - 1 - i })),
      { id: `${storeId}-kept`, at: T0 - 90 * DAY_MS },
    ]);
    const left = async () =>
      (await env.DB.prepare("SELECT count(*) AS n FROM audit_log WHERE store_id = ?")
        .bind(storeId)
        .first<{ n: number }>())!.n;
    const at = (cron: string) =>
      worker.scheduled(createScheduledController({ cron, scheduledTime: new Date(T0) }), env, createExecutionContext());
    await at("*/5 * * * *");
    expect(await left()).toBe(1_101);
    await at("0 3 * * SUN");
    expect(await left()).toBe(1);
  });
});
