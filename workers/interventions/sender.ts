/**
 * Queue `interventions`: one due effect at a time. A command is a hint; what is true now is asked of the actors:
 * prospect → Shopper.permit (chooses the channel, reserves the cap) → Route.enter (Breaker) → Cart.claim (the point of no
 * return, hands out the live cart) → Shopper.settle (the place under the cap is used, whatever becomes of this process) →
 * compose → provider → Cart.settle.
 * A refused claim releases the reservation; a provider that surely did not send frees the used place (Shopper.unsent).
 * While the circuit of every provider is open nothing is promised: the cart holds the effect until it may be tried again, by its
 * own timer, which neither a queue's bound of retries nor its loss can end.
 */
import { cartStub, shopperStub, storeStub } from "../../objects/stubs.ts";
import { parseConfig } from "../../shared/config.ts";
import type { AccountMailHint, ClaimedCart, Permit, Prospect, SendCommand } from "../../shared/events/messages.ts";
import { isAnonymous, shopperIdOf, stableUnit, visitorShopperId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { count, countAges } from "../../shared/metrics.ts";
import type { MessageChannel, Rules } from "../../shared/policy/rules.ts";
import { callActor } from "../../shared/retry.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { traceIdOf } from "../../shared/trace.ts";
import type { Env } from "../env.ts";
import { consumeAccountMail } from "./account-mails.ts";
import { compose, gather, type Materials, type MessageStore } from "./compose.ts";
import { Lookups } from "./lookups.ts";
import { type DeliveryMessage, messageOf, type SendOutcome } from "./providers/provider.ts";
import { type Carried, NO_PROVIDER, Route, type Way } from "./route.ts";

/** Messages held back by the same open circuit come back spread over this. */
const SPREAD_MS = 5 * SECOND_MS;
/** While the store's order signal is lost messages look again this often. */
const PAUSE_MS = 15 * MINUTE_MS;

export async function consumeInterventions(
  batch: MessageBatch<SendCommand | AccountMailHint>,
  env: Env,
): Promise<void> {
  countAges("interventions", batch.messages, Date.now());
  const lookups = new Lookups(env);
  await Promise.all(
    batch.messages.map(async (message) => {
      if ("kind" in message.body) return consumeAccountMail(message, message.body.id, env);
      const { storeId, cartId, effectId, traceparent } = message.body;
      const fields = { storeId, cart: cartId, effect: effectId, traceId: traceIdOf(traceparent) };
      try {
        log("info", "intervention", { ...fields, result: await send(message.body, env, lookups) });
        message.ack();
      } catch (error) {
        log("warn", "intervention_failed", { ...fields, error });
        count("cartwake_queue_retries_total", { queue: "interventions" });
        message.retry({ delaySeconds: Math.min(300, 5 * 2 ** message.attempts) });
      }
    }),
  );
}

/** Carries one command out; returns what became of it. Throws only before the claim, when nothing was promised yet. */
export async function send(command: SendCommand, env: Env, lookups = new Lookups(env)): Promise<string> {
  const { storeId, cartId, effectId } = command;
  const cart = cartStub(env, storeId, cartId);
  const hold = async (reason: string, until: number | null): Promise<string> => {
    await cart.hold(effectId, reason, until);
    return reason;
  };
  const spread = (ms: number): number => Math.round(ms * stableUnit(`${cartId}/${effectId}`));
  const asked = await callActor("cart", () => cartStub(env, storeId, cartId).prospect(effectId));
  if (!asked.ok) return asked.reason;
  const [rules, settings] = await Promise.all([lookups.rules(storeId), lookups.settings(storeId)]);
  if (!settings.ok) return "no_store";
  if (rules.paused) return hold(rules.paused, Date.now() + PAUSE_MS + spread(PAUSE_MS));
  const ways = await waysBy(asked.value, storeId, lookups);
  if (ways.size === 0) return hold(NO_PROVIDER, null);
  const closed = ways.has("sms") ? await closedNumber(env, storeId, asked.value) : null;
  if (closed) ways.delete("sms");
  if (closed && ways.size === 0) return hold(closed, null);
  const prospect = { ...asked.value, channels: [...ways.keys()] };
  const shopper = shopperStub(env, storeId, prospect.shopperId);
  const permit = await permitted(env, storeId, prospect, rules);
  if (!permit.granted) return hold(permit.reason, permit.until);
  /** Not now after all: the reserved place is given back, unless another sender has the message, and the place with it. */
  const giveBack = async (reason: string, until: number): Promise<string> => {
    const held = await cart.hold(effectId, reason, until);
    if (held.ok || !isAnothers(held.reason)) await shopper.release(prospect.deliveryId);
    return reason;
  };
  const admittedAt = Date.now();
  const full = permit.isFirst ? await storeStub(env, storeId).admitFirst(permit.channel) : null;
  if (full !== null) return giveBack("first_messages", full + spread(PAUSE_MS));
  const unsent = (): Promise<void> => giveBackFirst(env, storeId, permit, admittedAt);
  const route = await Route.enter(env, storeId, ways.get(permit.channel) ?? []);
  if (route.until !== null) {
    // A paced provider gave each message a time of its own.
    const apart = route.reason === "provider_rate" ? 0 : spread(SPREAD_MS);
    await unsent();
    return giveBack(route.reason, route.until + apart);
  }
  try {
    const means = { store: settings.value, env, lookups };
    const { result, isUnsent } = await sendBy(route, command, prospect, permit, means);
    if (isUnsent) await unsent();
    return result;
  } finally {
    await route.leave();
  }
}

/** By which of its channels somebody can send it, and how; in the order in which they are preferred. */
async function waysBy(
  { channels, push }: Prospect,
  storeId: string,
  lookups: Lookups,
): Promise<Map<MessageChannel, Way[]>> {
  const found = await Promise.all(
    channels.map((channel) => lookups.ways(storeId, channel, channel === "push" ? push : null)),
  );
  return new Map(channels.map((channel, i) => [channel, found[i]!] as const).filter(([, ways]) => ways.length > 0));
}

/**
 * Why nobody is written to at this number: who answered STOP there has no other name, and anybody may put the number beside
 * another mail address. `null`: nothing is known against it, or the shopper's own arbiter is the number's.
 */
async function closedNumber(env: Env, storeId: string, { phone, shopperId }: Prospect): Promise<string | null> {
  const itself = phone && shopperIdOf(storeId, phone);
  if (!itself || itself === shopperId) return null;
  const { suppressed } = await callActor("shopper", () => shopperStub(env, storeId, itself).profile());
  return suppressed.sms ? `suppressed_${suppressed.sms.reason}` : null;
}

/**
 * The arbiter's word. A shopper whose browser it has not met may have a past as an anonymous visitor: that is united with
 * theirs first. When the sender dies in between, the next hand-over does it again.
 */
async function permitted(env: Env, storeId: string, prospect: Prospect, rules: Rules): Promise<Permit> {
  const { shopperId, visitorId } = prospect;
  const answer = await shopperStub(env, storeId, shopperId).permit(prospect, rules);
  if (answer.granted || answer.reason !== "new_visitor" || visitorId === null || isAnonymous(shopperId)) return answer;
  const moved = await shopperStub(env, storeId, visitorShopperId(visitorId)).mergeInto(shopperId);
  if (moved.ok && moved.value === "moving") throw new Error("the visitor's past is still on its way");
  return shopperStub(env, storeId, shopperId).permit(prospect, rules, true);
}

type Granted = Extract<Permit, { granted: true }>;

/** Another sender has it, or had: the place is theirs. What was cancelled or given up needs none. */
const isAnothers = (reason: string): boolean =>
  reason.startsWith("already_") && !["already_cancelled", "already_suppressed", "already_failed"].includes(reason);

/** What a message is made with. */
interface Means {
  env: Env;
  store: MessageStore;
  lookups: Lookups;
}

async function sendBy(
  route: Route,
  command: SendCommand,
  prospect: Prospect,
  { channel, consentedAt }: Granted,
  means: Means,
): Promise<{ result: string; isUnsent: boolean }> {
  const { storeId, cartId, effectId } = command;
  const { env } = means;
  const cart = cartStub(env, storeId, cartId);
  const shopper = shopperStub(env, storeId, prospect.shopperId);
  const { provider, account } = route.way;
  const claim = await cart.claim(effectId, provider.name, route.resumable, account, channel, consentedAt);
  if (!claim.ok) {
    if (!isAnothers(claim.reason)) await shopper.release(prospect.deliveryId);
    return { result: claim.reason, isUnsent: true };
  }
  const unplaced = await takePlace(shopper, prospect.deliveryId, claim.value.claimedAt);
  const carried = unplaced
    ? { outcome: unplaced, provider: provider.name }
    : await deliver(route, claim.value, command, means);
  const { outcome } = carried;
  // The provider honours the key: the cart hands the effect over again, and asking twice sends once.
  if (outcome.kind === "unknown" && route.resumable) return { result: "unanswered", isUnsent: false };
  const settled = await cart.settle(effectId, { ...outcome, provider: carried.provider });
  // After an unanswered call of the same key nobody knows that nothing was sent.
  const isUnsent = outcome.kind === "refused" && !claim.value.repeated;
  if (isUnsent) await shopper.unsent(prospect.deliveryId, claim.value.claimedAt);
  return { result: settled.ok ? settled.value : settled.reason, isUnsent };
}

/** Of the hour's first messages; when it cannot be told, one fewer goes out in it. */
async function giveBackFirst(env: Env, storeId: string, permit: Granted, admittedAt: number): Promise<void> {
  if (!permit.isFirst) return;
  try {
    await storeStub(env, storeId).giveBackFirst(permit.channel, admittedAt);
  } catch (error) {
    log("warn", "first_message_not_given_back", { storeId, error });
  }
}

/** Uses the place under the cap before the provider is asked. When that fails nothing was sent: it is tried again. */
async function takePlace(
  shopper: ReturnType<typeof shopperStub>,
  deliveryId: string,
  claimedAt: number,
): Promise<SendOutcome | null> {
  try {
    await shopper.settle(deliveryId, claimedAt);
    return null;
  } catch (error) {
    return { kind: "refused", reason: `shopper: ${messageOf(error)}`, retryable: true };
  }
}

async function deliver(
  route: Route,
  claimed: ClaimedCart,
  { storeId, traceparent }: SendCommand,
  { env, store, lookups }: Means,
): Promise<Carried> {
  const provider = route.way.provider.name;
  const refused = (what: string, error: unknown, retryable: boolean): Carried => ({
    outcome: { kind: "refused", reason: `${what}: ${messageOf(error)}`, retryable },
    provider,
  });
  const config = parseConfig(env);
  let materials: Materials;
  try {
    materials = await gather(env, config, claimed, store, storeId, lookups);
  } catch (error) {
    return refused("not ready", error, true);
  }
  let message: DeliveryMessage;
  try {
    message = await compose(config, claimed, store, storeId, materials);
  } catch (error) {
    return refused("template", error, false);
  }
  return route.carry({ ...message, traceparent });
}
