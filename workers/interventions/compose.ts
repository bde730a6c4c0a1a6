/** A claimed cart as a message of its channel, rendered from the cart as it is at this moment. */
import { storeStub } from "../../objects/stubs.ts";
import { signLink } from "../../shared/auth/links.ts";
import type { Config } from "../../shared/config.ts";
import { shortenLink } from "../../shared/db/short-links.ts";
import type { ClaimedCart, IssuedCoupon } from "../../shared/events/messages.ts";
import { fitted } from "../../shared/message-limits.ts";
import { callActor } from "../../shared/retry.ts";
import {
  contextOf,
  inLocale,
  needsCoupon,
  type Parts,
  render,
  type Template,
  type TemplateStore,
  usesCoupon,
} from "../../shared/templates.ts";
import { DAY_MS, SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import type { Lookups } from "./lookups.ts";
import type { DeliveryMessage } from "./providers/provider.ts";

/** What a push message says of a cart is stale by the next day. */
const PUSH_TTL_SECONDS = DAY_MS / SECOND_MS;

/** As much of the store's settings as a message shows. */
export interface MessageStore extends TemplateStore {
  baseUrl: string;
}

/** What a message is made of, besides the cart. */
export interface Materials {
  template: Template;
  links: { recovery: string; unsubscribe: string };
  coupon: IssuedCoupon | null;
}

/** Reads and reserves what the message needs. When it throws nothing is wrong with the message: it may be tried again. */
export async function gather(
  env: Env,
  config: Config,
  claimed: ClaimedCart,
  store: MessageStore,
  storeId: string,
  lookups: Lookups,
): Promise<Materials> {
  const template = await lookups.template(storeId, claimed);
  const { parts, locale } = inLocale(template, claimed.locale);
  const links = await linksOf(env, config, claimed, store, storeId, locale);
  const coupon = claimed.coupon && speaksOfCoupon(parts) ? await couponFor(env, claimed, storeId) : null;
  return { template, links, coupon };
}

/** A code that the message does not show is not taken from the budget. What cannot be read is `compose`'s to refuse. */
function speaksOfCoupon(parts: Parts): boolean {
  try {
    return usesCoupon(parts);
  } catch {
    return false;
  }
}

/** Throws when it cannot be written: a broken template, or one that gives away a coupon of which none is left. */
export async function compose(
  config: Config,
  claimed: ClaimedCart,
  store: MessageStore,
  storeId: string,
  { template, links, coupon }: Materials,
): Promise<DeliveryMessage> {
  const { channel, deliveryId, shopperId } = claimed;
  const { parts, locale } = inLocale(template, claimed.locale);
  if (claimed.coupon && !coupon && needsCoupon(parts)) throw new Error("no coupon is left of the step's budget");
  const context = contextOf(claimed, store, links, locale, coupon);
  const { subject, html, text } = fitted(channel, await render(parts, context));
  const part = { storeId, shopperId, deliveryId, recoveryUrl: links.recovery, unsubscribeUrl: links.unsubscribe };
  if (channel === "sms") return { ...part, channel, to: claimed.phone ?? "", text };
  if (channel === "push") {
    if (!claimed.push) throw new Error("no device to push to");
    const imageUrl = context.cart.items[0]?.image_url ?? null;
    const message = { title: subject, body: text, url: links.recovery, imageUrl, ttlSeconds: PUSH_TTL_SECONDS };
    return { ...part, channel, target: claimed.push, ...message };
  }
  return {
    ...part,
    channel,
    from: { name: store.name.replace(/["\r\n\\]/g, ""), email: config.EMAIL_FROM },
    to: claimed.email ?? "",
    subject,
    html,
    text,
    headers: { "List-Unsubscribe": `<${links.unsubscribe}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" },
  };
}

/** An SMS is paid by its length: the link back is a short one, of a row of its own. */
async function linksOf(
  env: Env,
  config: Config,
  { cartId, generation, deliveryId, shopperId, channel }: ClaimedCart,
  store: MessageStore,
  storeId: string,
  locale: string,
): Promise<{ recovery: string; unsubscribe: string }> {
  const base = config.PUBLIC_URL || store.baseUrl || new URL(store.url).origin;
  const at = Date.now();
  const claims = { store: storeId, cart: cartId, generation, delivery: deliveryId, at };
  const [recovery, unsubscribe] = await Promise.all([
    channel === "sms"
      ? shortenLink(env.DB, claims, config.LINK_SECRET)
      : signLink({ kind: "r", ...claims }, config.LINK_SECRET),
    signLink({ kind: "u", store: storeId, shopper: shopperId, channel, at, locale }, config.LINK_SECRET),
  ]);
  return { recovery: `${base}/r/${recovery}`, unsubscribe: `${base}/u/${unsubscribe}` };
}

/** The code that this cart's step gives away: the same one however often it is asked for; `null`: none, or none left. */
async function couponFor(env: Env, claimed: ClaimedCart, storeId: string): Promise<IssuedCoupon | null> {
  const { coupon, campaignId, stepId, cartId, generation, shopperId } = claimed;
  if (!coupon) return null;
  const ask = { campaignId, stepId, cartId, generation, shopperId, coupon };
  const issued = await callActor("store", () => storeStub(env, storeId).issueCoupon(ask));
  return issued.ok ? issued.value : null;
}
