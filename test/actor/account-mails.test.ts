/** Mails about accounts between row, queue and provider: sent once, whatever is lost, comes twice or dies. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { readAccountLink } from "../../shared/auth/account-links.ts";
import {
  type AccountMail,
  type AccountMailData,
  type AccountMailKind,
  newAccountMail,
  queueAccountMail,
} from "../../shared/db/account-mails.ts";
import type { AccountMailHint } from "../../shared/events/messages.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import type { Env } from "../../workers/env.ts";
import { consumeAccountMail, localMails, sendAccountMail } from "../../workers/interventions/account-mails.ts";
import { runSchedule } from "../../workers/jobs/cron.ts";
import { env, eventually, gathered, setClock, T0, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));
afterAll(() => {
  vi.useRealTimers();
});
beforeEach(() => setClock(T0));

interface Sent {
  to: string;
  subject: string;
  html: string;
  text: string;
}

/** A deployment with a queue and a provider that a test holds in its hand. */
function deployment(answer: (mail: Sent) => Promise<unknown> = async () => undefined, over: Partial<Env> = {}) {
  const sent: Sent[] = [];
  const hints: string[] = [];
  const state = { queueBroken: false };
  const keep = async (bodies: AccountMailHint[]): Promise<void> => {
    if (state.queueBroken) throw new Error("the queue is down");
    hints.push(...bodies.map((body) => body.id));
  };
  const mine: Env = {
    ...env,
    EMAIL_PROVIDER: "send_email",
    EMAIL: {
      send: (mail: Sent) => {
        sent.push(mail);
        return answer(mail);
      },
    } as unknown as SendEmail,
    INTERVENTIONS: {
      send: (body: AccountMailHint) => keep([body]),
      sendBatch: (messages: { body: AccountMailHint }[]) => keep(messages.map((m) => m.body)),
    } as unknown as Env["INTERVENTIONS"],
    ...over,
  };
  return { env: mine, sent, hints, state };
}

const refusal = (code: string) => () => Promise.reject(Object.assign(new Error("no"), { code }));

async function user(): Promise<{ id: string; email: string }> {
  const id = unique("us");
  const email = `${id}@merchant.example`;
  await env.DB.prepare("INSERT INTO users (id, email, password_hash, created_at) VALUES (?, ?, ?, 0)")
    .bind(id, email, `hash of ${id}`)
    .run();
  return { id, email };
}

async function queued<K extends AccountMailKind>(
  on: Env,
  kind: K,
  data: Omit<AccountMailData[K], "base">,
): Promise<AccountMail> {
  const { id, email } = await user();
  const full = { base: "https://cw.example", ...data } as AccountMailData[K];
  const mail = newAccountMail(kind, { recipient: email, userId: id }, full, Date.now());
  await queueAccountMail(on, mail);
  return mail;
}

const rowOf = (id: string) =>
  env.DB.prepare("SELECT status, attempts, due_at, sent_at, reason FROM account_mails WHERE id = ?").bind(id).first();

