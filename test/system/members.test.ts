/** Stores, their members and invitations: who gets in, who may change whom, and what races leave behind. */
import { TOTP } from "otpauth";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { SessionView } from "../../shared/views.ts";
import {
  accept,
  auditOf,
  callerOf,
  type Invited,
  idOf,
  invite,
  joinAs,
  type Member,
  membersOf,
  openStore,
  PASSWORD,
  post,
  remove,
  SHOP,
  setRole,
  tokenOf,
} from "../support/members.ts";
import { http, Merchant, until } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let owner: Merchant;
let stranger: Merchant;
let people = 0;
const newEmail = () => `person-${++people}@member.example`;

beforeAll(async () => {
  system = await startSystem();
  owner = await Merchant.register(system.url);
  stranger = await Merchant.register(system.url, { name: "Strange" });
});
afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
afterAll(() => system?.stop());

describe("stores", () => {
  test("a user opens a second store, works in it with the same token, and its key takes beacons", async () => {
    const made = await owner.call<{ store: { id: string }; publishableKey: string }>("POST", "/v1/stores", SHOP);
    expect(made.status).toBe(201);
    const { store, publishableKey } = made.body;
    expect(store).toMatchObject({ ...SHOP, abandonAfterMinutes: 30, version: 1 });
    expect(store).not.toHaveProperty("baseUrl");
    const listed = await owner.get<{ items: { id: string; name: string }[] }>("/v1/stores");
    expect(listed.items.map((s) => s.id)).toEqual([owner.account.storeId, store.id]);
    const path = `/v1/stores/${store.id}`;
    expect(await owner.get(path)).toMatchObject(SHOP);
    const patched = await owner.call("PATCH", path, { name: "Renamed" });
    expect([patched.status, patched.body.name]).toEqual([200, "Renamed"]);
    expect(await owner.get(`/v1/stores/${owner.account.storeId}`)).toMatchObject({ name: "Kiln & Co" });
    expect((await membersOf(owner, store.id)).map((m) => m.role)).toEqual(["store_owner"]);
    const beacon = await post(`${system.url}/v1/events?key=${publishableKey}`, {
      id: "first-event",
      type: "page_viewed",
      version: 1,
      occurredAt: new Date().toISOString(),
      cartId: "c",
      visitorId: "v",
      data: {},
    });
    expect(beacon.status).toBe(202);
  });

  test("a store of others and one that does not exist are answered alike, whatever is asked of it", async () => {
    const mine = `/v1/stores/${owner.account.storeId}`;
    const none = "/v1/stores/st_00000000000000000000";
    const key = await stranger.call<{ key: string }>("POST", "/v1/api-keys", { scopes: ["members:write"] });
    for (const credential of [stranger.credential, key.body.key])
      for (const [method, path, body] of [
        ["GET", "", undefined],
        ["PATCH", "", { name: 7 }],
        ["GET", "/members", undefined],
        ["PATCH", `/members/${await idOf(owner)}`, { role: "customer" }],
        ["DELETE", `/members/${await idOf(owner)}`, undefined],
        ["GET", "/invitations", undefined],
        ["POST", "/invitations", { email: "a@b.example", role: "admin" }],
        ["DELETE", "/invitations/inv_0", undefined],
      ] as const) {
        const ask = (store: string) =>
          stranger.call(method, store + path, body, { authorization: `Bearer ${credential}`, "x-request-id": "same" });
        const [theirs, nowhere] = [await ask(mine), await ask(none)];
        expectProblem(theirs, "NOT_FOUND");
        expect(theirs.text).toBe(nowhere.text);
      }
    expect((await membersOf(owner)).length).toBe(1);
  });

  test("a secret key sees its one store and opens none", async () => {
    const made = await owner.call<{ key: string }>("POST", "/v1/api-keys", { scopes: ["members:write", "carts:read"] });
    const key = new Merchant(system.url, owner.account);
    key.credential = made.body.key;
    const { items } = await key.get<{ items: { id: string }[] }>("/v1/stores");
    expect(items.map((s) => s.id)).toEqual([owner.account.storeId]);
    expectProblem(await key.call("POST", "/v1/stores", SHOP), "FORBIDDEN");
    expectProblem(await key.call("GET", `/v1/stores/${await openStore(owner)}`), "NOT_FOUND");
  });

  test("of stores opened at the same moment a user gets a hundred, and not one more", async () => {
    const eager = await Merchant.register(system.url);
    const answers: number[] = [];
    for (let i = 0; i < 4; i++) {
      const some = Array.from({ length: 26 }, () => eager.call("POST", "/v1/stores", SHOP));
      answers.push(...(await Promise.all(some)).map((a) => a.status));
    }
    expect(answers.filter((s) => s === 201).length).toBe(99);
    expect(answers.filter((s) => s === 409).length).toBe(5);
    expect((await eager.get<{ items: unknown[] }>("/v1/stores")).items.length).toBe(100);
  });
});

