/** Figures and times as people read them. Pure: `now` and the locale are parameters. */
import { exponent, type Money, toMinor, toMoney } from "../../../shared/money.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../../shared/time.ts";

export function formatMoney(money: Money, locale?: string): string {
  try {
    return new Intl.NumberFormat(locale, {
      style: "currency",
      currency: money.currency,
      minimumFractionDigits: exponent(money.currency),
      maximumFractionDigits: exponent(money.currency),
    }).format(Number(money.amount));
  } catch {
    return `${money.amount} ${money.currency}`; // a currency code that Intl does not accept
  }
}

/** The sum of what can be summed; `null` for nothing, or for more than one currency. */
export function sumMoney(amounts: readonly (Money | null)[]): Money | null {
  const known = amounts.filter((money) => money !== null);
  const currency = known[0]?.currency;
  if (!currency || known.some((money) => money.currency !== currency)) return null;
  return toMoney(
    known.reduce((sum, money) => sum + (toMinor(money.amount, currency) ?? 0), 0),
    currency,
  );
}

/** `just now`, `12 s ago`, `3 min ago`, `2 h ago`, `4 d ago`. A clock that runs ahead of ours counts as now. */
export function ago(at: string, now: number): string {
  const ms = now - Date.parse(at);
  if (!Number.isFinite(ms)) return "";
  if (ms < 5 * SECOND_MS) return "just now";
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s ago`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ago`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ago`;
  return `${Math.floor(ms / DAY_MS)} d ago`;
}

/** `29:12`, `3 h 12 min`, `2 d 4 h`; `due` once the moment has passed. */
export function countdown(at: string, now: number): string {
  const ms = Date.parse(at) - now;
  if (!Number.isFinite(ms)) return "";
  if (ms <= 0) return "due";
  if (ms < HOUR_MS) {
    const seconds = Math.ceil(ms / SECOND_MS);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ${Math.floor((ms % HOUR_MS) / MINUTE_MS)} min`;
  return `${Math.floor(ms / DAY_MS)} d ${Math.floor((ms % DAY_MS) / HOUR_MS)} h`;
}

export function clock(at: string, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(
    Date.parse(at),
  );
}

export function day(at: string, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" }).format(Date.parse(at));
}

export function fullTime(at: string, locale?: string): string {
  const ms = Date.parse(at);
  if (!Number.isFinite(ms)) return at;
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" }).format(ms);
}

export const percent = (share: number): string => `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%`;

/** `checkout_started` and `itemCount` → `Checkout started`, `Item count`. */
export function words(code: string): string {
  const text = code
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/[_\-.:]+/g, " ")
    .trim()
    .toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** A link that may be followed: shop data must not smuggle in `javascript:`. */
export function webUrl(url: string | null | undefined): string | null {
  return url && /^https?:\/\//i.test(url) ? url : null;
}

/** `https://shop.example/` → `shop.example`. */
export const hostOf = (url: string): string => url.replace(/^https?:\/\/|\/$/gi, "");

/** An SVG path through the values as a smooth line, lowest at the bottom; `""` for fewer than two values. */
export function sparkPath(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return "";
  const top = Math.max(1, ...values);
  const step = width / (values.length - 1);
  const y = (value: number) => round(height - (Math.max(0, value) / top) * height);
  let path = `M0 ${y(values[0]!)}`;
  for (let i = 1; i < values.length; i++) {
    // Control points level with each end: the curve never overshoots, so an idle minute is never drawn below zero.
    const middle = round((i - 0.5) * step);
    path += `C${middle} ${y(values[i - 1]!)} ${middle} ${y(values[i]!)} ${round(i * step)} ${y(values[i]!)}`;
  }
  return path;
}

const round = (value: number): number => Math.round(value * 10) / 10;