describe("a mail about an account", () => {
  it("is sent once, however often its hint comes", async () => {
    const on = deployment();
    const { id, recipient } = await queued(on.env, "password_changed", {});
    expect(on.hints).toEqual([id]);
    const results = await Promise.all(Array.from({ length: 5 }, () => sendAccountMail(id, on.env)));
    expect(results.map((r) => r.result).sort()).toEqual(["not_due", "not_due", "not_due", "not_due", "sent"]);
    expect((await sendAccountMail(id, on.env)).result).toBe("not_due");
    expect(on.sent).toMatchObject([{ to: recipient, subject: "Your Cartwake password was changed" }]);
    expect(await rowOf(id)).toEqual({ status: "sent", attempts: 1, due_at: null, sent_at: T0, reason: null });
  });

  it("whose hint was lost is found by the schedule", async () => {
    const on = deployment();
    on.state.queueBroken = true;
    const { id } = await queued(on.env, "password_reset", {});
    expect(on.hints).toEqual([]);
    on.state.queueBroken = false;
    await runSchedule("*/5 * * * *", on.env, T0 + 5 * MINUTE_MS);
    expect(on.hints).toEqual([id]);
    expect((await sendAccountMail(id, on.env)).result).toBe("sent");
    await runSchedule("*/5 * * * *", on.env, T0 + 10 * MINUTE_MS);
    expect(on.hints).toEqual([id]);
  });

  it("that was surely not sent is tried again, later each time, five times in all", async () => {
    const on = deployment(refusal("E_RATE_LIMIT_EXCEEDED"));
    const { id } = await queued(on.env, "mfa_enabled", {});
    for (const waited of [30_000, 60_000, 120_000, 240_000]) {
      expect(await sendAccountMail(id, on.env)).toEqual({ result: "queued", retryMs: waited });
      expect(await sendAccountMail(id, on.env)).toEqual({ result: "not_due", retryMs: null });
      setClock(Date.now() + waited);
    }
    expect(await sendAccountMail(id, on.env)).toEqual({ result: "failed", retryMs: null });
    expect(on.sent).toHaveLength(5);
    expect(await rowOf(id)).toMatchObject({ status: "failed", attempts: 5, due_at: null });
    await runSchedule("*/5 * * * *", on.env, Date.now() + HOUR_MS);
    expect(on.hints).toEqual([id]);
  });

  it("that was refused for good is not tried again", async () => {
    const on = deployment(refusal("E_SENDER_NOT_VERIFIED"));
    const { id } = await queued(on.env, "mfa_disabled", {});
    expect(await sendAccountMail(id, on.env)).toEqual({ result: "failed", retryMs: null });
    expect(await rowOf(id)).toMatchObject({ status: "failed", reason: "E_SENDER_NOT_VERIFIED no" });
  });

  it("whose sender died after the claim is parked as unknown and never sent again", async () => {
    const on = deployment(() => new Promise(() => undefined));
    const { id } = await queued(on.env, "password_reset", {});
    void sendAccountMail(id, on.env);
    await eventually(() => expect(on.sent).toHaveLength(1));
    expect(await rowOf(id)).toMatchObject({ status: "sending", attempts: 1 });
    await runSchedule("*/5 * * * *", on.env, T0 + 9 * MINUTE_MS);
    expect(await rowOf(id)).toMatchObject({ status: "sending" });
    await runSchedule("*/5 * * * *", on.env, T0 + 10 * MINUTE_MS);
    expect(await rowOf(id)).toMatchObject({ status: "unknown", due_at: null });
    setClock(T0 + 20 * MINUTE_MS);
    expect((await sendAccountMail(id, on.env)).result).toBe("not_due");
    expect(on.hints).toEqual([id]);
    expect(on.sent).toHaveLength(1);
  });

  it("whose answer was lost is parked at once", async () => {
    const on = deployment(() => Promise.reject(new Error("the network is away")));
    const { id } = await queued(on.env, "password_reset", {});
    expect(await sendAccountMail(id, on.env)).toEqual({ result: "unknown", retryMs: null });
    expect(await rowOf(id)).toMatchObject({ status: "unknown", reason: "the network is away" });
  });

  it("that could not be settled stays claimed: it was sent", async () => {
    const on = deployment();
    const { id } = await queued(on.env, "password_changed", {});
    const { DB } = on.env;
    const broken = {
      prepare: (sql: string) => {
        if (sql.includes("SET status = ?")) throw new Error("D1 is away");
        return DB.prepare(sql);
      },
    } as unknown as D1Database;
    expect((await sendAccountMail(id, { ...on.env, DB: broken })).result).toBe("unsettled");
    expect((await sendAccountMail(id, on.env)).result).toBe("not_due");
    expect(on.sent).toHaveLength(1);
  });

  it("that has expired, or whose account is gone, is not sent", async () => {
    const on = deployment();
    const late = await queued(on.env, "password_reset", {});
    const gone = await queued(on.env, "password_reset", {});
    await env.DB.prepare("DELETE FROM users WHERE id = ?").bind(gone.userId).run();
    expect((await sendAccountMail(gone.id, on.env)).result).toBe("failed");
    setClock(T0 + HOUR_MS);
    expect((await sendAccountMail(late.id, on.env)).result).toBe("failed");
    expect(await rowOf(late.id)).toMatchObject({ reason: "expired" });
    expect(on.sent).toEqual([]);
  });

  it("is not pretended to be sent where there is no provider", async () => {
    const local = deployment(undefined, { EMAIL_PROVIDER: "outbox" });
    const { id } = await queued(local.env, "password_changed", {});
    const secrets = { LINK_SECRET: "a-secret-of-production", AUTH_SECRET: "a-secret-of-production" };
    const production = { ...local.env, ...secrets, ENVIRONMENT: "production" };
    expect((await sendAccountMail(id, production)).result).toBe("failed");
    expect(await localMails(production)).toBeNull();
    expect(await localMails(deployment().env)).toBeNull();
  });

  it("comes at most three times an hour of one kind to one user", async () => {
    const on = deployment();
    const { id, email } = await user();
    const ask = async (kind: "password_reset" | "locked", data: object) => {
      const full = { base: "https://cw.example", until: 0, ...data };
      await queueAccountMail(on.env, newAccountMail(kind, { recipient: email, userId: id }, full, Date.now()));
    };
    for (let i = 0; i < 6; i++) await ask("password_reset", {});
    expect(on.hints).toHaveLength(3);
    await ask("locked", {});
    expect(on.hints).toHaveLength(4);
    setClock(T0 + HOUR_MS);
    for (let i = 0; i < 6; i++) await ask("password_reset", {});
    expect(on.hints).toHaveLength(7);
  });

  it("is forgotten thirty days after it expired", async () => {
    const on = deployment();
    const { id } = await queued(on.env, "password_changed", {});
    await sendAccountMail(id, on.env);
    const midnight = T0 - (T0 % DAY_MS);
    await runSchedule("*/5 * * * *", on.env, midnight + 31 * DAY_MS);
    expect(await rowOf(id)).not.toBeNull();
    await runSchedule("*/5 * * * *", on.env, midnight + 32 * DAY_MS);
    expect(await rowOf(id)).toBeNull();
  });
});

