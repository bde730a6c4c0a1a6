/** Guesses at passwords and codes, one by one and at the same moment, under a clock that the test moves. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { TOTP } from "otpauth";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { admit, noteFailure } from "../../workers/gateway/attempts.ts";
import type { Call } from "../../workers/gateway/route.ts";
import { newRecoveryCodes, newSecretFor, readStep, stepToken, useCode } from "../../workers/gateway/second-factor.ts";
import { type Account, findAccount } from "../../workers/gateway/users.ts";
import { env, HeldQueues, setClock, T0, unique } from "./support.ts";

const queues = new HeldQueues();
beforeAll(async () => {
  queues.hold();
  Object.assign(env.INTERVENTIONS, { send: async () => undefined });
  await applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS);
});
afterAll(() => {
  queues.release();
  vi.useRealTimers();
});
beforeEach(() => setClock(T0));

const STEP_MS = 30 * SECOND_MS;
const ALWAYS = Number.MAX_SAFE_INTEGER;

async function newAccount(): Promise<Account> {
  const id = unique("us");
  const store = unique("st");
  await env.DB.batch([
    env.DB.prepare("INSERT INTO users (id, email, password_hash, created_at) VALUES (?, ?, 'hash', 0)").bind(
      id,
      `${id}@merchant.example`,
    ),
    env.DB.prepare(
      "INSERT INTO stores (id, name, url, currency, timezone, created_at) VALUES (?, 'S', 'https://s.example', 'EUR', 'UTC', 0)",
    ).bind(store),
    env.DB.prepare("INSERT INTO members (store_id, user_id, role, created_at) VALUES (?, ?, 'store_owner', 0)").bind(
      store,
      id,
    ),
  ]);
  return (await findAccount(env, id))!;
}

const call = {
  env,
  url: new URL("https://cw.example/auth/login"),
  request: new Request("https://cw.example/auth/login"),
  requestId: "r1",
  address: "unknown",
  isKnown: async () => false,
} as unknown as Call;

const again = async ({ id }: Account): Promise<Account> => (await findAccount(env, id))!;
const fail = (account: Account) => noteFailure(call, account, "password");
const lockedMails = async (account: Account): Promise<number> =>
  (await env.DB.prepare("SELECT count(*) AS n FROM account_mails WHERE user_id = ? AND kind = 'locked'")
    .bind(account.id)
    .first<number>("n"))!;
const notes = async (account: Account): Promise<Record<string, number>> => {
  const { results } = await env.DB.prepare(
    "SELECT action, count(*) AS n FROM audit_log WHERE actor_id = ? GROUP BY action",
  )
    .bind(account.id)
    .all<{ action: string; n: number }>();
  return Object.fromEntries(results.map(({ action, n }) => [action, n]));
};

describe("an account", () => {
  it("locks after five failures for a minute, and for twice as long after each further one", async () => {
    const account = await newAccount();
    for (let i = 0; i < 5; i++) await fail(account);
    for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
      await fail(account);
      const until = Date.now() + minutes * MINUTE_MS;
      setClock(until - 1);
      expect(await admit(env, account, true)).toBeNull();
      await fail(account);
      setClock(until);
    }
    expect((await again(account)).failed_logins).toBe(13);
    expect(await admit(env, account, true)).toEqual({ mfa: false });
    expect((await again(account)).failed_logins).toBe(0);
  });

  it("is not let in by a wrong password, an unknown address, or a password that was changed meanwhile", async () => {
    const account = await newAccount();
    expect(await admit(env, account, false)).toBeNull();
    expect(await admit(env, null, false)).toBeNull();
    expect(await admit(env, { ...account, password_hash: "the former one" }, true)).toBeNull();
    expect(await admit(env, account, true)).toEqual({ mfa: false });
    expect((await again(account)).last_login_at).toBe(T0);
  });

  it("locks for guesses made at the same moment as for those made one by one, and tells its owner once", async () => {
    const account = await newAccount();
    await Promise.all(Array.from({ length: 40 }, () => fail(account)));
    expect((await again(account)).failed_logins).toBe(6);
    expect(await admit(env, account, true)).toBeNull();
    expect(await lockedMails(account)).toBe(1);
    expect(await notes(account)).toEqual({ "login.failed": 40, "login.locked": 1 });
    setClock(T0 + MINUTE_MS);
    await fail(account);
    expect(await lockedMails(account)).toBe(2);
  });
});

/** An account with a second factor, and its codes. */
async function protectedAccount() {
  const account = await newAccount();
  const { secret, sealed } = await newSecretFor(env, account.id);
  await env.DB.prepare("UPDATE users SET mfa_secret = ?, mfa_enabled_at = 1 WHERE id = ?")
    .bind(sealed, account.id)
    .run();
  const code = (steps = 0) => new TOTP({ secret }).generate({ timestamp: Date.now() + steps * STEP_MS });
  return { account: await again(account), code };
}

