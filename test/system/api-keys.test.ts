/** API keys: how long they open something, for whom, from where, and what takes their place. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { event, http, Merchant, until } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let owner: Merchant;

beforeAll(async () => {
  system = await startSystem();
  owner = await Merchant.register(system.url);
});
afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
afterAll(() => system?.stop());

interface Key {
  id: string;
  kind: string;
  name: string | null;
  key: string;
  prefix?: string;
  scopes: string[];
  allowedOrigins: string[];
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
  revokedAt: string | null;
  rotatedTo: string | null;
}

const make = async (body: Record<string, unknown>, by = owner): Promise<Key> => {
  const made = await by.call<Key>("POST", "/v1/api-keys", body);
  expect(made.status, made.text).toBe(201);
  return made.body;
};
const listed = async (id: string): Promise<Key> =>
  (await owner.get<{ items: Key[] }>("/v1/api-keys")).items.find((k) => k.id === id)!;
const use = (key: string, headers: Record<string, string> = {}) =>
  http(`${system.url}/v1/carts`, { headers: { authorization: `Bearer ${key}`, ...headers } });
const beacon = (key: string, origin?: string) =>
  http(`${system.url}/v1/events?key=${key}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(origin ? { origin } : {}) },
    body: JSON.stringify(event("c", "page_viewed")),
  });
const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
/** Done before `end`: again with a longer life where the machine was too slow for the last. */
async function inTime<T>(attempt: (end: string, lifeMs: number) => Promise<T>): Promise<T> {
  for (let lifeMs = 500; ; lifeMs *= 2) {
    const end = soon(lifeMs);
    try {
      return await attempt(end, lifeMs);
    } catch (error) {
      if (Date.now() < Date.parse(end)) throw error;
    }
  }
}
const passed = (time: string) => new Promise((done) => setTimeout(done, Date.parse(time) - Date.now() + 50));