describe("invitations", () => {
  test("a new person reads the offer, chooses a password, and is logged in to the store with that role", async () => {
    const began = Date.now();
    const invited = await invite(owner, "  New.Person@Member.example ", "api_user");
    expect(invited).toMatchObject({ email: "new.person@member.example", role: "api_user" });
    const invitedAt = Date.parse(invited.expiresAt) - 7 * 86_400_000;
    expect(invitedAt).toBeGreaterThanOrEqual(began);
    expect(invitedAt).toBeLessThanOrEqual(Date.now());
    const path = `${system.url}/auth/invitations/${await tokenOf(system, invited)}`;
    const offer = { store: { name: "Kiln & Co" }, email: "new.person@member.example", role: "api_user" };
    expect((await http(path)).body).toEqual({ ...offer, hasAccount: false });
    expectProblem(await post(`${path}/accept`, { password: "short" }), "VALIDATION_ERROR", "password");
    expectProblem(await post(`${path}/accept`, {}), "VALIDATION_ERROR", "password");
    const joined = await post(`${path}/accept`, { password: PASSWORD, name: "New Person" });
    expect(joined.status).toBe(200);
    expect(joined.headers.get("set-cookie")).toMatch(/^cw_refresh=[\w-]+; Path=\/auth; HttpOnly/);
    expect(joined.body.user).toMatchObject({ role: "api_user", storeId: owner.account.storeId, name: "New Person" });
    const person = callerOf(system, joined.body);
    expect((await person.call("GET", "/v1/carts")).status).toBe(200);
    expectProblem(await person.call("GET", `/v1/stores/${owner.account.storeId}/members`), "FORBIDDEN");
    expectProblem(await http(path), "NOT_FOUND");
    expectProblem(await post(`${path}/accept`, { password: PASSWORD }), "NOT_FOUND");
    expect((await membersOf(owner)).filter((m) => m.email === invited.email).length).toBe(1);
    const again = await owner.call("POST", `/v1/stores/${owner.account.storeId}/invitations`, {
      email: "NEW.person@member.example",
      role: "admin",
    });
    expectProblem(again, "CONFLICT");
  });

  test("the mail leads to the invitation, and names the store and who invites", async () => {
    const invited = await invite(owner, newEmail(), "api_user");
    const mail = await until("the mail", async () => {
      const { items } = (
        await http<{ items: { to: string; subject: string; text: string }[] }>(`${system.url}/local/mails`)
      ).body;
      return items.find(({ to }) => to === invited.email);
    });
    expect(mail.subject).toContain("Kiln & Co");
    expect(mail.text).toContain("Owner invites you");
    const token = /#\/invitation\/([\w.-]+)/.exec(mail.text)?.[1];
    expect(token).toBe(await tokenOf(system, invited));
    expect((await http(`${system.url}/auth/invitations/${token}`)).body).toMatchObject({ email: invited.email });
  });

  test("who has a second factor joins with the password, and still has to log in", async () => {
    const careful = await Merchant.register(system.url);
    const setup = await careful.call<{ secret: string }>("POST", "/auth/mfa/setup");
    const code = new TOTP({ secret: setup.body.secret }).generate();
    expect((await careful.call("POST", "/auth/mfa/enable", { code })).status).toBe(200);
    const invited = await invite(owner, careful.account.email, "api_user");
    expectProblem(await accept(system, invited, "another password"), "UNAUTHORIZED");
    const joined = await accept(system, invited, careful.account.password);
    expect([joined.status, joined.body]).toEqual([200, { accepted: true }]);
    expect(joined.headers.get("set-cookie")).toBeNull();
    expect((await careful.call("GET", `/v1/stores/${owner.account.storeId}`)).status).toBe(200);
  });

  test("who has an account joins with their own password and role, and keeps the other store's", async () => {
    const invited = await invite(owner, stranger.account.email, "customer");
    const token = await tokenOf(system, invited);
    expect((await http(`${system.url}/auth/invitations/${token}`)).body).toMatchObject({ hasAccount: true });
    expectProblem(await accept(system, invited, "another password"), "UNAUTHORIZED");
    const joined = await accept(system, invited, stranger.account.password);
    expect(joined.status).toBe(200);
    expect(joined.body.user.stores.map((s) => s.role)).toEqual(["store_owner", "customer"]);
    expect((await stranger.call("GET", `/v1/stores/${owner.account.storeId}`)).status).toBe(200);
    expectProblem(await stranger.call("PATCH", `/v1/stores/${owner.account.storeId}`, { name: "x" }), "FORBIDDEN");
    expect((await remove(stranger, owner.account.storeId, await idOf(stranger))).status).toBe(204);
    expectProblem(await stranger.call("GET", "/auth/me"), "UNAUTHORIZED");
    expect(await stranger.renew()).toBe(true);
    expectProblem(await stranger.call("GET", `/v1/stores/${owner.account.storeId}`), "NOT_FOUND");
    expect((await stranger.call("PATCH", `/v1/stores/${stranger.account.storeId}`, { name: "Mine" })).status).toBe(200);
  });

  test.each(["new", "known"])(
    "a %s person who accepts five times at once is one member, with one session",
    async (who) => {
      const known = who === "known" ? await Merchant.register(system.url) : null;
      const invited = await invite(owner, known?.account.email ?? newEmail(), "api_user");
      const password = known?.account.password ?? PASSWORD;
      const answers = await Promise.all(Array.from({ length: 5 }, () => accept(system, invited, password)));
      expect(answers.map((a) => a.status).sort()).toEqual([200, 404, 404, 404, 404]);
      expect((await membersOf(owner)).filter((m) => m.email === invited.email).length).toBe(1);
      expect((await post(`${system.url}/auth/login`, { email: invited.email, password })).status).toBe(200);
    },
  );

  test("a revoked, a replaced and a forged invitation are all not there", async () => {
    const path = `/v1/stores/${owner.account.storeId}/invitations`;
    const email = newEmail();
    const list = async () => (await owner.get<{ items: Invited[] }>(path)).items.filter((i) => i.email === email);
    const first = await invite(owner, email, "api_user");
    const second = await invite(owner, email, "admin");
    expect((await list()).map((i) => [i.id, i.role])).toEqual([[second.id, "admin"]]);
    expectProblem(await accept(system, first), "NOT_FOUND");
    expectProblem(await owner.call("DELETE", `${path}/${first.id}`), "NOT_FOUND");
    expect((await owner.call("DELETE", `${path}/${second.id}`)).status).toBe(204);
    expectProblem(await owner.call("DELETE", `${path}/${second.id}`), "NOT_FOUND");
    expectProblem(await owner.call("POST", `${path}/${second.id}/resend`), "NOT_FOUND");
    expectProblem(await accept(system, second), "NOT_FOUND");
    expect(await list()).toEqual([]);
    const open = await invite(owner, email, "api_user");
    const token = await tokenOf(system, open);
    for (const forged of [
      `${open.id}.${"A".repeat(43)}`,
      await tokenOf(system, { ...open, email: "thief@member.example" }),
      await tokenOf(system, { ...open, id: first.id }),
      token.slice(0, -1),
      open.id,
      "x",
    ])
      expectProblem(await http(`${system.url}/auth/invitations/${forged}`), "NOT_FOUND");
    expect((await http(`${system.url}/auth/invitations/${token}`)).status).toBe(200);
    expectProblem(await stranger.call("DELETE", `${path}/${open.id}`), "NOT_FOUND");
    const own = `/v1/stores/${stranger.account.storeId}/invitations/${open.id}`;
    expectProblem(await stranger.call("DELETE", own), "NOT_FOUND");
    expectProblem(await stranger.call("POST", `${own}/resend`), "NOT_FOUND");
    const resent = await owner.call<Invited>("POST", `${path}/${open.id}/resend`);
    expect(resent.status).toBe(200);
    expect(Date.parse(resent.body.expiresAt)).toBeGreaterThan(Date.parse(open.expiresAt));
    const early = await owner.call("POST", `${path}/${open.id}/resend`);
    expectProblem(early, "TOO_MANY_REQUESTS");
    const sinceMs = Date.now() - (Date.parse(resent.body.expiresAt) - 7 * 86_400_000);
    expect(Number(early.headers.get("retry-after"))).toBeGreaterThanOrEqual(Math.ceil((60_000 - sinceMs) / 1_000));
    expect(Number(early.headers.get("retry-after"))).toBeLessThanOrEqual(60);
    expect((await accept(system, open)).status).toBe(200);
  });

  test("a store has at most a hundred open invitations, also when they are sent at the same moment", async () => {
    const busy = await Merchant.register(system.url);
    const path = `/v1/stores/${busy.account.storeId}/invitations`;
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const some = Array.from({ length: 26 }, () => busy.call("POST", path, { email: newEmail(), role: "customer" }));
      statuses.push(...(await Promise.all(some)).map((a) => a.status));
    }
    expect(statuses.filter((s) => s === 201).length).toBe(100);
    expect(statuses.filter((s) => s === 409).length).toBe(4);
    const { items } = await busy.get<{ items: Invited[] }>(path);
    expect(items.length).toBe(100);
    await invite(busy, items[0]!.email, "admin"); // in the place of the open one
  });

  test.each([
    [{ email: "no address", role: "admin" }, "email"],
    [{ email: "a@b.example", role: "root" }, "role"],
    [{ email: "a@b.example" }, "role"],
    [{ role: "admin" }, "email"],
    [{ email: `${"a".repeat(250)}@b.example`, role: "admin" }, "email"],
  ])("an invitation such as %j is refused", async (body, field) => {
    const answer = await owner.call("POST", `/v1/stores/${owner.account.storeId}/invitations`, body);
    expectProblem(answer, "VALIDATION_ERROR", field);
  });
});

