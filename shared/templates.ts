/**
 * Liquid templates of messages: autoescaped, bounded in steps and size, with the context documented below. Used by the
 * sender and by the merchant's preview.
 */
import { LiquidError } from "liquidjs";
import type { CartContents, IssuedCoupon } from "./events/messages.ts";
import { Budget, boundedEngine, parsed, renderPart } from "./liquid.ts";
import { canonicalLocale, languageOf, lookupLocale } from "./locale.ts";
import { toMoney } from "./money.ts";
import { firstNameOf, withoutAddresses, withoutLinks } from "./names.ts";
import { isoOrNull } from "./time.ts";

/** What a message is made of. An SMS has a text only. */
export interface Parts {
  subject: string;
  html: string;
  text: string;
}
export type PartName = keyof Parts;
export const PARTS: readonly PartName[] = ["subject", "html", "text"];
export type Rendered = Parts;

/** `locale` is the language of its own parts; `translations` has the same message in others, by their tags. */
export interface Template extends Parts {
  id: string;
  locale: string;
  translations: Record<string, Parts>;
}

/** What a template may use. Amounts are decimals (`| money` writes them as the reader does), times ISO 8601 UTC (`| date`). */
export interface TemplateContext {
  cart: {
    items: {
      name: string;
      quantity: number;
      price: string;
      total: string;
      currency: string;
      /** Only addresses of the store: a stranger may have sent them. */
      url: string | null;
      image_url: string | null;
    }[];
    count: number;
    total: string;
    currency: string;
    created_at: string | null;
  };
  shopper: { email: string; name: string; firstName: string; timezone: string | null };
  store: { name: string; url: string };
  /** The code given with this message, else one that the cart has, of which only the code is known. `amount`: percent, or money. */
  coupon: {
    code: string;
    expires_at: string | null;
    kind: "percent" | "amount" | "free_shipping" | "pool" | null;
    amount: number | null;
  } | null;
  /** What the message is written in, e.g. `de-AT`. */
  locale: string;
  recovery_url: string;
  unsubscribe_url: string;
}

const MAX_OUTPUT = 500_000;

/** Values are escaped in HTML; in a subject or a text there is nothing to escape. */
const html = boundedEngine({ outputEscape: "escape" });
const plain = boundedEngine({});
export const engineOf = (part: PartName): typeof html => (part === "html" ? html : plain);

/** Why a part cannot be rendered, and where: lines and columns count from 1. */
export class TemplateError extends Error {
  readonly part: PartName;

  constructor(part: PartName, error: unknown) {
    super(placed(error));
    this.name = "TemplateError";
    this.part = part;
  }
}

function placed(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  // `cart[cart[cart[…` is read by as many nested calls.
  const message = said.replace("Maximum call stack size exceeded", "something is nested too deeply");
  if (!LiquidError.is(error)) return message;
  const [line, column] = error.token.getPosition();
  return positioned(line ?? 1, column ?? 1, message.replace(/, line:\d+, col:\d+$/, ""));
}

export const positioned = (line: number, column: number, message: string): string =>
  `line ${line}, column ${column}: ${message}`;

/** `context`: a `TemplateContext` for what a store wrote. Throws a `TemplateError` when a part is broken or exceeds its limits. */
export async function render(parts: Parts, context: object): Promise<Rendered> {
  const budget = new Budget();
  const made = (part: PartName): string => {
    try {
      return renderPart(engineOf(part), parts[part], { ...context }, budget);
    } catch (error) {
      throw new TemplateError(part, error);
    }
  };
  const [subject, body, text] = [made("subject"), made("html"), made("text")];
  if (subject.length + body.length + text.length > MAX_OUTPUT)
    throw new TemplateError("html", new Error("the rendered message is too large"));
  // A line break in a subject would be a new header.
  return { subject: subject.replace(/\s+/g, " ").trim().slice(0, 250), html: body, text };
}

/**
 * The parts for a shopper's locale: exactly that one, else its language, else the template's own. `locale` is what amounts
 * and dates are written in: the shopper's, where the words are of the same language.
 */