describe("a secret key", () => {
  test("is shown once, has a name, and tells to the hour when it was used", async () => {
    const made = await make({ name: "  ERP ", scopes: ["carts:read"] });
    expect(made).toMatchObject({ kind: "secret", name: "ERP", scopes: ["carts:read"], expiresAt: null });
    const before = await listed(made.id);
    expect(before).not.toHaveProperty("key");
    expect(before).toMatchObject({ prefix: made.key.slice(0, 12), lastUsedAt: null, revokedAt: null, rotatedTo: null });
    const began = Date.now();
    expect((await use(made.key)).status).toBe(200);
    const { lastUsedAt } = await until("its use is noted", async () => {
      const row = await listed(made.id);
      return row.lastUsedAt !== null && row;
    });
    expect(Date.parse(lastUsedAt!)).toBeGreaterThanOrEqual(began);
    expect(Date.parse(lastUsedAt!)).toBeLessThanOrEqual(Date.now());
    for (let i = 0; i < 3; i++) expect((await use(made.key)).status).toBe(200);
    expect((await listed(made.id)).lastUsedAt).toBe(lastUsedAt);
  });

  test("opens nothing from its end on, and nothing once it is revoked", async () => {
    const brief = await inTime(async (expiresAt) => {
      const made = await make({ expiresAt });
      expect(made.expiresAt).toBe(expiresAt);
      expect((await use(made.key)).status).toBe(200);
      return made;
    });
    await passed(brief.expiresAt!);
    expectProblem(await use(brief.key), "UNAUTHORIZED");
    expectProblem(await owner.call("PATCH", `/v1/api-keys/${brief.id}`, { expiresAt: null }), "NOT_FOUND");
    const cut = await make({});
    const shortened = await inTime(async (end) => {
      const { body } = await owner.call<Key>("PATCH", `/v1/api-keys/${cut.id}`, { expiresAt: end });
      expect(body).toMatchObject({ expiresAt: end });
      return body;
    });
    await passed(shortened.expiresAt!);
    expectProblem(await use(cut.key), "UNAUTHORIZED");
    const revoked = await make({});
    expect((await owner.call("DELETE", `/v1/api-keys/${revoked.id}`)).status).toBe(204);
    expectProblem(await use(revoked.key), "UNAUTHORIZED");
    expectProblem(await owner.call("DELETE", `/v1/api-keys/${revoked.id}`), "NOT_FOUND");
    expectProblem(await owner.call("POST", `/v1/api-keys/${revoked.id}/rotate`, {}), "NOT_FOUND");
  });

  test("is refused in browsers, whatever page it is in", async () => {
    const { key, id } = await make({});
    for (const headers of [
      { origin: system.url },
      { origin: "https://shop.example" },
      { "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "none" },
    ] as Record<string, string>[])
      expect(expectProblem(await use(key, headers), "FORBIDDEN").detail).toContain("browser");
    expect((await listed(id)).lastUsedAt).toBeNull();
    expect((await use(key)).status).toBe(200);
    const session = { origin: system.url, "sec-fetch-site": "same-origin" };
    expect((await use(owner.account.accessToken, session)).status).toBe(200);
  });

  test("is changed only in what the body names; another store's does not exist", async () => {
    const made = await make({ name: "one", expiresAt: soon(86_400_000) });
    const path = `/v1/api-keys/${made.id}`;
    const renamed = await owner.call<Key>("PATCH", path, { name: "two" });
    expect(renamed.body).toMatchObject({ name: "two", expiresAt: made.expiresAt, prefix: made.key.slice(0, 12) });
    expect(renamed.body).not.toHaveProperty("key");
    expect((await owner.call("PATCH", path, { name: null, expiresAt: null })).body).toMatchObject({
      name: null,
      expiresAt: null,
    });
    const other = await Merchant.register(system.url);
    expectProblem(await other.call("PATCH", path, { name: "mine" }), "NOT_FOUND");
    expectProblem(await other.call("POST", `${path}/rotate`, {}), "NOT_FOUND");
    expectProblem(await other.call("DELETE", path), "NOT_FOUND");
    expect((await use(made.key)).status).toBe(200);
  });

  test.each([
    [{ name: "" }, "name"],
    [{ name: "x".repeat(101) }, "name"],
    [{ kind: "root" }, "kind"],
    [{ scopes: ["everything"] }, "scopes.0"],
    [{ expiresAt: "tomorrow" }, "expiresAt"],
    [{ expiresAt: "2020-01-01T00:00:00Z" }, "expiresAt"],
    [{ expiresAt: "9999-01-01T00:00:00Z" }, "expiresAt"],
    [{ allowedOrigins: ["https://shop.example"] }, "allowedOrigins"],
    [{ kind: "publishable", allowedOrigins: ["https://shop.example/path"] }, "allowedOrigins.0"],
    [{ kind: "publishable", allowedOrigins: ["shop.example"] }, "allowedOrigins.0"],
    [{ kind: "publishable", allowedOrigins: ["null"] }, "allowedOrigins.0"],
  ])("such as %j is refused", async (body, field) => {
    expectProblem(await owner.call("POST", "/v1/api-keys", body), "VALIDATION_ERROR", field);
  });
});

describe("rotation", () => {
  test("makes one successor alike, and the old key works until the overlap ends", async () => {
    const lifeOf = (key: Key): number => Date.parse(key.expiresAt!) - Date.parse(key.createdAt);
    const { old, fresh, rotated } = await inTime(async (_, lifeMs) => {
      const old = await make({ name: "ERP", scopes: ["carts:read", "analytics:read"], expiresAt: soon(3_600_000) });
      const racing = Array.from({ length: 5 }, () =>
        owner.call<Key>("POST", `/v1/api-keys/${old.id}/rotate`, { overlapHours: lifeMs / 3_600_000 }),
      );
      const answers = await Promise.all(racing);
      expect(answers.map((a) => a.status).sort()).toEqual([201, 409, 409, 409, 409]);
      const fresh = answers.find((a) => a.status === 201)!.body;
      const rotated = await listed(old.id);
      expect([(await use(old.key)).status, (await use(fresh.key)).status]).toEqual([200, 200]);
      return { old, fresh, rotated };
    });
    expect(fresh).toMatchObject({ kind: "secret", name: "ERP", scopes: old.scopes, rotatedTo: null, lastUsedAt: null });
    expect(lifeOf(fresh)).toBe(lifeOf(old));
    expect(rotated.rotatedTo).toBe(fresh.id);
    const longer = await owner.call("PATCH", `/v1/api-keys/${old.id}`, { expiresAt: null });
    expectProblem(longer, "CONFLICT");
    await passed(rotated.expiresAt!);
    expectProblem(await use(old.key), "UNAUTHORIZED");
    expect((await use(fresh.key)).status).toBe(200);
  });

  test("gives no key a longer life than its own end, and none at all without an overlap", async () => {
    const old = await make({ expiresAt: soon(3_600_000) });
    expect((await owner.call("POST", `/v1/api-keys/${old.id}/rotate`, { overlapHours: 720 })).status).toBe(201);
    expect((await listed(old.id)).expiresAt).toBe(old.expiresAt);
    const standard = await make({});
    const began = Date.now();
    expect((await owner.call("POST", `/v1/api-keys/${standard.id}/rotate`, {})).body).toMatchObject({
      expiresAt: null,
    });
    const rotatedAt = Date.parse((await listed(standard.id)).expiresAt!) - 24 * 3_600_000;
    expect(rotatedAt).toBeGreaterThanOrEqual(began);
    expect(rotatedAt).toBeLessThanOrEqual(Date.now());
    const sudden = await make({});
    expect((await owner.call("POST", `/v1/api-keys/${sudden.id}/rotate`, { overlapHours: 0 })).status).toBe(201);
    expectProblem(await use(sudden.key), "UNAUTHORIZED");
    for (const overlapHours of [-1, 721, "1", null])
      expectProblem(
        await owner.call("POST", `/v1/api-keys/${standard.id}/rotate`, { overlapHours }),
        "VALIDATION_ERROR",
        "overlapHours",
      );
  });

  test("hands nobody a key that may do more than they", async () => {
    const strong = await make({ scopes: ["stores:write", "carts:read"] });
    const weak = await make({ scopes: ["members:write", "carts:read"] });
    const holder = new Merchant(system.url, owner.account);
    holder.credential = weak.key;
    expectProblem(await holder.call("POST", `/v1/api-keys/${strong.id}/rotate`, {}), "FORBIDDEN");
    expect((await listed(strong.id)).rotatedTo).toBeNull();
    expect((await holder.call("POST", `/v1/api-keys/${weak.id}/rotate`, {})).status).toBe(201);
  });
});

describe("a publishable key", () => {
  test("takes beacons only from its own origins, and only from those of the store", async () => {
    const shop = await Merchant.register(system.url);
    const made = await make({ kind: "publishable", allowedOrigins: ["https://a.example"] }, shop);
    expect(made).toMatchObject({ kind: "publishable", scopes: [], allowedOrigins: ["https://a.example"] });
    const allowed = await beacon(made.key, "https://a.example");
    expect(allowed.status).toBe(202);
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://a.example");
    const refused = await beacon(made.key, "https://b.example");
    expectProblem(refused, "FORBIDDEN");
    expect(refused.headers.get("access-control-allow-origin")).toBeNull();
    expect((await beacon(shop.account.key, "https://b.example")).status).toBe(202);
    expect((await beacon(made.key)).status).toBe(202);
    const both = { allowedOrigins: ["https://a.example", "https://b.example"] };
    expect((await shop.call("PATCH", `/v1/api-keys/${made.id}`, both)).status).toBe(200);
    expect((await beacon(made.key, "https://b.example")).status).toBe(202);
    await shop.settings({ allowedOrigins: ["https://b.example"] });
    expectProblem(await beacon(made.key, "https://a.example"), "FORBIDDEN");
    expect((await beacon(made.key, "https://b.example")).status).toBe(202);
    const used = await until("its use is noted", async () => {
      const { items } = await shop.get<{ items: Key[] }>("/v1/api-keys");
      return items.find((k) => k.id === made.id && k.lastUsedAt !== null);
    });
    expect(used.key).toBe(made.key);
  });

  test("that expires, is rotated or revoked takes no beacons, though it was believed a moment ago", async () => {
    const brief = await inTime(async (expiresAt) => {
      const made = await make({ kind: "publishable", expiresAt });
      expect((await beacon(made.key)).status).toBe(202);
      return made;
    });
    const rotated = await make({ kind: "publishable", name: "shop" });
    const revoked = await make({ kind: "publishable" });
    for (const { key } of [rotated, revoked]) expect((await beacon(key)).status).toBe(202);
    const next = await owner.call<Key>("POST", `/v1/api-keys/${rotated.id}/rotate`, { overlapHours: 0 });
    expect(next.body.key).toMatch(/^cw_pk_/);
    expect((await owner.call("DELETE", `/v1/api-keys/${revoked.id}`)).status).toBe(204);
    await passed(brief.expiresAt!);
    for (const { key } of [brief, rotated, revoked]) expectProblem(await beacon(key), "UNAUTHORIZED");
    expect((await beacon(next.body.key)).status).toBe(202);
    expectProblem(await use(next.body.key), "UNAUTHORIZED");
  });
});

test("a store has at most a hundred live keys, also when they are made at the same moment", async () => {
  const busy = await Merchant.register(system.url);
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) {
    const some = Array.from({ length: 26 }, () => busy.call("POST", "/v1/api-keys", {}));
    statuses.push(...(await Promise.all(some)).map((a) => a.status));
  }
  expect(statuses.filter((s) => s === 201).length).toBe(99);
  expect(statuses.filter((s) => s === 409).length).toBe(5);
  const { items } = await busy.get<{ items: Key[] }>("/v1/api-keys");
  const [first] = items.filter((k) => k.kind === "secret");
  expectProblem(await busy.call("POST", `/v1/api-keys/${first!.id}/rotate`, {}), "CONFLICT");
  expect((await busy.call("DELETE", `/v1/api-keys/${first!.id}`)).status).toBe(204);
  await make({}, busy);
  const after = (await busy.get<{ items: Key[] }>("/v1/api-keys")).items;
  expect(after.length).toBe(101);
  expect(after.at(-1)!.id).toBe(first!.id);
});
