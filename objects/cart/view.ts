/** A cart as others see it: the merchant's view, the store's summary, the index's news. Pure. */
import type {
  CartContents,
  CartSummary,
  ClaimedCart,
  DeliveryNews,
  OfferDue,
  Prospect,
  ShopperNews,
} from "../../shared/events/messages.ts";
import { isAnonymous } from "../../shared/ids.ts";
import type { Prediction, Predictor } from "../../shared/model/prediction.ts";
import { toMoney } from "../../shared/money.ts";
import { e164Of } from "../../shared/phone.ts";
import type { MessageChannel } from "../../shared/policy/rules.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { iso, isoOrNull } from "../../shared/time.ts";
import type { CartDeliveryView, CartView, ItemView, PredictionView } from "../../shared/views.ts";
import { momentOf } from "./decide.ts";
import { find } from "./ledger.ts";
import { offerEndsAt } from "./onsite.ts";
import { shopperOf, waysFor } from "./reach.ts";
import type { CartState, Effect, Journey } from "./state.ts";
import { timersOf } from "./timers.ts";

export const currencyOf = ({ facts, rules }: CartState): string => facts.currency ?? rules.storeCurrency;

/** What the index and the board keep of a cart. `version` is the sequence number of the last committed row. */
export function summaryOf(state: CartState, version: number, createdAt: number): CartSummary {
  const { facts, process } = state;
  const order = facts.orders.at(-1);
  return {
    version,
    status: process.status,
    itemCount: facts.items.reduce((sum, item) => sum + item.quantity, 0),
    totalMinor: facts.totalMinor,
    currency: facts.currency,
    shopperId: shopperOf(state),
    email: facts.person.email,
    name: facts.person.name,
    abandonmentRisk: 1 - state.prediction.purchaseProbability,
    createdAt,
    lastActivityAt: facts.lastReceivedAt,
    abandonedAt: process.abandonedAt,
    recoveredAt: process.recoveredAt,
    wakesAt: timersOf(state)[0]?.at ?? null,
    order: order
      ? { id: order.id, totalMinor: order.totalMinor, currency: order.currency, at: order.receivedAt }
      : null,
  };
}

export const deliveryNews = (effect: Effect): DeliveryNews => ({
  id: effect.deliveryId,
  effectId: effect.id,
  campaignId: effect.campaignId,
  stepId: effect.stepId,
  variantId: effect.variantId,
  channel: effect.channel,
  status: effect.status,
  dueAt: effect.dueAt,
  claimedAt: effect.claimedAt,
  sentAt: effect.sentAt,
  provider: effect.provider,
  history: effect.history,
});

/** Nothing of a stranger: what they say is told once it is known who they are, or with what is asked for them. */
export const shopperNews = (state: CartState): ShopperNews | null =>
  isAnonymous(shopperOf(state)) ? null : { visitorId: state.facts.visitorId, consent: state.facts.consent };

/** Whom an effect would go to; refused when it is not to be sent now. */
export function prospectFor(state: CartState, effectId: string, isIntroduced: boolean): Result<Prospect> {
  const effect = find(state.process, effectId);
  if (!effect) return no("unknown_effect");
  if (effect.status !== "scheduled" && effect.status !== "claimed") return no(`already_${effect.status}`);
  const prospect = { ...prospectOf(state, effect), isIntroduced };
  return prospect.channels.length > 0 ? ok(prospect) : no("no_address");
}

export function prospectOf(state: CartState, effect: Effect): Prospect {
  const { facts } = state;
  const { email, phone, push, name } = facts.person;
  return {
    effectId: effect.id,
    deliveryId: effect.deliveryId,
    campaignId: effect.campaignId,
    priority: effect.priority,
    holdout: effect.holdout,
    channels: waysFor(state, effect),
    shopperId: shopperOf(state),
    cartId: state.cartId,
    email,
    phone: e164Of(phone),
    push,
    name,
    visitorId: facts.visitorId,
    timezone: facts.timezone,
    consent: facts.consent,
  };
}

/** By which template a message goes on its channel. */
const templateOf = (effect: Effect): string => effect.templates[effect.channel] ?? effect.templateId;

/** What an on-site offer is rendered from. */
export const offerOf = (state: CartState, effect: Effect, createdAt: number): OfferDue => ({
  deliveryId: effect.deliveryId,
  campaignId: effect.campaignId,
  stepId: effect.stepId,
  trigger: effect.trigger,
  templateId: templateOf(effect),
  generation: effect.generation,
  shopperId: shopperOf(state),
  coupon: effect.coupon,
  contents: contentsOf(state, createdAt),
  expiresAt: offerEndsAt(effect),
});

