/** A cart as others see it: the merchant's view, the store's summary, the index's news. Pure. */
import type { CartContents, CartSummary, DeliveryNews, Prospect } from "../../shared/events/messages.ts";
import { shopperIdOf, visitorShopperId } from "../../shared/ids.ts";
import { predict } from "../../shared/model/baseline.ts";
import { toMoney } from "../../shared/money.ts";
import { iso, isoOrNull } from "../../shared/time.ts";
import type { CartDeliveryView, CartView, ItemView } from "../../shared/views.ts";
import type { CartState, Effect } from "./state.ts";
import { timersOf } from "./timers.ts";

export const shopperOf = ({ storeId, cartId, facts }: CartState): string =>
  facts.person.email ? shopperIdOf(storeId, facts.person.email) : visitorShopperId(facts.visitorId ?? cartId);

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

export function prospectOf(state: CartState, effect: Effect, email: string): Prospect {
  const { facts } = state;
  return {
    effectId: effect.id,
    deliveryId: effect.deliveryId,
    campaignId: effect.campaignId,
    priority: 0,
    holdout: effect.holdout,
    channels: ["email"],
    shopperId: shopperOf(state),
    cartId: state.cartId,
    email,
    phone: facts.person.phone,
    push: null,
    name: facts.person.name,
    visitorId: facts.visitorId,
    timezone: facts.timezone,
    consent: facts.consent,
  };
}

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
export function viewOf(state: CartState, version: number, createdAt: number, now: number): CartView {
  const { facts, process } = state;
  const currency = currencyOf(state);
  const prediction = predict(facts, now);
  const order = facts.orders.at(-1);
  const attribution = process.closed.find((c) => c.generation === process.generation)?.attribution;
  const { journey } = process;
  return {
    id: state.cartId,
    status: process.status,
    version,
    generation: process.generation,
    itemCount: facts.items.reduce((sum, item) => sum + item.quantity, 0),
    items: itemViews(state),
    total: toMoney(facts.totalMinor, currency),
    shopper: { id: shopperOf(state), email: facts.person.email, name: facts.person.name },
    prediction: {
      abandonmentRisk: Math.round((1 - prediction.purchaseProbability) * 1e4) / 1e4,
      purchaseProbability: prediction.purchaseProbability,
      model: prediction.model,
      reasons: prediction.reasons,
      at: iso(prediction.at),
    },
    journey: journey && {
      campaignId: journey.campaign.id,
      campaignName: journey.campaign.name,
      version: journey.campaign.version,
      enteredAt: iso(journey.enteredAt),
      exit: journey.exit,
    },
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
