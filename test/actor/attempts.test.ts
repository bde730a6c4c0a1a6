/** Guesses at passwords and codes, one by one and at the same moment, under a clock that the test moves. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { TOTP } from "otpauth";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
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
