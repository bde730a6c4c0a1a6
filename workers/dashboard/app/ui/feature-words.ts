/** What the models' features are called, and what their values say of a cart. Pure. */
import type { FeatureName } from "../../../../shared/model/features.ts";
import { percent, words } from "../format.ts";

/** `Repeat views`; a model that was trained elsewhere has names of its own. */
export const featureName = (name: string): string => words(name);

const number = (value: number): string =>
  value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 });

const count =
  (one: string, many = `${one}s`, after = "") =>
  (value: number): string =>
    `${value === 0 ? "No" : number(value)} ${value === 1 || value === 0 ? one : many}${after && ` ${after}`}`;

function duration(minutes: number): string {
  if (minutes < 1) return "less than a minute";
  if (minutes < 120) return `${Math.round(minutes)} min`;
  return minutes < 2_880 ? `${Math.round(minutes / 60)} hours` : `${Math.round(minutes / 1_440)} days`;
}

const either = (yes: string, no: string) => (value: number) => (value >= 0.5 ? yes : no);
const times = (log: number): string => `${number(Math.exp(log))} times`;

const STAGES = [
  "was not begun",
  "was begun",
  "got to the contact",
  "got to the address",
  "got to shipping",
  "got to payment",
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const clock = (hour: number): string => `${Math.floor(hour)}:${String(Math.floor((hour % 1) * 60)).padStart(2, "0")}`;

const SENTENCES: Record<FeatureName, (value: number) => string> = {
  lines: count("product", "products", "in the cart"),
  quantity: count("piece", "pieces", "in the cart"),
  categories: count("category", "categories", "in the cart"),
  topLineShare: (value) => `The dearest line is ${percent(value)} of the cart’s value`,
  priceRank: (value) => `${percent(value)} of the prices seen are no higher than the cart’s highest`,
  priceRatio: (value) => `Its prices are ${times(value)} the mean price seen`,
  priceSpread: (value) => `Its highest price is ${times(value)} the lowest`,
  events: count("event"),
  pageViews: count("page", "pages", "seen"),
  collectionViews: count("collection", "collections", "seen"),
  searches: count("search", "searches"),
  productViews: count("product page", "product pages", "seen"),
  uniqueProducts: count("different product", "different products", "seen"),
  repeatViews: count("second look", "second looks", "at a product"),
  cartItemViews: count("look", "looks", "at what was in the cart by then"),
  adds: count("addition", "additions", "to the cart"),
  removes: count("removal", "removals", "from the cart"),
  removeRate: count("removal", "removals", "for each addition"),
  viewsPerAdd: count("product page", "product pages", "seen for each addition"),
  cartViews: count("look", "looks", "at the cart"),
  eventsAfterAdd: count("event", "events", "after the first addition"),
  minutesToAdd: (value) => `First addition after ${duration(value)}`,
  minutesSinceFirst: (value) => `Begun ${duration(value)} before`,
  minutesSinceFirstAdd: (value) => `First addition ${duration(value)} before`,
  minutesSinceLastAdd: (value) => `Last addition ${duration(value)} before`,
  idleMinutes: (value) => (value < 1 ? "Something just happened" : `Nothing happened for ${duration(value)}`),
  meanGapMinutes: (value) => `On average ${duration(value)} between two events`,
  longestGapMinutes: (value) => `The longest pause was ${duration(value)}`,
  lastGapMinutes: (value) => `${capital(duration(value))} between the last two events`,
  eventRate: count("event", "events", "a minute"),
  visits: count("visit", "visits", "with this cart"),
  checkoutStage: (value) => `The checkout ${STAGES[Math.round(value)] ?? `is at stage ${number(value)}`}`,
  checkoutStarts: count("start", "starts", "of the checkout"),
  couponTries: count("coupon", "coupons", "tried"),
  couponsHeld: count("coupon", "coupons", "on the cart"),
  paymentFailures: count("failed payment"),
  exitIntents: count("move", "moves", "to leave the page"),
  hesitations: count("long pause", "long pauses", "at the checkout"),
  offersShown: count("offer", "offers", "shown on the page"),
  offersDismissed: count("offer", "offers", "closed unanswered"),
  messageClicks: count("click", "clicks", "on messages about this cart"),
  identified: either("The e-mail address is known", "The e-mail address is not known"),
  phoneKnown: either("The phone number is known", "The phone number is not known"),
  mobile: either("On a phone", "Not on a phone"),
  hour: (value) => `At ${clock(value)} where the shopper is`,
  weekday: (value) => `On a ${DAYS[Math.floor(value) % 7]}`,
  ordersBefore: count("order", "orders", "from this cart before"),
  priorCarts: count("earlier cart"),
  priorPurchases: count("earlier cart", "earlier carts", "bought"),
  priorPurchaseRate: (value) => `${percent(value)} of the earlier carts bought`,
  priorAdds: count("addition", "additions", "to earlier carts"),
  lastCartBought: either("The last cart was bought", "The last cart was not bought"),
  daysSinceLastCart: (value) => `The last cart was ${duration(value * 1_440)} before`,
  daysSinceLastPurchase: (value) => `The last purchase was ${duration(value * 1_440)} before`,
  messagesBefore: count("message", "messages", "sent before"),
  messagesAnswered: count("channel", "channels", "on which messages were answered"),
};

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const isKnown = (name: string): name is FeatureName => Object.hasOwn(SENTENCES, name);

/** What a value says of a cart. Features of models that were trained elsewhere stand with their name. */
export function featureSentence(name: string, value: number | null): string {
  if (value === null || Number.isNaN(value)) return `${words(name)}: not known`;
  return isKnown(name) ? SENTENCES[name](value) : `${words(name)}: ${number(value)}`;
}
