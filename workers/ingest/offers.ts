/**
 * The offers of a beacon's reply: what a cart says is due, in words. An offer that cannot be made is left out and comes
 * again with the next reply; it never fails a beacon, nor holds one up for long.
 */
import { storeStub } from "../../objects/stubs.ts";
import { findTemplate } from "../../shared/db/templates.ts";
import type { CouponAsk, IssuedCoupon, OfferDue } from "../../shared/events/messages.ts";
import { log } from "../../shared/log.ts";
import { fitted } from "../../shared/message-limits.ts";
import { offerWords } from "../../shared/offer-words.ts";
import type { Offer } from "../../shared/offers.ts";
import type { Trigger } from "../../shared/policy/rules.ts";
import type { Result } from "../../shared/result.ts";
import { callActor } from "../../shared/retry.ts";
import { contextOf, inLocale, render, type Template, type TemplateStore, usesCoupon } from "../../shared/templates.ts";
import { iso, SECOND_MS } from "../../shared/time.ts";
import { withTimeout } from "../../shared/timeout.ts";
import type { Env } from "../env.ts";

/** A page shows one at a time: more than this in one reply would only be work. */
const MAX_OFFERS = 4;
/** A beacon that is answered late is sent again. */
const PATIENCE_MS = 3 * SECOND_MS;
/** A changed template or setting reaches pages within this. */
const KEPT_MS = 30 * SECOND_MS;
const MAX_KEPT = 500;

export interface DueIn {
  cartId: string;
  due: OfferDue;
}

export type IssueCoupon = (ask: CouponAsk) => Promise<Result<IssuedCoupon>>;

/** What it is written with: the store's name and addresses, and the words. */
interface Source {
  store: TemplateStore;
  template: Template;
}

type Kept<T> = Map<string, { value: T; until: number }>;
const sources: Kept<Source> = new Map();
/** By cart and step. An offer comes with every reply until it was seen: the store is asked once, also when none is left. */
const coupons: Kept<IssuedCoupon | null> = new Map();

async function keep<T>(kept: Kept<T>, name: string, now: number, make: () => Promise<T>): Promise<T> {
  const known = kept.get(name);
  if (known && known.until > now) return known.value;
  const value = await make();
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value ?? "");
  kept.delete(name);
  kept.set(name, { value, until: now + KEPT_MS });
  return value;
}

export async function offersOf(env: Env, storeId: string, dues: DueIn[], now: number): Promise<Offer[]> {
  const issue: IssueCoupon = (ask) => callActor("store", () => storeStub(env, storeId).issueCoupon(ask));
  const made = dues.slice(0, MAX_OFFERS).map(async (one) => {
    try {
      return await withTimeout(offerOf(env, storeId, one, now, issue), PATIENCE_MS, "an offer took too long");
    } catch (error) {
      log("warn", "offer_failed", { storeId, cart: one.cartId, delivery: one.due.deliveryId, error });
      return null;
    }
  });
  return (await Promise.all(made)).filter((offer) => offer !== null);
}

/** `null`: it speaks of a coupon of which none is left. Throws when it cannot be made now. */
export async function offerOf(
  env: Env,
  storeId: string,
  { cartId, due }: DueIn,
  now: number,
  issue: IssueCoupon,
): Promise<Offer | null> {
  if (due.expiresAt <= now) return null;
  const { store, template } = await sourceOf(env, storeId, due.templateId, due.trigger, now);
  const { parts, locale } = inLocale(template, due.contents.locale);
  const coupon = due.coupon ? await issued(storeId, cartId, due, due.coupon, now, issue) : null;
  if (due.coupon && !coupon && usesCoupon({ ...parts, html: "" })) return null;
  const context = contextOf(due.contents, store, { recovery: store.url, unsubscribe: store.url }, locale, coupon);
  const { subject, text } = fitted("onsite", await render({ ...parts, html: "" }, context));
  const { button, dismiss, copy, copied, validUntil } = offerWords(locale, due.trigger);
  return {
    id: due.deliveryId,
    cartId,
    trigger: due.trigger,
    locale,
    headline: subject,
    text,
    button,
    dismiss,
    imageUrl: context.cart.items[0]?.image_url ?? null,
    coupon: coupon && {
      code: coupon.code,
      kind: coupon.kind,
      amount: coupon.amount,
      expiresAt: iso(coupon.expiresAt),
      ...{ copy, copied, validUntil },
    },
    expiresAt: iso(due.expiresAt),
  };
}

async function issued(
  storeId: string,
  cartId: string,
  { campaignId, stepId, generation, shopperId }: OfferDue,
  coupon: CouponAsk["coupon"],
  now: number,
  issue: IssueCoupon,
): Promise<IssuedCoupon | null> {
  return keep(coupons, [storeId, campaignId, stepId, generation, cartId].join("/"), now, async () => {
    const answer = await issue({ campaignId, stepId, cartId, generation, shopperId, coupon });
    return answer.ok ? answer.value : null;
  });
}

/** At most one read of D1 and one call, and neither while the last answer is fresh. */
const sourceOf = (env: Env, storeId: string, id: string, trigger: Trigger, now: number): Promise<Source> =>
  keep(sources, `${storeId}/${trigger}/${id}`, now, async () => {
    const [settings, template] = await Promise.all([
      callActor("store", () => storeStub(env, storeId).settings()),
      findTemplate(env.DB, storeId, id, "onsite", trigger),
    ]);
    if (!settings.ok) throw new Error("the store is gone");
    const { name, url, allowedOrigins } = settings.value;
    return { store: { name, url, allowedOrigins }, template };
  });