describe("roles", () => {
  test("nobody gives or takes a role that may do more than they; only owners make and unmake owners", async () => {
    const store = owner.account.storeId;
    const admin = await joinAs(system, owner, "admin", newEmail());
    const helper = await joinAs(system, owner, "api_user", newEmail());
    const ownerId = await idOf(owner);
    const path = `/v1/stores/${store}/invitations`;
    for (const refused of [
      setRole(admin, store, helper.userId, "store_owner"),
      setRole(admin, store, ownerId, "admin"),
      remove(admin, store, ownerId),
      admin.call("POST", path, { email: newEmail(), role: "store_owner" }),
      setRole(helper, store, helper.userId, "admin"),
      remove(helper, store, admin.userId),
      helper.call("POST", path, { email: newEmail(), role: "customer" }),
    ])
      expectProblem(await refused, "FORBIDDEN");
    const made = await owner.call<{ key: string }>("POST", "/v1/api-keys", { scopes: ["members:write", "carts:read"] });
    const key = new Merchant(system.url, owner.account);
    key.credential = made.body.key;
    expectProblem(await setRole(key, store, helper.userId, "admin"), "FORBIDDEN");
    expectProblem(await remove(key, store, admin.userId), "FORBIDDEN");
    expectProblem(await remove(key, store, ownerId), "FORBIDDEN");
    expect((await setRole(admin, store, helper.userId, "admin")).body).toMatchObject({ role: "admin" });
    expect((await setRole(owner, store, admin.userId, "store_owner")).status).toBe(200);
    expect((await remove(owner, store, helper.userId)).status).toBe(204);
    expectProblem(await remove(owner, store, helper.userId), "NOT_FOUND");
    expectProblem(await setRole(owner, store, helper.userId, "admin"), "NOT_FOUND");
    expectProblem(await setRole(owner, store, admin.userId, "root"), "VALIDATION_ERROR", "role");
    expect((await remove(owner, store, admin.userId)).status).toBe(204);
  });

  test("invitations of who may not give the role any more end with their right", async () => {
    const store = owner.account.storeId;
    const second = await joinAs(system, owner, "store_owner", newEmail());
    const [asOwner, asAdmin, asCustomer] = [
      await invite(second, newEmail(), "store_owner"),
      await invite(second, newEmail(), "admin"),
      await invite(second, newEmail(), "customer"),
    ];
    expect((await setRole(owner, store, second.userId, "admin")).status).toBe(200);
    expectProblem(await accept(system, asOwner!), "NOT_FOUND");
    expect((await accept(system, asAdmin!)).status).toBe(200);
    expect((await remove(owner, store, second.userId)).status).toBe(204);
    expectProblem(await accept(system, asCustomer!), "NOT_FOUND");
  });

  test("a refreshed session has the new role; one of a removed member ends", async () => {
    const store = owner.account.storeId;
    const person = await joinAs(system, owner, "api_user", newEmail());
    expect((await setRole(owner, store, person.userId, "customer")).status).toBe(200);
    const { refreshToken } = person.account;
    const refreshed = await post<SessionView>(`${system.url}/auth/refresh`, { refreshToken });
    expect([refreshed.status, refreshed.body.user.role]).toEqual([200, "customer"]);
    const customer = callerOf(system, refreshed.body);
    expectProblem(await customer.call("GET", "/v1/usage"), "FORBIDDEN");
    expect((await remove(owner, store, person.userId)).status).toBe(204);
    const gone = await post(`${system.url}/auth/refresh`, { refreshToken: refreshed.body.refreshToken });
    expectProblem(gone, "UNAUTHORIZED");
  });

  test("the last owner can neither go nor be demoted, not even by owners who send each other away at once", async () => {
    const first = await Merchant.register(system.url);
    const firstId = await idOf(first);
    const store = first.account.storeId;
    expectProblem(await remove(first, store, firstId), "CONFLICT");
    expectProblem(await setRole(first, store, firstId, "admin"), "CONFLICT");
    for (let round = 0; round < 6; round++) {
      const shared = await openStore(first);
      const second = await joinAs(system, first, "store_owner", newEmail(), shared);
      const end = (by: Merchant, whom: string) =>
        round % 2 === 0 ? remove(by, shared, whom) : setRole(by, shared, whom, "customer");
      const racing = [
        () => [end(first, second.userId), end(second, firstId)],
        () => [end(first, firstId), end(second, second.userId)],
        () => [end(first, second.userId), end(first, firstId), end(second, firstId), end(second, second.userId)],
      ][round % 3]!;
      const answers = await Promise.all(racing());
      expect(
        answers.some((a) => a.status < 300),
        answers.map((a) => a.text).join(),
      ).toBe(true);
      await Promise.all([first, second].map((by) => by.renew()));
      for (const a of answers.filter((a) => a.status >= 300)) expect([401, 403, 404, 409]).toContain(a.status);
      const left = await Promise.all(
        [first, second].map((by) => by.call<{ items: Member[] }>("GET", `/v1/stores/${shared}/members`)),
      );
      const seen = left.find((a) => a.status === 200)!.body.items;
      expect(seen.filter((m) => m.role === "store_owner").length).toBe(1);
    }
  });
});

