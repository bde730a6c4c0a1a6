/** Users over HTTP: second factor, lost passwords, locks, sessions, and what a stranger learns of all that. */
import { TOTP } from "otpauth";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { OpenSessionView, SessionView } from "../../shared/views.ts";
import { cpuOf, runtimeOf } from "../bench/processes.ts";
import { type Answer, http, until } from "../support/merchant.ts";
import { reservePort } from "../support/ports.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { MailServer } from "../support/smtp.ts";
import { type Registered, register, type System, startSystem } from "../support/system.ts";

/** These tests log in far more often than a person does. */
const RATE_LIMITS = "global=10000 auth=10000 api=10000";

let system: System;
let me: Registered;
beforeAll(async () => {
  system = await startSystem({ vars: { RATE_LIMITS } });
});
beforeEach(async () => {
  me = await register(system.url);
});
afterAll(async () => {
  expect(unexpectedIn(system.logs())).toEqual([]);
  await system.stop();
});

type Login = SessionView & { requiresMfa?: true; mfaToken?: string };
interface LocalMail {
  to: string;
  subject: string;
  html: string;
  text: string;
}

const call = <T = Record<string, unknown>>(
  method: string,
  path: string,
  {
    body,
    token,
    headers = {},
    url = system.url,
  }: { body?: unknown; token?: string; headers?: object; url?: string } = {},
): Promise<Answer<T>> =>
  http<T>(url + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

const login = (password = me.password, more: object = {}, email = me.email) =>
  call<Login>("POST", "/auth/login", { body: { email, password, ...more } });
const refresh = (refreshToken: string, more: object = {}) =>
  call<SessionView>("POST", "/auth/refresh", { body: { refreshToken, ...more } });
const asMe = <T = Record<string, unknown>>(method: string, path: string, body?: unknown) =>
  call<T>(method, path, { token: me.accessToken, ...(body === undefined ? {} : { body }) });

const mailsTo = async (email: string): Promise<LocalMail[]> =>
  (await call<{ items: LocalMail[] }>("GET", "/local/mails")).body.items.filter((mail) => mail.to === email);
const mailTo = (email: string, subject: RegExp): Promise<LocalMail> =>
  until(`a mail ${subject}`, async () => (await mailsTo(email)).find((mail) => subject.test(mail.subject)));
const resetTokenIn = ({ text }: { text?: string | undefined }): string =>
  /\/app\/#\/reset\/([\w.-]+)/.exec(text ?? "")![1]!;

/** An answer without what differs in every answer. */
const said = ({ status, body }: Answer<object>) => ({ status, ...body, requestId: "" });

describe("the second factor", () => {
  const STEP_MS = 30_000;
  /** Codes of the steps before, at and after now. The first is good until the step ends: it must be used at once. */
  async function codesOf(secret: string): Promise<[before: string, now: string, after: string]> {
    const left = STEP_MS - (Date.now() % STEP_MS);
    if (left < 10_000) await new Promise((resolve) => setTimeout(resolve, left));
    const totp = new TOTP({ secret });
    const now = Date.now();
    return [-STEP_MS, 0, STEP_MS].map((ms) => totp.generate({ timestamp: now + ms })) as [string, string, string];
  }
  const verify = (mfaToken: string | undefined, code: string) =>
    call<SessionView>("POST", "/auth/mfa/verify", { body: { mfaToken, code } });

  async function switchOn(): Promise<{ codes: [string, string, string]; recovery: string[] }> {
    const setup = await asMe<{ secret: string; otpauthUrl: string; qr: string }>("POST", "/auth/mfa/setup", {});
    expect(setup.status).toBe(200);
    expect(setup.body.otpauthUrl).toContain(`secret=${setup.body.secret}`);
    expect(setup.body.qr).toMatch(/^<svg [^>]*viewBox[\s\S]*<\/svg>$/);
    expect((await login()).body.accessToken).toEqual(expect.any(String));
    expectProblem(await asMe("POST", "/auth/mfa/enable", { code: "000000x" }), "VALIDATION_ERROR", "code");
    const codes = await codesOf(setup.body.secret);
    const on = await asMe<{ recoveryCodes: string[] }>("POST", "/auth/mfa/enable", { code: codes[0] });
    expect(on.status, on.text).toBe(200);
    return { codes, recovery: on.body.recoveryCodes };
  }

  test("is set up, asked for, used once, renewed and switched off", async () => {
    const { codes, recovery } = await switchOn();
    expect(new Set(recovery).size).toBe(10);
    expectProblem(await asMe("POST", "/auth/mfa/setup", {}), "CONFLICT");
    expect((await asMe("GET", "/auth/me")).body).toMatchObject({ mfaEnabled: true });
    await mailTo(me.email, /Two-factor login is on/);

    const first = await login();
    expect(first.status).toBe(200);
    expect(Object.keys(first.body).sort()).toEqual(["mfaToken", "requiresMfa"]);
    expect(first.headers.get("set-cookie")).toBeNull();
    const { mfaToken } = first.body;
    expectProblem(await call("GET", "/auth/me", { token: mfaToken! }), "UNAUTHORIZED");
    expectProblem(await call("GET", "/v1/carts", { token: mfaToken! }), "UNAUTHORIZED");
    expectProblem(await refresh(mfaToken!.slice(0, 128)), "UNAUTHORIZED");
    // The code that switched it on has been used.
    expectProblem(await verify(mfaToken, codes[0]), "UNAUTHORIZED");
    expectProblem(await verify(me.accessToken.slice(0, 600), codes[1]), "UNAUTHORIZED");

    const racing = await Promise.all(Array.from({ length: 4 }, () => verify(mfaToken, codes[1])));
    const opened = racing.filter((answer) => answer.status === 200);
    expect(opened).toHaveLength(1);
    expect(opened[0]!.headers.get("set-cookie")).toMatch(/^cw_refresh=/);
    expect((await call("GET", "/auth/me", { token: opened[0]!.body.accessToken })).status).toBe(200);
    // The token has done its work, and does not use up a code in dying.
    expectProblem(await verify(mfaToken, codes[2]), "UNAUTHORIZED");

    const renewed = await asMe<{ recoveryCodes: string[] }>("POST", "/auth/mfa/recovery-codes", { code: codes[2] });
    expect(renewed.status, renewed.text).toBe(200);
    const [one, two] = renewed.body.recoveryCodes as [string, string];
    expectProblem(await verify((await login()).body.mfaToken, recovery[0]!), "UNAUTHORIZED");
    const second = (await login()).body.mfaToken;
    // Those who come too late have failed: with the three failures below just not often enough for a lock.
    const byRecovery = await Promise.all(Array.from({ length: 3 }, () => verify(second, one)));
    expect(byRecovery.filter((answer) => answer.status === 200)).toHaveLength(1);
    expectProblem(await verify((await login()).body.mfaToken, one), "UNAUTHORIZED");

    const off = (body: object) => asMe("POST", "/auth/mfa/disable", body);
    expectProblem(await off({ password: "not this one", code: two }), "VALIDATION_ERROR", "password");
    expectProblem(await off({ password: me.password, code: one }), "VALIDATION_ERROR", "code");
    expectProblem(await off({ password: me.password }), "VALIDATION_ERROR", "code");
    expect((await off({ code: two })).status).toBe(204);
    expect((await login()).body.user).toMatchObject({ email: me.email, mfaEnabled: false });
    await mailTo(me.email, /Two-factor login is off/);
    expectProblem(await off({ password: me.password, code: two }), "CONFLICT");
  });

  test("is worth five wrong codes; a new password does not switch it off", async () => {
    const { recovery } = await switchOn();
    const { mfaToken } = (await login()).body;
    for (let i = 0; i < 5; i++) expectProblem(await verify(mfaToken, "0".repeat(10)), "UNAUTHORIZED");
    expectProblem(await verify(mfaToken, recovery[0]!), "UNAUTHORIZED");
    // The sixth failure has locked the account: a reset opens it.
    expectProblem(await login(), "UNAUTHORIZED");
    await call("POST", "/auth/password/forgot", { body: { email: me.email } });
    const token = resetTokenIn(await mailTo(me.email, /new password/));
    const password = "another horse, another battery";
    expect((await call("POST", "/auth/password/reset", { body: { token, password } })).status).toBe(204);
    const next = await login(password);
    expect(next.body).toMatchObject({ requiresMfa: true });
    expect((await verify(next.body.mfaToken, recovery[0]!)).status).toBe(200);
  });

  test("is for people, not for keys", async () => {
    const made = await asMe<{ key: string }>("POST", "/v1/api-keys", {});
    for (const path of ["/auth/mfa/setup", "/auth/mfa/enable", "/auth/mfa/recovery-codes", "/auth/password/change"])
      expectProblem(await call("POST", path, { token: made.body.key, body: {} }), "FORBIDDEN");
    for (const path of ["/auth/mfa/setup", "/auth/mfa/enable", "/auth/sessions"])
      expectProblem(await call(path.endsWith("s") ? "DELETE" : "POST", path), "UNAUTHORIZED");
  });
});

describe("a locked account", () => {
  test("answers like a wrong password, tells its owner by mail, and is opened by a reset", async () => {
    const wrong = await login("not this one");
    expectProblem(wrong, "UNAUTHORIZED");
    for (let i = 0; i < 5; i++) await login("not this one");
    await mailTo(me.email, /locked/);
    const right = await login();
    expect(said(right)).toEqual(said(wrong));
    expect([...right.headers.keys()].sort()).toEqual([...wrong.headers.keys()].sort());
    expect(said(await login("x", {}, "nobody@merchant.example"))).toEqual(said(wrong));
    for (let i = 0; i < 3; i++) await login("not this one");
    expect((await mailsTo(me.email)).filter((mail) => /locked/.test(mail.subject))).toHaveLength(1);

    await call("POST", "/auth/password/forgot", { body: { email: me.email } });
    const token = resetTokenIn(await mailTo(me.email, /new password/));
    const password = "another horse, another battery";
    expect((await call("POST", "/auth/password/reset", { body: { token, password } })).status).toBe(204);
    expect((await login(password)).status).toBe(200);
  });

  test("does not let in the right one of many passwords tried at the same moment, after the sixth wrong one", async () => {
    await Promise.all(Array.from({ length: 12 }, (_, i) => login(`guess number ${i}`)));
    await mailTo(me.email, /locked/);
    expectProblem(await login(), "UNAUTHORIZED");
    expect((await mailsTo(me.email)).filter((mail) => /locked/.test(mail.subject))).toHaveLength(1);
  });

  test("and an unknown one cost as much to refuse as a wrong password", async () => {
    const locked = await register(system.url);
    for (let i = 0; i < 7; i++) await login("wrong", {}, locked.email);
    await mailTo(locked.email, /locked/);
    // What it computes is what is seen from outside, without what else the machine does.
    const runtime = runtimeOf(system.pid());
    const spent: Record<string, number> = { wrong: 0, unknown: 0, locked: 0 };
    for (let round = 0; round < 5; round++)
      for (const [what, email] of [
        ["wrong", me.email],
        ["unknown", `nobody-${round}@merchant.example`],
        ["locked", locked.email],
      ] as const) {
        const before = cpuOf(runtime);
        expectProblem(await login("not this one", {}, email), "UNAUTHORIZED");
        spent[what]! += cpuOf(runtime) - before;
      }
    for (const what of ["unknown", "locked"]) {
      expect(spent[what]! / spent.wrong!, JSON.stringify(spent)).toBeGreaterThan(0.5);
      expect(spent[what]! / spent.wrong!, JSON.stringify(spent)).toBeLessThan(2);
    }
  });
});

describe("a forgotten password", () => {
  const forgot = (email: string) => call("POST", "/auth/password/forgot", { body: { email } });
  const reset = (token: string, password: string) =>
    call("POST", "/auth/password/reset", { body: { token, password } });

  test("is asked about with the same answer for everybody, and mailed three times an hour at most", async () => {
    const known = await forgot(` ${me.email.toUpperCase()} `);
    expect(known.status).toBe(202);
    expect(said(await forgot("nobody@merchant.example"))).toEqual(said(known));
    for (let i = 0; i < 5; i++) expect((await forgot(me.email)).status).toBe(202);
    await until("three mails", async () => (await mailsTo(me.email)).length === 3);
    const other = await register(system.url);
    await forgot(other.email);
    await mailTo(other.email, /new password/);
    expect(await mailsTo(me.email)).toHaveLength(3);
    expect(await mailsTo("nobody@merchant.example")).toEqual([]);
  });

  test("is replaced once by the link, which ends all sessions and every other link", async () => {
    await forgot(me.email);
    await forgot(me.email);
    const tokens = await until("two mails", async () => {
      const mails = await mailsTo(me.email);
      return mails.length === 2 && mails.map(resetTokenIn);
    });
    const [token, other] = tokens as [string, string];
    expectProblem(await reset(token, "password123"), "VALIDATION_ERROR", "password");
    expectProblem(await reset(token, me.email.toUpperCase()), "VALIDATION_ERROR", "password");
    expectProblem(await reset(token, "short"), "VALIDATION_ERROR", "password");
    const forged = token.slice(0, -2) + (token.endsWith("AA") ? "BB" : "AA");
    for (const bad of [forged, "", "x", `${token}x`])
      expectProblem(await reset(bad, "a good new password"), "VALIDATION_ERROR", "token");
    const racing = await Promise.all(["one", "two", "three"].map((n) => reset(token, `a good new password ${n}`)));
    expect(racing.filter((answer) => answer.status === 204)).toHaveLength(1);
    for (const used of [token, other])
      expectProblem(await reset(used, "yet another password"), "VALIDATION_ERROR", "token");
    expectProblem(await login(), "UNAUTHORIZED");
    expectProblem(await refresh(me.refreshToken), "UNAUTHORIZED");
    await mailTo(me.email, /password was changed/);
    // What is shown again later is as dead.
    for (const mail of (await mailsTo(me.email)).filter((m) => /Set a new/.test(m.subject)))
      expectProblem(await reset(resetTokenIn(mail), "yet another password"), "VALIDATION_ERROR", "token");
  });

  test("is changed by who knows it: other sessions end, this one stays", async () => {
    const other = (await login()).body;
    const change = (currentPassword: string, newPassword: string) =>
      asMe("POST", "/auth/password/change", { currentPassword, newPassword });
    expectProblem(await change("not this one", "a good new password"), "VALIDATION_ERROR", "currentPassword");
    expectProblem(await change(me.password, "12345678"), "VALIDATION_ERROR", "newPassword");
    expect((await change(me.password, "a good new password")).status).toBe(204);
    expectProblem(await refresh(other.refreshToken), "UNAUTHORIZED");
    expect((await refresh(me.refreshToken)).status).toBe(200);
    expectProblem(await login(), "UNAUTHORIZED");
    expect((await login("a good new password")).status).toBe(200);
    await mailTo(me.email, /password was changed/);
  });

  test("is mailed by a real server", async () => {
    const server = new MailServer(await reservePort());
    await server.start();
    const mailing = await startSystem({
      vars: { RATE_LIMITS, EMAIL_PROVIDER: "smtp", SMTP_URL: server.url, PUBLIC_URL: "https://cw.example/" },
    });
    try {
      const { url } = mailing;
      const { email } = await register(url);
      await call("POST", "/auth/password/forgot", { url, body: { email } });
      const received = await until("the mail", async () => server.to(email)[0]);
      expect(received.mail).toMatchObject({ subject: "Set a new password for Cartwake", to: [{ address: email }] });
      expect(received.mail.from).toMatchObject({ name: "Cartwake", address: "shop@cartwake.example" });
      expect(received.mail.html).toContain('href="https://cw.example/app/#/reset/');
      const body = { token: resetTokenIn(received.mail), password: "a good new password" };
      expect((await call("POST", "/auth/password/reset", { url, body })).status).toBe(204);
      await until("the news", async () => server.to(email)[1]);
      expect(server.to(email).map((r) => r.mail.subject)).toEqual([
        "Set a new password for Cartwake",
        "Your Cartwake password was changed",
      ]);
      // Whoever could read these here could take over accounts.
      expectProblem(await call("GET", "/local/mails", { url }), "NOT_FOUND");
      expect(mailing.logs()).not.toContain(email);
      expect(mailing.logs()).not.toContain(body.token);
    } finally {
      await mailing.stop();
      await server.stop();
    }
  });
});

describe("sessions", () => {
  const sessions = async (token = me.accessToken): Promise<OpenSessionView[]> =>
    (await call<{ items: OpenSessionView[] }>("GET", "/auth/sessions", { token })).body.items;

  test("are listed with where they are used from, and end one by one or all at once", async () => {
    const phone = await call<Login>("POST", "/auth/login", {
      body: { email: me.email, password: me.password, storeId: me.storeId },
      headers: { "user-agent": "Phone" },
    });
    const [newest, own] = await sessions();
    expect(newest).toMatchObject({ userAgent: "Phone", current: false, store: { id: me.storeId, name: "Kiln & Co" } });
    expect(own).toMatchObject({ current: true });
    expect((await sessions(phone.body.accessToken)).map((s) => s.current)).toEqual([true, false]);

    const renewed = await call<SessionView>("POST", "/auth/refresh", {
      body: { refreshToken: me.refreshToken },
      headers: { "user-agent": "Laptop" },
    });
    const [laptop] = await sessions(renewed.body.accessToken);
    expect(laptop).toMatchObject({ id: own!.id, createdAt: own!.createdAt, userAgent: "Laptop", current: true });
    expect(Date.parse(laptop!.lastUsedAt)).toBeGreaterThan(Date.parse(own!.lastUsedAt));

    const stranger = await register(system.url);
    expectProblem(await call("DELETE", `/auth/sessions/${newest!.id}`, { token: stranger.accessToken }), "NOT_FOUND");
    const ended = await asMe("DELETE", `/auth/sessions/${newest!.id}`);
    expect([ended.status, ended.headers.get("set-cookie")]).toEqual([204, null]);
    expectProblem(await asMe("DELETE", `/auth/sessions/${newest!.id}`), "NOT_FOUND");
    expectProblem(await refresh(phone.body.refreshToken), "UNAUTHORIZED");
    expect((await sessions()).map((s) => s.id)).toEqual([own!.id]);

    await login();
    const all = await asMe("DELETE", "/auth/sessions");
    expect(all.status).toBe(204);
    expect(all.headers.get("set-cookie")).toContain("Max-Age=0");
    expectProblem(await refresh(renewed.body.refreshToken), "UNAUTHORIZED");
    expect(await sessions((await login()).body.accessToken)).toHaveLength(1);
    expect((await refresh(stranger.refreshToken)).status).toBe(200);
  });

  test("move only to stores of their user, and a refused move costs nothing", async () => {
    const { storeId } = await register(system.url);
    expectProblem(await login(me.password, { storeId }), "NOT_FOUND");
    expectProblem(await refresh(me.refreshToken, { storeId }), "NOT_FOUND");
    const stayed = await refresh(me.refreshToken, { storeId: me.storeId });
    expect(stayed.body.user).toMatchObject({ storeId: me.storeId });
  });

  test("are not renewed or ended by other sites through the cookie", async () => {
    const cookie = `cw_refresh=${me.refreshToken}`;
    const from = (path: string, headers: Record<string, string>) =>
      call("POST", path, { headers: { cookie, ...headers } });
    const other: Record<string, string>[] = [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: system.url.replace(/:\d+$/, ":1") },
      { "sec-fetch-site": "same-origin", origin: "https://evil.example" },
    ];
    for (const headers of other)
      for (const path of ["/auth/refresh", "/auth/logout"]) expectProblem(await from(path, headers), "FORBIDDEN");
    const renewed = await from("/auth/refresh", { "sec-fetch-site": "same-origin", origin: system.url });
    expect(renewed.status).toBe(200);
    const next = renewed.headers.get("set-cookie")!.split(";")[0]!;
    expect((await call("POST", "/auth/logout", { headers: { cookie: next, "sec-fetch-site": "none" } })).status).toBe(
      204,
    );
    expectProblem(await call("POST", "/auth/refresh", { headers: { cookie: next } }), "UNAUTHORIZED");
  });
});

test("a user changes their own name", async () => {
  const renamed = await asMe("PATCH", "/auth/me", { name: "  Ada Lovelace " });
  expect([renamed.status, renamed.body.name]).toEqual([200, "Ada Lovelace"]);
  expect((await asMe("PATCH", "/auth/me", { name: null })).body.name).toBeNull();
  expectProblem(await asMe("PATCH", "/auth/me", { name: "x".repeat(201) }), "VALIDATION_ERROR", "name");
  expect((await asMe("GET", "/auth/me")).body).toMatchObject({ name: null, email: me.email });
});

test("a password that everybody guesses first is refused at the door", async () => {
  const store = { name: "S", url: "https://s.example", currency: "EUR", timezone: "UTC" };
  const email = "weak@merchant.example";
  for (const password of ["password1", email, "aaaaaaaaaa"])
    expectProblem(
      await call("POST", "/auth/register", { body: { email, password, store } }),
      "VALIDATION_ERROR",
      "password",
    );
});
