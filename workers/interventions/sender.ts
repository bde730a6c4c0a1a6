/**
 * Queue `interventions`: one due effect at a time. A command is a hint; what is true now is asked of the actors:
 * prospect → Shopper.permit (reserves the cap) → Cart.claim (the point of no return, hands out the live cart)
 * → Shopper.settle (the place under the cap is used, whatever becomes of this process) → render → provider → Cart.settle.
 * A refused claim releases the reservation; a provider that surely did not send frees the used place (Shopper.unsent).
 */
import { cartStub, shopperStub, storeStub } from "../../objects/stubs.ts";
import { signLink } from "../../shared/auth/links.ts";
import { type Config, parseConfig } from "../../shared/config.ts";
import { findTemplate } from "../../shared/db/templates.ts";
import type { AccountMailHint, ClaimedCart, SendCommand } from "../../shared/events/messages.ts";
import { log } from "../../shared/log.ts";
import { contextOf, render } from "../../shared/templates.ts";
import type { Env } from "../env.ts";
import { consumeAccountMail } from "./account-mails.ts";
import { emailProvider } from "./providers/index.ts";
import { type Mail, messageOf, type Provider } from "./providers/provider.ts";

export async function consumeInterventions(
  batch: MessageBatch<SendCommand | AccountMailHint>,
  env: Env,
): Promise<void> {
  await Promise.all(
    batch.messages.map(async (message) => {
      if ("kind" in message.body) return consumeAccountMail(message, message.body.id, env);
      try {
        const result = await send(message.body, env);
        log("info", "intervention", {
          storeId: message.body.storeId,
          cart: message.body.cartId,
          effect: message.body.effectId,
          result,
        });
        message.ack();
      } catch (error) {
        log("warn", "intervention_failed", { storeId: message.body.storeId, cart: message.body.cartId, error });
        message.retry({ delaySeconds: Math.min(300, 5 * 2 ** message.attempts) });
      }
    }),
  );
}

/** Carries one command out; returns what became of it. Throws only before the claim, when nothing was promised yet. */
export async function send(command: SendCommand, env: Env): Promise<string> {
  const { storeId, cartId, effectId } = command;
  const config = parseConfig(env);
  const cart = cartStub(env, storeId, cartId);
  const asked = await cart.prospect(effectId);
  if (!asked.ok) return asked.reason;
  const store = storeStub(env, storeId);
  const [rules, settings] = await Promise.all([store.rules(), store.settings()]);
  if (!settings.ok) return "no_store";
  const prospect = asked.value;
  const shopper = shopperStub(env, storeId, prospect.shopperId);
  const permit = await shopper.permit(prospect, rules);
  if (!permit.granted) {
    await cart.hold(effectId, permit.reason, permit.until);
    return permit.reason;
  }
  const provider = emailProvider(env, config);
  const claim = await cart.claim(effectId, provider.name, provider.resumable);
  if (!claim.ok) {
    if (!claim.reason.startsWith("already_")) await shopper.release(prospect.deliveryId);
    return claim.reason;
  }
  const outcome =
    (await takePlace(shopper, prospect.deliveryId)) ??
    (await deliver(env, config, provider, claim.value, settings.value, storeId));
  // The provider honours the key: the cart hands the effect over again, and asking twice sends once.
  if (outcome.kind === "unknown" && provider.resumable) return "unanswered";
  const settled = await cart.settle(effectId, { ...outcome, provider: provider.name });
  if (outcome.kind === "refused") await shopper.unsent(prospect.deliveryId);
  return settled.ok ? settled.value : settled.reason;
}

type Outcome = Awaited<ReturnType<Provider["send"]>>;

/** Uses the place under the cap before the provider is asked. When that fails nothing was sent: it is tried again. */
async function takePlace(shopper: ReturnType<typeof shopperStub>, deliveryId: string): Promise<Outcome | null> {
  try {
    await shopper.settle(deliveryId);
    return null;
  } catch (error) {
    return { kind: "refused", reason: `shopper: ${messageOf(error)}`, retryable: true };
  }
}

async function deliver(
  env: Env,
  config: Config,
  provider: Provider,
  claimed: ClaimedCart,
  store: { name: string; url: string; baseUrl: string },
  storeId: string,
): Promise<Outcome> {
  let mail: Mail;
  try {
    mail = await compose(env, config, claimed, store, storeId);
  } catch (error) {
    return { kind: "refused", reason: `template: ${messageOf(error)}`, retryable: false };
  }
  return provider.send(mail);
}

/** The message, from the cart as it is at this moment. */
async function compose(
  env: Env,
  config: Config,
  claimed: ClaimedCart,
  store: { name: string; url: string; baseUrl: string },
  storeId: string,
): Promise<Mail> {
  const base = config.PUBLIC_URL || store.baseUrl || new URL(store.url).origin;
  const at = Date.now();
  const { cartId, generation, deliveryId, shopperId } = claimed;
  const recovery = await signLink(
    { kind: "r", store: storeId, cart: cartId, generation, delivery: deliveryId, at },
    config.LINK_SECRET,
  );
  const unsubscribe = await signLink(
    { kind: "u", store: storeId, shopper: shopperId, channel: "email", at },
    config.LINK_SECRET,
  );
  const recoveryUrl = `${base}/r/${recovery}`;
  const unsubscribeUrl = `${base}/u/${unsubscribe}`;
  const template = await findTemplate(env.DB, storeId, claimed.templateId);
  const context = contextOf(
    claimed,
    { name: store.name, url: store.url },
    { recovery: recoveryUrl, unsubscribe: unsubscribeUrl },
  );
  return {
    storeId,
    deliveryId,
    from: { name: store.name.replace(/["\r\n\\]/g, ""), email: config.EMAIL_FROM },
    to: claimed.email,
    ...(await render(template, context)),
    recoveryUrl,
    unsubscribeUrl,
    headers: { "List-Unsubscribe": `<${unsubscribeUrl}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" },
  };
}
