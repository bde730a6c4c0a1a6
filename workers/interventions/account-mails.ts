/**
 * Mails about accounts, and tests of templates: a row is claimed by one statement, rendered, given to the provider, and settled. Whoever dies
 * after the claim leaves a row that nobody sends again: the schedule parks it as `unknown`.
 *
 * queued → sending → sent | failed | unknown; back to queued, a little later each time, when it was surely not sent.
 */
import { signAccountLink } from "../../shared/auth/account-links.ts";
import { type Config, parseConfig } from "../../shared/config.ts";
import type { AccountMailKind } from "../../shared/db/account-mails.ts";
import { json } from "../../shared/http.ts";
import { log } from "../../shared/log.ts";
import { count } from "../../shared/metrics.ts";
import type { Rendered } from "../../shared/templates.ts";
import { iso, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { type AccountMailOf, LOGIN_PATH, renderAccountMail } from "./account-mail-texts.ts";
import { accountMailProvider } from "./providers/index.ts";
import { messageOf, type SendOutcome } from "./providers/provider.ts";
import { ownWayOf } from "./route.ts";
import { composeTest } from "./template-tests.ts";

const MAX_ATTEMPTS = 5;
const FIRST_RETRY_MS = 30 * SECOND_MS;
/** Longer than any provider is waited for. */
const CLAIM_MS = 10 * MINUTE_MS;

interface Row {
  id: string;
  kind: AccountMailKind;
  recipient: string;
  user_id: string | null;
  store_id: string | null;
  data: string;
  attempts: number;
  created_at: number;
  sent_at: number | null;
  expires_at: number;
}

/** One message of the queue. It is a hint: a row that is not due, or that somebody else has, is left alone. */
export async function consumeAccountMail(message: Message, id: string, env: Env): Promise<void> {
  try {
    const { result, retryMs } = await sendAccountMail(id, env);
    log("info", "account_mail", { mail: id, result });
    // A second more: the row must be due by then.
    if (retryMs === null) message.ack();
    else giveBack(message, Math.ceil(retryMs / SECOND_MS) + 1);
  } catch (error) {
    log("warn", "account_mail_failed", { mail: id, error });
    giveBack(message, Math.min(300, 5 * 2 ** message.attempts));
  }
}

function giveBack(message: Message, delaySeconds: number): void {
  count("cartwake_queue_retries_total", { queue: "interventions" });
  message.retry({ delaySeconds });
}

/** Sends one mail if it is due; says what became of it, and after how long to ask again. Throws only before the claim. */
export async function sendAccountMail(id: string, env: Env): Promise<{ result: string; retryMs: number | null }> {
  const config = parseConfig(env);
  const now = Date.now();
  const row = await env.DB.prepare(
    `UPDATE account_mails SET status = 'sending', attempts = attempts + 1, due_at = ?
     WHERE id = ? AND status = 'queued' AND due_at <= ? RETURNING *`,
  )
    .bind(now + CLAIM_MS, id, now)
    .first<Row>();
  if (!row) return { result: "not_due", retryMs: null };
  const outcome = await deliver(env, config, row, now);
  const retryMs =
    outcome.kind === "refused" && outcome.retryable && row.attempts < MAX_ATTEMPTS
      ? FIRST_RETRY_MS * 2 ** (row.attempts - 1)
      : null;
  const status = retryMs !== null ? "queued" : outcome.kind === "refused" ? "failed" : outcome.kind;
  try {
    await settle(env, row.id, status, outcome, retryMs);
  } catch (error) {
    // It may have been sent: the row stays claimed, and the schedule parks it.
    log("error", "account_mail_unsettled", { mail: row.id, status, error });
    return { result: "unsettled", retryMs: null };
  }
  return { result: status, retryMs };
}

async function settle(
  env: Env,
  id: string,
  status: string,
  outcome: SendOutcome,
  retryMs: number | null,
): Promise<void> {
  const now = Date.now();
  const reason = outcome.kind === "sent" ? null : outcome.reason;
  await env.DB.prepare(
    "UPDATE account_mails SET status = ?, reason = ?, due_at = ?, sent_at = ? WHERE id = ? AND status = 'sending'",
  )
    .bind(status, reason, retryMs === null ? null : now + retryMs, outcome.kind === "sent" ? now : null, id)
    .run();
}

async function deliver(env: Env, config: Config, row: Row, now: number): Promise<SendOutcome> {
  const refused = (reason: string): SendOutcome => ({ kind: "refused", reason, retryable: false });
  if (row.expires_at <= now) return refused("expired");
  // The test of a template goes the way that the store's messages go.
  const own = row.kind === "template_test" && row.store_id ? await ownWayOf(env, config, row.store_id) : null;
  const provider = own?.provider ?? accountMailProvider(env, config);
  let composed: Composed | null;
  try {
    composed = await compose(env, config, row);
  } catch (error) {
    return { kind: "refused", reason: `template: ${messageOf(error)}`, retryable: true };
  }
  if (!composed) return refused("what it is about is gone");
  // Locally it is kept as it is, and rendered for whoever reads it.
  if (!provider) return readableHere(config) ? { kind: "sent" } : refused("no mail provider is configured");
  return provider.send({
    channel: "email",
    deliveryId: row.id,
    from: { name: own?.from?.name ?? composed.from, email: own?.from?.email ?? config.EMAIL_FROM },
    to: row.recipient,
    ...composed.parts,
    headers: { "Auto-Submitted": "auto-generated" },
    ...NO_DELIVERY,
  });
}

/** What only deliveries have. */
const NO_DELIVERY = { storeId: "", shopperId: "", recoveryUrl: "", unsubscribeUrl: "" };

/** A mail as it goes out, and whose name it bears. */
export interface Composed {
  from: string;
  parts: Rendered;
}

/** The mail as it is now; `null` when the account or the template that it is about is gone. */
async function compose(env: Env, config: Config, row: Row): Promise<Composed | null> {
  if (row.kind === "template_test") return composeTest(env, row.store_id ?? "", JSON.parse(row.data));
  const mail = { kind: row.kind, data: JSON.parse(row.data) } as AccountMailOf;
  const path = await linkOf(env, config, row, mail);
  if (path === null) return null;
  const base = config.PUBLIC_URL || mail.data.base;
  return { from: "Cartwake", parts: await renderAccountMail(mail, base.replace(/\/$/, "") + path, row.created_at) };
}

async function linkOf(env: Env, { AUTH_SECRET }: Config, row: Row, mail: AccountMailOf): Promise<string | null> {
  if (mail.kind === "password_reset") {
    const user = await env.DB.prepare("SELECT password_hash FROM users WHERE id = ?")
      .bind(row.user_id)
      .first<{ password_hash: string }>();
    return user && `/app/#/reset/${await signAccountLink("password_reset", row.id, user.password_hash, AUTH_SECRET)}`;
  }
  if (mail.kind === "invitation") {
    const { invitationId } = mail.data;
    return `/app/#/invitation/${await signAccountLink("invitation", invitationId, row.recipient, AUTH_SECRET)}`;
  }
  return LOGIN_PATH;
}

const MAX_SHOWN = 50;

/** Whoever reads these mails can take over accounts: only on a machine that sends none. */
const readableHere = ({ ENVIRONMENT, EMAIL_PROVIDER }: Config): boolean =>
  EMAIL_PROVIDER === "outbox" && (ENVIRONMENT === "local" || ENVIRONMENT === "test");

/** `GET /local/mails`: the mails about accounts that a local server would have sent; `null` anywhere else. */
export async function localMails(env: Env): Promise<Response | null> {
  const config = parseConfig(env);
  if (!readableHere(config)) return null;
  const { results } = await env.DB.prepare(
    "SELECT * FROM account_mails WHERE status = 'sent' ORDER BY sent_at DESC, id LIMIT ?",
  )
    .bind(MAX_SHOWN)
    .all<Row>();
  const items = await Promise.all(
    results.map(async (row) => {
      const composed = await compose(env, config, row);
      return (
        composed && { id: row.id, to: row.recipient, ...composed.parts, sentAt: iso(row.sent_at ?? row.created_at) }
      );
    }),
  );
  return json({ items: items.filter((item) => item !== null) });
}