/** What a message about the cart is rendered from. */
export function contentsOf(state: CartState, createdAt: number): CartContents {
  const { facts } = state;
  return {
    email: facts.person.email,
    name: facts.person.name,
    timezone: facts.timezone,
    locale: facts.locale,
    items: facts.items,
    totalMinor: facts.totalMinor,
    currency: currencyOf(state),
    coupons: facts.coupons,
    createdAt,
  };
}

/** `GET /v1/carts/{id}`. */
export function viewOf(
  state: CartState,
  version: number,
  createdAt: number,
  now: number,
  predict: Predictor,
): CartView {
  const { facts, process } = state;
  const currency = currencyOf(state);
  const prediction = predict(facts, momentOf(state, now));
  const order = facts.orders.at(-1);
  const attribution = process.closed.find((c) => c.generation === process.generation)?.attribution;
  const journeys = process.journeys.map(journeyView);
  return {
    id: state.cartId,
    status: process.status,
    version,
    generation: process.generation,
    itemCount: facts.items.reduce((sum, item) => sum + item.quantity, 0),
    items: itemViews(state),
    total: toMoney(facts.totalMinor, currency),
    shopper: { id: shopperOf(state), email: facts.person.email, name: facts.person.name },
    prediction: predictionView(prediction),
    journey: journeys.at(-1) ?? null,
    journeys,
    timers: timersOf(state).map(({ name, at }) => ({ name, at: iso(at) })),
    deliveries: process.effects.map(deliveryView),
    createdAt: iso(createdAt),
    lastActivityAt: iso(facts.lastReceivedAt),
    abandonedAt: isoOrNull(process.abandonedAt),
    recoveredAt: isoOrNull(process.recoveredAt),
    ...(order
      ? { order: { id: order.id, total: toMoney(order.totalMinor, order.currency), at: iso(order.receivedAt) } }
      : {}),
    ...(attribution ? { attribution } : {}),
  };
}

export const predictionView = (prediction: Prediction): PredictionView => ({
  abandonmentRisk: Math.round((1 - prediction.purchaseProbability) * 1e4) / 1e4,
  purchaseProbability: prediction.purchaseProbability,
  model: prediction.model,
  reasons: prediction.reasons,
  at: iso(prediction.at),
});

const journeyView = ({ campaign, enteredAt, exit }: Journey): NonNullable<CartView["journey"]> => ({
  campaignId: campaign.id,
  campaignName: campaign.name,
  trigger: campaign.trigger,
  version: campaign.version,
  enteredAt: iso(enteredAt),
  exit,
});

export function itemViews(state: CartState): ItemView[] {
  const currency = currencyOf(state);
  return state.facts.items.map(({ priceMinor, ...item }) => ({
    ...item,
    price: toMoney(priceMinor, currency),
    total: toMoney(priceMinor * item.quantity, currency),
  }));
}

const deliveryView = (effect: Effect): CartDeliveryView => ({
  id: effect.deliveryId,
  campaignId: effect.campaignId,
  stepId: effect.stepId,
  variantId: effect.variantId,
  channel: effect.channel,
  status: effect.status,
  dueAt: isoOrNull(effect.dueAt),
  statusHistory: effect.history.map(({ at, ...entry }) => ({ ...entry, at: iso(at) })),
});

/** The live cart, handed out with a claim. */
export function claimedOf(state: CartState, effect: Effect, createdAt: number): ClaimedCart {
  return {
    ...contentsOf(state, createdAt),
    ...prospectOf(state, effect),
    channel: effect.channel as MessageChannel,
    trigger: effect.trigger,
    repeated: effect.doubtful === true,
    claimedAt: effect.claimedAt ?? 0,
    coupon: effect.coupon,
    cartId: state.cartId,
    generation: effect.generation,
    templateId: templateOf(effect),
    stepId: effect.stepId,
    variantId: effect.variantId,
  };
}

export interface RestoredCart {
  cartId: string;
  generation: number;
  items: ItemView[];
  currency: string;
}

/** For a recovery link: exactly the generation it was sent for, while that is open and the link unrevoked. */
export function restoredOf(
  state: CartState,
  createdAt: number,
  generation: number,
  issuedAt: number,
): Result<RestoredCart> {
  const { facts, process, cartId } = state;
  if (issuedAt < process.linksRevokedAt) return no("revoked");
  if (issuedAt < createdAt) return no("closed"); // of an earlier cart of this name
  if (facts.closedAt !== null || facts.generation !== generation) return no("closed");
  return ok({ cartId, generation, items: itemViews(state), currency: currencyOf(state) });
}
