/** What the results of a campaign say, as sentences. Pure. */
import type { ResultsView } from "../../../../../shared/measure/results-view.ts";
import type { Money } from "../../../../../shared/money.ts";
import { formatMoney } from "../../format.ts";

export type Tone = "good" | "bad" | "still";

/** With its sign: it is a difference. */
export function signedMoney(money: Money, locale?: string): string {
  const text = formatMoney(money, locale);
  return Number(money.amount) > 0 ? `+${text}` : text;
}

/** `12.3%`; more digits than a share of carts needs, since differences are small. */
export const finePercent = (share: number): string => `${(share * 100).toFixed(1)}%`;
export const signedPoints = (share: number): string => `${share > 0 ? "+" : ""}${(share * 100).toFixed(1)} points`;

export interface Headline {
  /** `null`: not enough yet. */
  amount: string | null;
  detail: string;
  tone: Tone;
}

export function headline({ incremental, tooLittleData, arms }: ResultsView, locale?: string): Headline {
  if (!incremental) {
    const met = arms.some(({ shoppers }) => shoppers > 0);
    return { amount: null, detail: met ? (tooLittleData ?? "") : "No shopper has met it yet.", tone: "still" };
  }
  const { estimate, low, high } = incremental.revenue;
  return {
    amount: signedMoney(estimate, locale),
    detail: `95%: ${signedMoney(low, locale)} to ${signedMoney(high, locale)}`,
    tone: toneOf(Number(low.amount), Number(high.amount)),
  };
}

/** An interval that covers zero says nothing of the direction. */
export const toneOf = (low: number, high: number): Tone => (low > 0 ? "good" : high < 0 ? "bad" : "still");

/** What attribution credits, beside what was really added. */
export function comparison(results: ResultsView, locale?: string): string {
  const credited = results.arms.find(({ arm }) => arm === "treated")?.attributed;
  if (!credited) return "";
  const claim = `Attribution credits ${formatMoney(credited.revenue, locale)} to these messages.`;
  if (!results.incremental) return `${claim} How much of it would have come anyway is not known yet.`;
  const { estimate, low, high } = results.incremental.revenue;
  const tone = toneOf(Number(low.amount), Number(high.amount));
  if (tone === "still")
    return `${claim} Against the held-out shoppers the difference may still be chance: its interval covers zero.`;
  if (tone === "bad") return `${claim} Yet shoppers without them bought more: the messages cost sales.`;
  const share = Number(estimate.amount) / Number(credited.revenue.amount);
  if (share > 1)
    return `${claim} They caused more than that: some who were written to bought without following a message.`;
  return `${claim} Of that about ${formatMoney(estimate, locale)} would not have come without them; the rest would have been bought anyway.`;
}