test("the audit log says who did what to whom, and holds no secret", async () => {
  const boss = await Merchant.register(system.url);
  const bossId = await idOf(boss);
  const store = await openStore(boss);
  const person = await joinAs(system, boss, "api_user", newEmail(), store);
  const dropped = await invite(boss, newEmail(), "customer", store);
  expect((await boss.call("DELETE", `/v1/stores/${store}/invitations/${dropped.id}`)).status).toBe(204);
  expect((await setRole(boss, store, person.userId, "admin")).status).toBe(200);
  expectProblem(await remove(boss, store, bossId), "CONFLICT");
  expect((await remove(boss, store, person.userId)).status).toBe(204);
  const log = auditOf(system, store);
  expect(log.map((row) => [row.action, row.actorId])).toEqual([
    ["store.created", bossId],
    ["invitation.created", bossId],
    ["invitation.accepted", person.userId],
    ["invitation.created", bossId],
    ["invitation.revoked", bossId],
    ["member.role_changed", bossId],
    ["member.removed", bossId],
  ]);
  expect(log.at(-2)).toMatchObject({
    objectId: person.userId,
    before: JSON.stringify({ role: "api_user" }),
    after: JSON.stringify({ role: "admin" }),
  });
  const made = await boss.call<{ id: string; key: string }>("POST", "/v1/api-keys", { name: "ERP" });
  const fresh = await boss.call<{ key: string }>("POST", `/v1/api-keys/${made.body.id}/rotate`, {});
  expect((await boss.call("PATCH", `/v1/api-keys/${made.body.id}`, { name: "old" })).status).toBe(200);
  expect((await boss.call("DELETE", `/v1/api-keys/${made.body.id}`)).status).toBe(204);
  const keys = auditOf(system, boss.account.storeId).filter((row) => row.objectId === made.body.id);
  expect(keys.map((row) => row.action)).toEqual([
    "api_key.created",
    "api_key.rotated",
    "api_key.updated",
    "api_key.revoked",
  ]);
  const text = JSON.stringify([log, keys]);
  for (const secret of [made.body.key, fresh.body.key, made.body.key.slice(0, 12), PASSWORD, "scrypt"])
    expect(text).not.toContain(secret);
});
