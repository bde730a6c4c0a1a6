/** The filters `money` and `date`: amounts and times as the reader of the message writes them. */
import { type Context, filters, type Liquid } from "liquidjs";

/** Formatting costs about as much as this many nodes. */
const FORMAT_STEPS = 5;
/** Making a formatter costs ten times what using one does. */
const MAX_KEPT = 100;

const STYLES = ["short", "medium", "long", "full"] as const;
type Style = (typeof STYLES)[number];

/** What the filters read of a message's data. */
interface Reader {
  locale?: string;
  cart?: { currency?: string };
  shopper?: { timezone?: string | null };
}

const readerOf = (context: Context): Reader => context.environments as Reader;

const kept = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

function keep<F extends Intl.NumberFormat | Intl.DateTimeFormat>(key: string, make: () => F): F {
  const known = kept.get(key);
  if (known) return known as F;
  if (kept.size >= MAX_KEPT) kept.clear();
  const made = make();
  kept.set(key, made);
  return made;
}

/** `"1234.5", "de-AT", "EUR"` → `€ 1.234,50`. Digits are not rounded by way of a float. Throws for what is no currency. */
export function formatMoney(amount: string | number, locale: string, currency: string): string {
  if (!/^[A-Z]{3}$/.test(currency)) throw new Error("money: needs an ISO 4217 currency such as EUR");
  const format = keep(
    `money ${locale} ${currency}`,
    () => new Intl.NumberFormat(locale, { style: "currency", currency }),
  );
  // Spaces that must not break become ones that every font has.
  return format.format(amount as Intl.StringNumericLiteral).replaceAll("\u202f", "\u00a0");
}

/** `2026-11-21T22:30:00Z, "de-AT", "long", "Europe/Vienna"` → `21. November 2026`. An unknown zone counts as UTC. */
export function formatDate(at: Date, locale: string, style: Style, timeZone: string): string {
  const make = (zone: string) => new Intl.DateTimeFormat(locale, { dateStyle: style, timeZone: zone });
  return keep(`date ${locale} ${style} ${timeZone}`, () => {
    try {
      return make(timeZone);
    } catch {
      return make("UTC");
    }
  }).format(at);
}

const isStyle = (format: unknown): format is Style => STYLES.some((style) => style === format);

/** `{{ cart.total | money }}`, `{{ "5" | money: "CHF" }}`: what is no amount stays as it is. */
function money(context: Context, value: unknown, currency: unknown): unknown {
  if (!/^-?\d{1,15}(\.\d{1,20})?$/.test(String(value ?? ""))) return value;
  const { locale = "en", cart } = readerOf(context);
  return formatMoney(String(value), locale, String(currency ?? cart?.currency ?? ""));
}

/** `{{ cart.created_at | date }}`, `| date: "short"` (or `medium`, `long`, `full`): what is no ISO 8601 time stays as it is. */
function localDate(context: Context, value: unknown, style: Style): unknown {
  const at = new Date(typeof value === "string" ? value : Number.NaN);
  const { locale = "en", shopper } = readerOf(context);
  return Number.isNaN(at.getTime()) ? value : formatDate(at, locale, style, shopper?.timezone ?? "UTC");
}

export function registerFormats(engine: Liquid): void {
  const { date } = filters;
  if (typeof date !== "function") throw new Error("the engine has no filter `date`");
  engine.registerFilter("money", function (value, currency) {
    this.context.renderLimit.use(FORMAT_STEPS);
    return money(this.context, value, currency);
  });
  engine.registerFilter("date", function (value, format: string | undefined, zone: string | undefined) {
    this.context.renderLimit.use(FORMAT_STEPS);
    this.context.memoryLimit.use(format?.length ?? 0);
    if (format === undefined || isStyle(format)) return localDate(this.context, value, format ?? "long");
    return date.call(this, value, format, zone ?? readerOf(this.context).shopper?.timezone ?? "UTC");
  });
}
