/** Campaigns in the words of people. Pure. */
import type { Coupon, Step, Trigger } from "../../../../../shared/policy/rules.ts";
import { plural } from "../../format.ts";

export type StepChannel = Step["channel"];

interface About {
  label: string;
  does: string;
}

export const TRIGGERS: Readonly<Record<Trigger, About>> = {
  cart_abandoned: { label: "A cart is abandoned", does: "Nothing happened in it for the store’s idle time." },
  prediction_high: {
    label: "A cart is likely to be abandoned",
    does: "Its predicted risk reaches a threshold while the shopper is still there.",
  },
  time_based: { label: "A cart is begun", does: "Delays count from its first item, whether the shopper stays or not." },
  exit_intent: { label: "The shopper is about to leave", does: "The pointer or a gesture leaves the page." },
  checkout_hesitation: { label: "The shopper hesitates at checkout", does: "The checkout stands still." },
  payment_failed: { label: "A payment fails", does: "The payment provider said no." },
  price_drop: { label: "A price in the cart drops", does: "Something in the cart got cheaper." },
  back_in_stock: { label: "Something is back in stock", does: "An item of the cart can be bought again." },
};
export const TRIGGER_NAMES = Object.keys(TRIGGERS) as Trigger[];

export const CHANNELS: Readonly<Record<StepChannel, About>> = {
  email: { label: "E-mail", does: "A mail, to who left an address." },
  sms: { label: "SMS", does: "A text message, to who left a number and agreed." },
  push: { label: "Push", does: "A notification, to who allowed it." },
  onsite: { label: "On-site", does: "An offer on the page, while the shopper is there." },
  all: { label: "Best channel", does: "The shopper’s best permitted channel first, then the next if unanswered." },
};
export const CHANNEL_NAMES = Object.keys(CHANNELS) as StepChannel[];

const UNITS = [
  { unit: "days", minutes: 1_440 },
  { unit: "hours", minutes: 60 },
  { unit: "minutes", minutes: 1 },
] as const;
export type Unit = (typeof UNITS)[number]["unit"];
export const UNIT_NAMES: readonly Unit[] = ["minutes", "hours", "days"];
export const minutesOf = (amount: number, unit: Unit): number =>
  amount * (UNITS.find((one) => one.unit === unit)?.minutes ?? 1);

/** In the largest unit that leaves no fraction. */
export function inUnits(minutes: number): { amount: number; unit: Unit } {
  const { unit, minutes: size } = UNITS.find((one) => minutes > 0 && minutes % one.minutes === 0) ?? UNITS[2];
  return { amount: minutes / size, unit };
}

/** `at once`, `after 30 minutes`, `after 1 day`. */
export function delayWords(minutes: number): string {
  if (!(minutes > 0)) return "at once";
  const { amount, unit } = inUnits(minutes);
  return `after ${plural(amount, unit.slice(0, -1))}`;
}

export function couponWords({ kind, amount }: Pick<Coupon, "kind" | "amount">, currency: string): string {
  if (kind === "percent") return `${amount}% off`;
  if (kind === "amount") return `${amount} ${currency} off`;
  return kind === "free_shipping" ? "free shipping" : "a code from a pool";
}
