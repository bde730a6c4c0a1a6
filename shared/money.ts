/** Money is an integer count of minor units with an ISO 4217 currency; decimals exist only at the edges. */
export interface Money {
  amount: string;
  currency: string;
}

/** ISO 4217 currencies whose minor unit is not 1/100. */
const EXPONENT: Record<string, number> = {
  BIF: 0,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  ISK: 0,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  PYG: 0,
  RWF: 0,
  UGX: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
  BHD: 3,
  IQD: 3,
  JOD: 3,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  TND: 3,
};

/** The largest accepted amount in minor units: ten thousand million, far from the 2^53 at which integers stop. */
export const MAX_MINOR = 10_000_000_000;

export const exponent = (currency: string): number => EXPONENT[currency] ?? 2;

/** A decimal string or number to minor units, rounding half up; `null` when it is no amount we accept. */
export function toMinor(amount: string | number, currency: string): number | null {
  const text = typeof amount === "number" ? String(amount) : amount.trim();
  if (!/^\d{1,12}(\.\d{1,20})?$/.test(text)) {
    if (typeof amount !== "number" || !Number.isFinite(amount) || amount < 0 || amount > 1e12) return null;
  }
  const [whole = "0", fraction = ""] = Number(text) < 1e-6 ? ["0", ""] : text.split(".");
  const digits = exponent(currency);
  const padded = fraction.padEnd(digits + 1, "0");
  const minor = Number(whole) * 10 ** digits + Number(padded.slice(0, digits) || 0) + (padded[digits]! >= "5" ? 1 : 0);
  return Number.isSafeInteger(minor) && minor <= MAX_MINOR ? minor : null;
}

/** `1230, "EUR"` → `{ amount: "12.30", currency: "EUR" }`. */
export function toMoney(minor: number, currency: string): Money {
  const digits = exponent(currency);
  const sign = minor < 0 ? "-" : "";
  const text = String(Math.abs(minor)).padStart(digits + 1, "0");
  const amount = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return { amount: sign + amount, currency };
}
