/**
 * Queue `interventions`: one due effect at a time. A command is a hint; what is true now is asked of the actors:
 * prospect → Route.enter (Breaker) → Shopper.permit (reserves the cap) → Cart.claim (the point of no return, hands out the live cart)
 * → Shopper.settle (the place under the cap is used, whatever becomes of this process) → render → provider → Cart.settle.
 * A refused claim releases the reservation; a provider that surely did not send frees the used place (Shopper.unsent).
 * While the circuit of every provider is open nothing is promised: the cart holds the effect until it may be tried again, by its
 * own timer, which neither a queue's bound of retries nor its loss can end.
 */
import { cartStub, shopperStub, storeStub } from "../../objects/stubs.ts";
import { signLink } from "../../shared/auth/links.ts";
import { type Config, parseConfig } from "../../shared/config.ts";
import { findTemplate } from "../../shared/db/templates.ts";
import type { AccountMailHint, ClaimedCart, Prospect, SendCommand } from "../../shared/events/messages.ts";
import { stableUnit } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { count, countAges } from "../../shared/metrics.ts";
import { callActor } from "../../shared/retry.ts";
import { contextOf, inLocale, render, type TemplateStore } from "../../shared/templates.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { traceIdOf } from "../../shared/trace.ts";
import type { Env } from "../env.ts";
import { consumeAccountMail } from "./account-mails.ts";
import { type Mail, messageOf, type SendOutcome } from "./providers/provider.ts";
import { type Carried, NO_PROVIDER, Route, waysOf } from "./route.ts";

/** Messages held back by the same open circuit come back spread over this. */
const SPREAD_MS = 5 * SECOND_MS;

export async function consumeInterventions(
  batch: MessageBatch<SendCommand | AccountMailHint>,
  env: Env,
): Promise<void> {
  countAges("interventions", batch.messages, Date.now());
  await Promise.all(
    batch.messages.map(async (message) => {
      if ("kind" in message.body) return consumeAccountMail(message, message.body.id, env);
      const { storeId, cartId, effectId, traceparent } = message.body;
      const fields = { storeId, cart: cartId, effect: effectId, traceId: traceIdOf(traceparent) };
      try {
        log("info", "intervention", { ...fields, result: await send(message.body, env) });
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
export async function send(command: SendCommand, env: Env): Promise<string> {
  const { storeId, cartId, effectId } = command;
  const asked = await callActor("cart", () => cartStub(env, storeId, cartId).prospect(effectId));
  if (!asked.ok) return asked.reason;
  const ways = await waysOf(env, parseConfig(env), storeId, "email");
  if (ways.length === 0) {
    await cartStub(env, storeId, cartId).hold(effectId, NO_PROVIDER, null);
    return NO_PROVIDER;
  }
  const route = await Route.enter(env, storeId, ways);
  if (route.until !== null) {
    const until = route.until + Math.round(SPREAD_MS * stableUnit(`${cartId}/${effectId}`));
    await cartStub(env, storeId, cartId).hold(effectId, "provider_unavailable", until);
    return "provider_unavailable";
  }
  try {
    return await sendBy(route, command, asked.value, env);
  } finally {
    await route.leave();
  }
}

async function sendBy(route: Route, command: SendCommand, prospect: Prospect, env: Env): Promise<string> {
  const { storeId, cartId, effectId } = command;
  const [rules, settings] = await Promise.all([
    callActor("store", () => storeStub(env, storeId).rules()),
    callActor("store", () => storeStub(env, storeId).settings()),
  ]);
  if (!settings.ok) return "no_store";
  const cart = cartStub(env, storeId, cartId);
  const shopper = shopperStub(env, storeId, prospect.shopperId);
  const permit = await shopper.permit(prospect, rules);
  if (!permit.granted) {
    await cart.hold(effectId, permit.reason, permit.until);
    return permit.reason;
  }
  const { provider, account } = route.way;
  const claim = await cart.claim(effectId, provider.name, route.resumable, account, permit.channel);
  if (!claim.ok) {
    if (!claim.reason.startsWith("already_")) await shopper.release(prospect.deliveryId);
    return claim.reason;
  }
  const unplaced = await takePlace(shopper, prospect.deliveryId);
  const carried = unplaced
    ? { outcome: unplaced, provider: provider.name }
    : await deliver(env, route, claim.value, settings.value, command);
  const { outcome } = carried;
  // The provider honours the key: the cart hands the effect over again, and asking twice sends once.
  if (outcome.kind === "unknown" && route.resumable) return "unanswered";
  const settled = await cart.settle(effectId, { ...outcome, provider: carried.provider });
  if (outcome.kind === "refused") await shopper.unsent(prospect.deliveryId);
  return settled.ok ? settled.value : settled.reason;
}

/** Uses the place under the cap before the provider is asked. When that fails nothing was sent: it is tried again. */
async function takePlace(shopper: ReturnType<typeof shopperStub>, deliveryId: string): Promise<SendOutcome | null> {
  try {
    await shopper.settle(deliveryId);
    return null;
  } catch (error) {
    return { kind: "refused", reason: `shopper: ${messageOf(error)}`, retryable: true };
  }
}

async function deliver(
  env: Env,
  route: Route,
  claimed: ClaimedCart,
  store: TemplateStore & { baseUrl: string },
  { storeId, traceparent }: SendCommand,
): Promise<Carried> {
  let mail: Mail;
  try {
    mail = await compose(env, parseConfig(env), claimed, store, storeId);
  } catch (error) {
    const outcome: SendOutcome = { kind: "refused", reason: `template: ${messageOf(error)}`, retryable: false };
    return { outcome, provider: route.way.provider.name };
  }
  return route.carry({ ...mail, traceparent });
}

/** The message, from the cart as it is at this moment. */
async function compose(
  env: Env,
  config: Config,
  claimed: ClaimedCart,
  store: TemplateStore & { baseUrl: string },
  storeId: string,
): Promise<Mail> {
  const base = config.PUBLIC_URL || store.baseUrl || new URL(store.url).origin;
  const at = Date.now();
  const { cartId, generation, deliveryId, shopperId } = claimed;
  const { parts, locale } = inLocale(
    await findTemplate(env.DB, storeId, claimed.templateId, claimed.channel),
    claimed.locale,
  );
  const recovery = await signLink(
    { kind: "r", store: storeId, cart: cartId, generation, delivery: deliveryId, at },
    config.LINK_SECRET,
  );
  const unsubscribe = await signLink(
    { kind: "u", store: storeId, shopper: shopperId, channel: "email", at, locale },
    config.LINK_SECRET,
  );
  const recoveryUrl = `${base}/r/${recovery}`;
  const unsubscribeUrl = `${base}/u/${unsubscribe}`;
  const context = contextOf(claimed, store, { recovery: recoveryUrl, unsubscribe: unsubscribeUrl }, locale);
  return {
    channel: "email",
    storeId,
    shopperId,
    deliveryId,
    from: { name: store.name.replace(/["\r\n\\]/g, ""), email: config.EMAIL_FROM },
    to: claimed.email ?? "",
    ...(await render(parts, context)),
    recoveryUrl,
    unsubscribeUrl,
    headers: { "List-Unsubscribe": `<${unsubscribeUrl}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" },
  };
}
