/**
 * What providers report of messages: read once it is authentic, then told to the cart's ledger and, when the shopper must
 * not be written to again, to their arbiter. Both only move forward, so that a repeat changes nothing.
 */
import { cartStub, shopperStub } from "../../../objects/stubs.ts";
import { parseConfig } from "../../../shared/config.ts";
import { opened, type ProviderRow } from "../../../shared/db/providers.ts";
import { AppError } from "../../../shared/errors.ts";
import { readText } from "../../../shared/http.ts";
import { shopperIdOf } from "../../../shared/ids.ts";
import { log } from "../../../shared/log.ts";
import type { Setup } from "../../../shared/providers.ts";
import { callActor } from "../../../shared/retry.ts";
import type { Env } from "../../env.ts";
import { anonymous } from "../providers/mail-api.ts";
import type { MailEvent, Reader } from "./callback.ts";
import { mailgunReader } from "./mailgun.ts";
import { postmarkReader } from "./postmark.ts";
import { resendReader } from "./resend.ts";
import { sendgridReader } from "./sendgrid.ts";
import { sesReader } from "./ses.ts";

/** SendGrid's batches are the longest. */
const MAX_BODY = 1024 * 1024;
/** Deliveries looked up by one query, and told at once. */
const CHUNK = 50;
/** The sender still waits for the provider's answer, or for the ledger's. */
const RETRY_SECONDS = "30";

function readerOf(setup: Setup): Reader {
  switch (setup.kind) {
    case "sendgrid":
      return sendgridReader(setup.settings);
    case "postmark":
      return postmarkReader(setup.credentials);
    case "resend":
      return resendReader(setup.credentials);
    case "ses":
      return sesReader(setup.settings);
    case "mailgun":
      return mailgunReader(setup.credentials);
  }
}

/** How many events were read. 401 for what is not authentic, or for a provider that nobody has. */
export async function receiveCallback(request: Request, env: Env, kind: string, providerId: string): Promise<number> {
  const forged = new AppError("UNAUTHORIZED", "This callback is not authentic.");
  const row = await env.DB.prepare("SELECT * FROM providers WHERE id = ? AND kind = ?")
    .bind(providerId, kind)
    .first<ProviderRow>();
  const setup = row && (await opened(row, parseConfig(env).AUTH_SECRET));
  if (!row || !setup) throw forged;
  const body = await readText(request, MAX_BODY);
  const events = await readerOf(setup)({ headers: request.headers, body, now: Date.now() });
  if (!events) throw forged;
  const results = await applied(env, row.store_id, events);
  log("info", "callback", { provider: row.id, kind, storeId: row.store_id, ...tally(results) });
  if (results.includes("early"))
    throw new AppError("SERVICE_UNAVAILABLE", "The message is just being sent: come again.").with({
      "retry-after": RETRY_SECONDS,
    });
  return events.length;
}

/** `early`: the ledger does not know yet that it was sent. `ignored`: no such delivery, or nothing new. */
type Result = "applied" | "ignored" | "early";

const tally = (results: Result[]): Record<string, number> =>
  Object.fromEntries(Object.entries(Object.groupBy(results, (r) => r)).map(([name, all]) => [name, all.length]));

async function applied(env: Env, storeId: string, events: MailEvent[]): Promise<Result[]> {
  const byDelivery = [...Map.groupBy(events, (event) => event.deliveryId)];
  const results: Result[] = [];
  for (let at = 0; at < byDelivery.length; at += CHUNK) {
    const chunk = byDelivery.slice(at, at + CHUNK);
    const known = await deliveriesOf(
      env,
      storeId,
      chunk.map(([id]) => id),
    );
    const told = chunk.map(async ([id, its]) => {
      const delivery = known.get(id);
      const all: Result[] = [];
      for (const event of distinct(its)) all.push(delivery ? await tell(env, storeId, delivery, event) : "ignored");
      return all;
    });
    results.push(...(await Promise.all(told)).flat());
  }
  return results;
}

/** However often a batch says the same of a message, it is told once. */
const distinct = (events: MailEvent[]): MailEvent[] => [
  ...new Map(events.map((event) => [`${event.status} ${event.suppress} ${event.recipient}`, event])).values(),
];

interface Delivery {
  id: string;
  cart_id: string;
  shopper_id: string;
}

async function deliveriesOf(env: Env, storeId: string, ids: string[]): Promise<Map<string, Delivery>> {
  const { results } = await env.DB.prepare(
    `SELECT id, cart_id, shopper_id FROM deliveries WHERE store_id = ? AND id IN (${ids.map(() => "?").join(", ")})`,
  )
    .bind(storeId, ...ids)
    .all<Delivery>();
  return new Map(results.map((row) => [row.id, row]));
}

async function tell(env: Env, storeId: string, delivery: Delivery, event: MailEvent): Promise<Result> {
  const { suppress, status, recipient } = event;
  if (suppress) {
    const shopperId = recipient ? shopperIdOf(storeId, recipient) : delivery.shopper_id;
    await callActor("shopper", () => shopperStub(env, storeId, shopperId).suppress("email", suppress));
  }
  if (!status) return "applied";
  const reason = event.reason && anonymous(event.reason);
  const reported = await callActor("cart", () =>
    cartStub(env, storeId, delivery.cart_id).report(delivery.id, status, reason),
  );
  if (reported.ok) return "applied";
  return reported.reason === "not_settled" ? "early" : "ignored";
}
