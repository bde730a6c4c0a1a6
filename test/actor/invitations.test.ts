import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import type { Role } from "../../shared/auth/roles.ts";
import { DAY_MS, HOUR_MS } from "../../shared/time.ts";
import {
  INVITATION_TTL_MS,
  type Invitation,
  invitationOf,
  invite,
  join,
  MAX_A_DAY,
  MAX_MEMBERS,
  openInvitations,
  RESEND_MS,
  resend,
  revoke,
} from "../../workers/gateway/invitations.ts";
import { MAX_STORES } from "../../workers/gateway/stores.ts";
import { env, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));

/** The audit log is not what these tests are about. */
const unnoted = () => [];
const NOW = Date.UTC(2030, 0, 1);
const frame = { base: "https://cartwake.example", storeName: "Kiln", inviter: "Ada" };

const offer = (store: string, now = NOW, email = `${unique("to")}@member.example`, role: Role = "api_user") =>
  invite(env, { store_id: store, email, role, invited_by: "us_1" }, frame, now, unnoted);

async function offered(store: string, now = NOW): Promise<Invitation> {
  const made = await offer(store, now);
  if (!made.ok) throw new Error(made.reason);
  return made.value;
}

const join1 = (invitation: Invitation, user = unique("us"), now = NOW) =>
  join(env, invitation, user, now, { name: null, passwordHash: "" }, unnoted);

/** Membership of `users` in `stores`. */
const belong = (pairs: [store: string, user: string][]) =>
  env.DB.prepare(
    `INSERT INTO members (store_id, user_id, role, created_at)
     SELECT value ->> 0, value ->> 1, 'customer', 0 FROM json_each(?)`,
  )
    .bind(JSON.stringify(pairs))
    .run();

const count = async (sql: string, ...values: string[]): Promise<number> =>
  (await env.DB.prepare(`SELECT count(*) AS n FROM ${sql}`)
    .bind(...values)
    .first<{ n: number }>())!.n;

describe("an invitation", () => {
  it("ends after seven days, to the millisecond", async () => {
    const store = unique("st");
    const [first, second] = [await offered(store), await offered(store)];
    const end = NOW + INVITATION_TTL_MS;
    expect(first.expires_at).toBe(end);
    expect(await join1(first, unique("us"), end)).toEqual({ ok: false, reason: "ended" });
    expect(await openInvitations(env, store, end)).toEqual([]);
    expect(await revoke(env, store, first.id, end, unnoted)).toBe(false);
    expect(await join1(second, unique("us"), end - 1)).toEqual({ ok: true, value: null });
    expect(await count("members WHERE store_id = ?", store)).toBe(1);
  });

  it("makes neither an account nor a member once it has ended", async () => {
    const store = unique("st");
    const invitation = await offered(store);
    expect(await revoke(env, store, invitation.id, NOW, unnoted)).toBe(true);
    expect(await join1(invitation)).toEqual({ ok: false, reason: "ended" });
    expect(await count("users WHERE email = ?", invitation.email)).toBe(0);
    expect(await count("members WHERE store_id = ?", store)).toBe(0);
  });

  it("sent again begins its seven days anew, after a minute, then ever more rarely, a mail each time", async () => {
    const invitation = await offered(unique("st"));
    const mails = () => count("account_mails WHERE recipient = ?", invitation.email);
    const again = async (now: number) => {
      const [read] = await openInvitations(env, invitation.store_id, now);
      return resend(env, read!, frame, now);
    };
    expect(await again(NOW + 1)).toMatchObject({ value: { expires_at: NOW + 1 + INVITATION_TTL_MS } });
    expect(await again(NOW + RESEND_MS)).toEqual({ ok: false, reason: "too_soon" });
    expect(await mails()).toBe(2);
    const racing = await Promise.all([again(NOW + 1 + RESEND_MS), again(NOW + 1 + RESEND_MS)]);
    expect(racing.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await mails()).toBe(3);
    let sent = 0;
    for (let hour = 1; hour <= 7 * 24; hour++) if ((await again(NOW + hour * HOUR_MS)).ok) sent += 1;
    expect(sent).toBeGreaterThan(5);
    expect(sent).toBeLessThan(20);
  });

  it("leaves nothing in the database that lets anybody in", async () => {
    const invitation = await offered(unique("st"));
    const { results } = await env.DB.prepare("SELECT * FROM account_mails WHERE recipient = ?")
      .bind(invitation.email)
      .all();
    for (const text of [invitation.id, ...Object.values(invitation).map(String), JSON.stringify(results)])
      expect(await invitationOf(env, text, NOW), text).toBeNull();
    expect(results).toMatchObject([{ kind: "invitation", status: "queued", due_at: NOW, user_id: null }]);
  });
});

describe("bounds", () => {
  it("a full store invites nobody, and lets nobody in who was invited before", async () => {
    const store = unique("st");
    const [invitation, other] = [await offered(store), await offered(store)];
    await belong(Array.from({ length: MAX_MEMBERS }, (_, i) => [store, `us_${i}`]));
    expect(await offer(store)).toEqual({ ok: false, reason: "full" });
    expect(await join1(invitation)).toEqual({ ok: false, reason: "full" });
    expect(await count("users WHERE email = ?", invitation.email)).toBe(0);
    await env.DB.prepare("DELETE FROM members WHERE store_id = ? AND user_id = 'us_0'").bind(store).run();
    const racing = await Promise.all([join1(invitation), join1(other)]);
    expect(racing.filter((result) => result.ok).length).toBe(1);
    expect(await count("members WHERE store_id = ?", store)).toBe(MAX_MEMBERS);
  });

  it("a user of a hundred stores joins no other", async () => {
    const user = unique("us");
    await belong(Array.from({ length: MAX_STORES }, (_, i) => [unique(`st${i}`), user]));
    const invitation = await offered(unique("st"));
    expect(await join(env, invitation, user, NOW, null, unnoted)).toEqual({ ok: false, reason: "full" });
    expect(await count("members WHERE user_id = ?", user)).toBe(MAX_STORES);
  });

  it("a store sends so many invitations a day, also to one address", async () => {
    const store = unique("st");
    await env.DB.prepare(
      `INSERT INTO invitations (id, store_id, email, role, invited_by, created_at, expires_at, revoked_at)
       SELECT ? || value, ?, 'x@member.example', 'customer', 'us_1', ?, ?, ? FROM json_each(?)`,
    )
      .bind(store, store, NOW, NOW + DAY_MS, NOW, JSON.stringify(Array.from({ length: MAX_A_DAY }, (_, i) => i)))
      .run();
    expect(await offer(store, NOW + DAY_MS - 1)).toEqual({ ok: false, reason: "full" });
    expect((await offer(store, NOW + DAY_MS)).ok).toBe(true);
  });
});