describe("the queue's message", () => {
  const message = () => ({ ack: vi.fn(), retry: vi.fn(), attempts: 1 }) as unknown as Message;

  it("is done with when the mail is sent, and comes back when it is to be tried again", async () => {
    const good = deployment();
    const busy = deployment(refusal("E_RATE_LIMIT_EXCEEDED"));
    const [first, second] = [message(), message()];
    await consumeAccountMail(first, (await queued(good.env, "mfa_enabled", {})).id, good.env);
    expect([first.ack, first.retry].map((f) => vi.mocked(f).mock.calls.length)).toEqual([1, 0]);
    await gathered("cartwake_queue_retries_total");
    await consumeAccountMail(second, (await queued(busy.env, "mfa_enabled", {})).id, busy.env);
    expect(second.ack).not.toHaveBeenCalled();
    expect(second.retry).toHaveBeenCalledWith({ delaySeconds: 31 });
    expect(await gathered("cartwake_queue_retries_total")).toBe(1);
  });
});

describe("what the mails say", () => {
  it("a reset leads to the dashboard by a link for this mail and this password", async () => {
    const on = deployment();
    const mail = await queued(on.env, "password_reset", {});
    await sendAccountMail(mail.id, on.env);
    const { text, html } = on.sent[0]!;
    const token = /https:\/\/cw\.example\/app\/#\/reset\/([\w.-]+)/.exec(text)?.[1];
    expect(html).toContain(`href="https://cw.example/app/#/reset/${token}"`);
    const read = (bound: string) => readAccountLink("password_reset", token!, on.env.AUTH_SECRET, async () => bound);
    expect(await read(`hash of ${mail.userId}`)).toBe(mail.id);
    expect(await read("another")).toBeNull();
  });

  it("an invitation's names carry neither links nor markup", async () => {
    const on = deployment();
    const mail = await queued(on.env, "invitation", {
      storeName: "<b>Kiln</b> & Co https://evil.example/x",
      inviter: "Eve evil.example <script>alert(1)</script>",
      role: "store_owner",
      invitationId: "inv_0123456789abcdefghij",
    });
    await sendAccountMail(mail.id, on.env);
    const { subject, text, html } = on.sent[0]!;
    expect(`${subject}${text}${html}`).not.toContain("evil.example");
    expect(html).not.toMatch(/<script|<b>/);
    expect(html).toContain("&lt;b&gt;Kiln&lt;/b&gt; &amp; Co");
    expect(text).toContain("as store owner");
    const token = /#\/invitation\/([\w.-]+)/.exec(text)?.[1];
    expect(await readAccountLink("invitation", token!, on.env.AUTH_SECRET, async () => mail.recipient)).toBe(
      "inv_0123456789abcdefghij",
    );
  });

  it("none loads anything from anywhere, and each says the same in text and HTML", async () => {
    const on = deployment();
    const datas: [AccountMailKind, object][] = [
      ["password_reset", {}],
      ["password_changed", {}],
      ["mfa_enabled", {}],
      ["mfa_disabled", {}],
      ["locked", { until: T0 + HOUR_MS }],
      ["invitation", { storeName: "Kiln", inviter: "Ada", role: "admin", invitationId: "inv_0123456789abcdefghij" }],
    ];
    for (const [kind, data] of datas) {
      await sendAccountMail((await queued(on.env, kind, data as never)).id, on.env);
      const { subject, html, text } = on.sent.at(-1)!;
      expect(html).not.toMatch(/<img|url\(|<link|@import|undefined|\{\{/i);
      expect(text).not.toMatch(/undefined|\{\{|<\/?\w/);
      expect(html).toContain(`<title>${subject}</title>`);
      const title = /<h1[^>]*>([^<]+)</.exec(html)![1]!;
      expect(text.startsWith(title)).toBe(true);
    }
    expect(on.sent.find((m) => m.subject.includes("locked"))?.text).toContain("6 May 2031, 11:00 UTC");
  });
});