async function recoveryCodesOf({ id }: Account): Promise<string[]> {
  const { codes, statements } = await newRecoveryCodes(env, id);
  await env.DB.batch(statements);
  return codes;
}

describe("a code", () => {
  it("is taken once, and none that is older than the last one taken", async () => {
    const { account, code } = await protectedAccount();
    expect(await useCode(env, account, code(), ALWAYS)).toBe(true);
    expect(await useCode(env, account, code(), ALWAYS)).toBe(false);
    expect(await useCode(env, account, code(-1), ALWAYS)).toBe(false);
    expect(await useCode(env, account, code(1), ALWAYS)).toBe(true);
    setClock(T0 + STEP_MS);
    expect(await useCode(env, account, code(), ALWAYS)).toBe(false);
    expect(await useCode(env, account, code(2), ALWAYS)).toBe(false);
    expect(await useCode(env, account, code(1), ALWAYS)).toBe(true);
  });

  it("opens once for all who use it at the same moment", async () => {
    const { account, code } = await protectedAccount();
    const [recovery] = await recoveryCodesOf(account);
    for (const given of [code(), recovery!]) {
      const opened = await Promise.all(Array.from({ length: 20 }, () => useCode(env, account, given, ALWAYS)));
      expect(opened.filter(Boolean)).toHaveLength(1);
    }
  });

  it("of either kind opens nothing while the account is locked, and is not used up by it", async () => {
    const { account, code } = await protectedAccount();
    const [recovery] = await recoveryCodesOf(account);
    for (let i = 0; i < 6; i++) await fail(account);
    for (const given of [code(), recovery!]) expect(await useCode(env, account, given, ALWAYS)).toBe(false);
    setClock(T0 + MINUTE_MS);
    expect(await useCode(env, account, recovery!, ALWAYS)).toBe(true);
    expect(await useCode(env, account, code(), ALWAYS)).toBe(true);
    expect((await again(account)).failed_logins).toBe(0);
  });

  it("of another user, or of before they were renewed, opens nothing", async () => {
    const [one, two] = [await protectedAccount(), await protectedAccount()];
    const [former] = await recoveryCodesOf(one.account);
    const [present] = await recoveryCodesOf(one.account);
    expect(await useCode(env, one.account, former!, ALWAYS)).toBe(false);
    expect(await useCode(env, two.account, present!, ALWAYS)).toBe(false);
    expect(await useCode(env, two.account, one.code(), ALWAYS)).toBe(false);
    expect(await useCode(env, one.account, present!.toUpperCase().replace("-", " "), ALWAYS)).toBe(true);
  });

  it("is refused when the database's copy of the secret was moved from another user", async () => {
    const [one, two] = [await protectedAccount(), await protectedAccount()];
    await env.DB.prepare("UPDATE users SET mfa_secret = ? WHERE id = ?")
      .bind(one.account.mfa_secret, two.account.id)
      .run();
    expect(await useCode(env, await again(two.account), one.code(), ALWAYS)).toBe(false);
  });
});