export function inLocale(template: Template, wanted: string | null): { parts: Parts; locale: string } {
  const { translations } = template;
  const own = canonicalLocale(template.locale) ?? "en";
  const found = lookupLocale(wanted, [own, ...Object.keys(translations)]) ?? own;
  const parts = Object.hasOwn(translations, found) ? (translations[found] ?? template) : template;
  const shoppers = canonicalLocale(wanted);
  const locale = shoppers && languageOf(shoppers) === languageOf(found) ? shoppers : found;
  const { subject, html, text } = parts;
  return { parts: { subject, html, text }, locale };
}

export interface TemplateStore {
  name: string;
  url: string;
  /** Its other addresses: what leads there may stand in its mails. */
  allowedOrigins: string[];
}

/** `coupon`: the code that the store issued for this very message. */
export function contextOf(
  cart: CartContents,
  store: TemplateStore,
  links: { recovery: string; unsubscribe: string },
  locale: string,
  coupon: IssuedCoupon | null = null,
): TemplateContext {
  const money = (minor: number) => toMoney(minor, cart.currency).amount;
  const name = withoutAddresses(cart.name ?? "");
  const ours = addressesOf(store);
  return {
    cart: {
      items: cart.items.map((item) => ({
        name: withoutLinks(item.name ?? item.productId),
        quantity: item.quantity,
        price: money(item.priceMinor),
        total: money(item.priceMinor * item.quantity),
        currency: cart.currency,
        url: ours(item.url),
        image_url: ours(item.imageUrl),
      })),
      count: cart.items.reduce((sum, item) => sum + item.quantity, 0),
      total: money(cart.totalMinor),
      currency: cart.currency,
      created_at: isoOrNull(cart.createdAt),
    },
    shopper: { email: cart.email ?? "", name, firstName: firstNameOf(name), timezone: zoneOf(cart.timezone) },
    store: { name: store.name, url: store.url },
    coupon: coupon ? issued(coupon) : couponOf(cart.coupons),
    locale,
    recovery_url: links.recovery,
    unsubscribe_url: links.unsubscribe,
  };
}

/** What could be an IANA zone, and no address. */
const zoneOf = (zone: string | null): string | null => (zone && /^[\w+/-]{1,64}$/.test(zone) ? zone : null);

const issued = ({ code, kind, amount, expiresAt }: IssuedCoupon): TemplateContext["coupon"] => ({
  code,
  expires_at: isoOrNull(expiresAt),
  kind,
  amount,
});

/** The last code that looks like one: anybody may send anything as a code. */
function couponOf(codes: string[]): TemplateContext["coupon"] {
  const code = codes.findLast((given) => /^[\p{L}\p{N}_-]{1,40}$/u.test(given));
  return code === undefined ? null : { code, expires_at: null, kind: null, amount: null };
}

/** An address when it is one of the store's hosts or below, else `null`: a stranger's link or picture is phishing. */
function addressesOf({ url, allowedOrigins }: TemplateStore): (address: string | null) => string | null {
  const hostOf = (address: string): string => {
    const known = URL.parse(address);
    return known && /^https?:$/.test(known.protocol) ? known.hostname.replace(/^www\./, "") : "";
  };
  const hosts = [url, ...allowedOrigins].map(hostOf).filter((host) => host !== "");
  return (address) => {
    const host = address && hostOf(address);
    return host && hosts.some((known) => host === known || host.endsWith(`.${known}`)) ? address : null;
  };
}

/** Whether any part speaks of the coupon. */
export const usesCoupon = (parts: Parts): boolean => PARTS.some((part) => namesCoupon(part, parts[part]));

/** It names the coupon and does not ask whether there is one (`{% if coupon %}`): without a code it would have a hole. */
export const needsCoupon = (parts: Parts): boolean =>
  PARTS.some((part) => namesCoupon(part, parts[part]) && !/\{%-?\s*if\s+coupon\b/.test(parts[part]));

function namesCoupon(part: PartName, source: string): boolean {
  const engine = engineOf(part);
  return Object.hasOwn(engine.analyzeSync(parsed(engine, source), { partials: false }).globals, "coupon");
}
