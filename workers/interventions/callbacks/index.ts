/**
 * What providers report of messages: read once it is authentic, then told to the cart's ledger and, when the shopper must
 * not be written to again, to their arbiter. Both only move forward, so that a repeat changes nothing.
 */
import { cartStub, shopperStub } from "../../../objects/stubs.ts";
import { parseConfig } from "../../../shared/config.ts";
import { opened, type ProviderRow } from "../../../shared/db/providers.ts";
import { isReplyKnown, rememberReply, shoppersAt } from "../../../shared/db/sms-numbers.ts";
import { AppError } from "../../../shared/errors.ts";
import { readText } from "../../../shared/http.ts";
import { shopperIdOf } from "../../../shared/ids.ts";
import { log } from "../../../shared/log.ts";
import type { MessageChannel } from "../../../shared/policy/rules.ts";
import type { Setup } from "../../../shared/providers.ts";
import { callActor } from "../../../shared/retry.ts";
import type { Env } from "../../env.ts";
import { anonymous } from "../providers/api.ts";
import { callbackUrlOf } from "../route.ts";
import type { CallbackEvent, DeliveryEvent, NumberEvent, Reader } from "./callback.ts";
import { mailgunReader } from "./mailgun.ts";
import { onesignalReader } from "./onesignal.ts";
import { postmarkReader } from "./postmark.ts";
import { resendReader } from "./resend.ts";
import { sendgridReader } from "./sendgrid.ts";
import { sesReader } from "./ses.ts";
import { twilioReader } from "./twilio.ts";

/** SendGrid's batches are the longest. */
const MAX_BODY = 1024 * 1024;
/** Deliveries looked up by one query, and told at once. */
const CHUNK = 50;
/** The sender still waits for the provider's answer, or for the ledger's. */
const RETRY_SECONDS = "30";

/** Who reports nothing is not believed. */
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
    case "twilio":
      return twilioReader(setup.settings, setup.credentials);
    case "onesignal":
      return onesignalReader(setup.credentials);
    default:
      return async () => null;
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
  const urls = await addressesOf(request, env, row);
  const events = await readerOf(setup)({ headers: request.headers, body, now: Date.now(), urls });
  if (!events) throw forged;
  const results = await applied(env, row, events);
  log("info", "callback", { provider: row.id, kind, storeId: row.store_id, ...tally(results) });
  if (results.includes("early"))
    throw new AppError("SERVICE_UNAVAILABLE", "The message is just being sent: come again.").with({
      "retry-after": RETRY_SECONDS,
    });
  return events.length;
}

/** What Twilio signs is the address that it knows: behind a proxy another than the request's, and perhaps with a port. */
async function addressesOf(request: Request, env: Env, row: ProviderRow): Promise<string[]> {
  if (row.kind !== "twilio") return [];
  const told = await callbackUrlOf(env, parseConfig(env), row);
  const { search } = new URL(request.url);
  return [request.url, ...(told ? [told + search] : [])].flatMap((url) => [url, withPort(url)]);
}

function withPort(address: string): string {
  const { protocol, host, port, pathname, search } = new URL(address);
  return port ? address : `${protocol}//${host}:${protocol === "https:" ? 443 : 80}${pathname}${search}`;
}

/** `early`: the ledger does not know yet that it was sent. `ignored`: no such delivery, or nothing new. */
type Result = "applied" | "ignored" | "early";

const tally = (results: Result[]): Record<string, number> =>
  Object.fromEntries(Object.entries(Object.groupBy(results, (r) => r)).map(([name, all]) => [name, all.length]));

async function applied(env: Env, row: ProviderRow, events: CallbackEvent[]): Promise<Result[]> {
  const { store_id: storeId, channel } = row;
  const results: Result[] = [];
  for (const event of events) if ("number" in event) results.push(await obey(env, storeId, event));
  const byDelivery = [...Map.groupBy(events.filter(isOfDelivery), (event) => event.deliveryId)];
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
      for (const event of distinct(its))
        all.push(delivery ? await tell(env, storeId, channel, delivery, event) : "ignored");
      return all;
    });
    results.push(...(await Promise.all(told)).flat());
  }
  return results;
}

const isOfDelivery = (event: CallbackEvent): event is DeliveryEvent => "deliveryId" in event;

/** An answer of STOP or START holds for everybody who was written to at this number, and for who is known by it alone. */
async function obey(env: Env, storeId: string, { replyId, number, says }: NumberEvent): Promise<Result> {
  if (await isReplyKnown(env.DB, storeId, replyId)) return "ignored";
  const shoppers = new Set([...(await shoppersAt(env.DB, storeId, number)), shopperIdOf(storeId, number)]);
  for (const shopperId of shoppers)
    await callActor("shopper", () => {
      const shopper = shopperStub(env, storeId, shopperId);
      if (says === "stop") return shopper.suppress("sms", "stop");
      return shopper.consent("sms", { value: "granted", at: Date.now(), source: "shopper", text: "START" });
    });
  // Last: when something above failed, it may come again.
  await rememberReply(env.DB, storeId, replyId, Date.now());
  return "applied";
}

/** However often a batch says the same of a message, it is told once. */
const distinct = (events: DeliveryEvent[]): DeliveryEvent[] => [
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

async function tell(
  env: Env,
  storeId: string,
  channel: MessageChannel,
  delivery: Delivery,
  event: DeliveryEvent,
): Promise<Result> {
  const { suppress, status, recipient } = event;
  if (suppress) {
    const shopperId = recipient ? shopperIdOf(storeId, recipient) : delivery.shopper_id;
    await callActor("shopper", () => shopperStub(env, storeId, shopperId).suppress(channel, suppress));
  }
  if (!status) return "applied";
  const reason = event.reason && anonymous(event.reason);
  const reported = await callActor("cart", () =>
    cartStub(env, storeId, delivery.cart_id).report(delivery.id, status, reason),
  );
  if (reported.ok && status === "clicked")
    await callActor("shopper", () => shopperStub(env, storeId, delivery.shopper_id).answered(channel, delivery.id));
  if (reported.ok) return "applied";
  return reported.reason === "not_settled" ? "early" : "ignored";
}