describe("a login that owes its second factor", () => {
  it("is not forgiven its failures by the password alone", async () => {
    const { account } = await protectedAccount();
    for (let i = 0; i < 3; i++) await fail(account);
    expect(await admit(env, account, true)).toEqual({ mfa: true });
    expect(await again(account)).toMatchObject({ failed_logins: 3, last_login_at: null });
  });

  it("stands five wrong codes, whatever was wrong before, and then no right one", async () => {
    const { account, code } = await protectedAccount();
    await fail(account);
    const token = await stepToken(env, await again(account), "st_1");
    for (let i = 0; i < 4; i++) await fail(account);
    const step = await readStep(env, token);
    expect(step).toMatchObject({ storeId: "st_1", maxFailures: 6 });
    await fail(account);
    setClock(T0 + 2 * MINUTE_MS);
    expect(await useCode(env, step!.account, code(), step!.maxFailures)).toBe(false);
    const fresh = await readStep(env, await stepToken(env, await again(account), "st_1"));
    expect(await useCode(env, fresh!.account, code(), fresh!.maxFailures)).toBe(true);
  });

  it("goes on at a known device while strangers keep the account locked, and stands no more wrong codes there", async () => {
    const { account, code } = await protectedAccount();
    for (let i = 0; i < 6; i++) await fail(account);
    const lockedUntil = T0 + MINUTE_MS;
    const known = { ...call, isKnown: async () => true };
    expect(await admit(env, account, true)).toBeNull();
    expect(await admit(env, account, true, true)).toEqual({ mfa: true });
    const begin = async () => (await readStep(env, await stepToken(env, await again(account), "st_1")))!;
    const worn = await begin();
    for (let i = 0; i < 5; i++) await noteFailure(known, account, "code");
    expect(await useCode(env, worn.account, code(), worn.maxFailures, true)).toBe(false);
    const next = await begin();
    expect(await useCode(env, next.account, code(), next.maxFailures)).toBe(false);
    expect(await useCode(env, next.account, code(), next.maxFailures, true)).toBe(true);
    // Whoever caused the lock is not let go on by it.
    expect((await again(account)).failed_logins).toBe(11);
    expect(
      await env.DB.prepare("SELECT locked_until AS at FROM users WHERE id = ?").bind(account.id).first("at"),
    ).toBeGreaterThan(lockedUntil);
  });

  it("must be begun again after a success, a new password, and five minutes", async () => {
    const { account, code } = await protectedAccount();
    const token = await stepToken(env, account, "st_1");
    expect(await readStep(env, token)).not.toBeNull();
    setClock(T0 + 5 * MINUTE_MS);
    expect(await readStep(env, token)).toBeNull();
    setClock(T0);
    expect(await useCode(env, account, code(), ALWAYS)).toBe(true);
    expect(await readStep(env, token)).toBeNull();
    const next = await stepToken(env, await again(account), "st_1");
    await env.DB.prepare("UPDATE users SET password_hash = 'new' WHERE id = ?").bind(account.id).run();
    expect(await readStep(env, next)).toBeNull();
  });
});

const front = (exports as unknown as { default: Fetcher }).default;
const PASSWORD = "correct horse battery";

interface Browser {
  network?: string;
  /** `cw_device=…`, as an earlier answer set it. */
  device?: string;
  token?: string;
}
async function post(path: string, body: object, { network, device, token }: Browser = {}) {
  const headers = {
    "content-type": "application/json",
    ...(network ? { "cf-connecting-ip": network } : {}),
    ...(device ? { cookie: `cw_refresh=none; ${device}` } : {}),
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  };
  const answer = await front.fetch(`https://cw.example${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  const cookie = answer.headers.getSetCookie().find((one) => one.startsWith("cw_device="));
  return { status: answer.status, body: text === "" ? {} : JSON.parse(text), cookie, device: cookie?.split(";")[0] };
}

/** Somebody whose browser has a session, and what strangers do to the account from elsewhere. */
async function person() {
  const email = `${unique("person").toLowerCase()}@merchant.example`;
  const store = { name: "Shop", url: "https://shop.example/", currency: "EUR", timezone: "UTC" };
  const { body, device, cookie } = await post("/auth/register", { email, password: PASSWORD, store });
  const login = (password: string, from?: Browser) => post("/auth/login", { email, password }, from);
  /** As six wrong passwords of a stranger do. */
  const lock = () =>
    env.DB.prepare("UPDATE users SET failed_logins = 6, locked_until = ? WHERE email = ?")
      .bind(Date.now() + MINUTE_MS, email)
      .run();
  return { email, device: device!, cookie: cookie!, token: body.accessToken as string, login, lock };
}

describe("a device that had a session of the account", () => {
  it("gets in while strangers keep the account locked, and the lock stays for them", async () => {
    const { device, cookie, login, lock } = await person();
    expect(cookie).toMatch(/; Path=\/auth; HttpOnly; SameSite=Strict; Max-Age=34560000; Secure$/);
    await lock();
    const stranger = await login(PASSWORD, { network: "203.0.113.9" });
    expect([stranger.status, stranger.cookie]).toEqual([401, undefined]);
    const other = await person();
    expect((await login(PASSWORD, { device: other.device })).status).toBe(401);
    const forged = device.replace(/.{3}$/, (end) => (end === "AAA" ? "BBB" : "AAA"));
    expect((await login(PASSWORD, { device: forged })).status).toBe(401);
    const known = await login(PASSWORD, { device });
    expect(known.status).toBe(200);
    expect((await login(PASSWORD, { network: "203.0.113.9" })).status).toBe(401);
    // Nor does it matter that the stranger sits in the same network, and has used up what that may try.
    for (let i = 0; i < 10; i++) await login("guess", { network: "198.51.100.7" });
    expect((await login(PASSWORD, { network: "198.51.100.7" })).status).toBe(429);
    expect((await login(PASSWORD, { network: "198.51.100.7", device: known.device! })).status).toBe(200);
    // It lasts for 400 days.
    setClock(T0 + 400 * DAY_MS);
    await lock();
    expect((await login(PASSWORD, { device })).status).toBe(401);
  });

  it("is a stranger after ten failures in an hour, and a right password is none of them", async () => {
    const { device, login, lock } = await person();
    await lock();
    for (let i = 0; i < 3; i++) expect((await login(PASSWORD, { device })).status).toBe(200);
    for (let i = 0; i < 10; i++) expect((await login("wrong", { device })).status).toBe(401);
    expect((await login(PASSWORD, { device })).status).toBe(401);
    setClock(T0 + HOUR_MS + MINUTE_MS);
    await lock();
    expect((await login(PASSWORD, { device })).status).toBe(200);
  });

  it("is none any more once another password was chosen, but where it was chosen", async () => {
    const { email, device, token, login, lock } = await person();
    const newPassword = "another horse, another battery";
    const changed = await post("/auth/password/change", { currentPassword: PASSWORD, newPassword }, { token, device });
    expect(changed.status).toBe(204);
    await lock();
    expect((await login(newPassword, { device })).status).toBe(401);
    expect((await login(newPassword, { device: changed.device! })).status).toBe(200);
    // In a session of its own the owner is not locked out of the settings either.
    const again = await post("/auth/login", { email, password: newPassword }, { device: changed.device! });
    const mine = { token: again.body.accessToken, device: again.device! };
    expect((await post("/auth/mfa/setup", { password: newPassword }, mine)).status).toBe(200);
  });
});

it("a stolen access token switches on no second factor: that takes the password, or a login of a moment ago", async () => {
  const { email, token, login } = await person();
  const setUp = (body: object, by = token) => post("/auth/mfa/setup", body, { token: by });
  expect((await setUp({})).status).toBe(200);
  setClock(T0 + 10 * MINUTE_MS);
  for (const body of [{}, { password: "" }, { password: "not this one" }]) {
    const refused = await setUp(body);
    expect([refused.status, refused.body.errors[0].field]).toEqual([400, "password"]);
  }
  expect(
    await env.DB.prepare("SELECT failed_logins FROM users WHERE email = ?").bind(email).first("failed_logins"),
  ).toBe(2);
  const { secret } = (await setUp({ password: PASSWORD })).body as { secret: string };
  const code = new TOTP({ secret }).generate({ timestamp: Date.now() });
  const enable = (body: object, by = token) => post("/auth/mfa/enable", { code, ...body }, { token: by });
  expect((await enable({})).body.errors[0].field).toBe("password");
  expect((await enable({ password: "not this one" })).body.errors[0].field).toBe("password");
  // Another session that is young says nothing of this one; in that one it is enough.
  const fresh = (await login(PASSWORD)).body.accessToken as string;
  expect((await enable({})).status).toBe(400);
  expect((await enable({}, fresh)).status).toBe(200);
  expect((await setUp({}, fresh)).status).toBe(409);
});
