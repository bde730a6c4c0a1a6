/** The shares of a campaign's variants under `allocation: "thompson"`. Pure. */
import { shares } from "../../shared/measure/bandit.ts";
import type { VariantTally } from "../../shared/measure/results.ts";
import type { Campaign, Step } from "../../shared/policy/rules.ts";

/** Step → variant → share. */
export type Shares = Record<string, Record<string, number>>;

/** A variant without a weight takes no part. */
const competing = (step: Step) => step.variants.filter((v) => v.weight > 0);

/**
 * From what treated shoppers did whose window is over: who came lately has not had the time to buy, and would speak
 * against the variant that gets more shoppers than before.
 */
export function sharesOf(campaign: Campaign, tallies: readonly VariantTally[]): Shares {
  return Object.fromEntries(
    campaign.steps.map((step) => {
      const variants = competing(step);
      const computed = shares(
        variants.map(({ id }) => {
          const tally = tallies.find((t) => t.step === step.id && t.variant === id && t.arm === "treated");
          const successes = tally?.doneBuyers ?? 0;
          return { successes, failures: (tally?.done ?? 0) - successes };
        }),
      );
      return [step.id, Object.fromEntries(variants.map(({ id }, i) => [id, computed[i]!]))];
    }),
  );
}

/** The campaign as carts obey it: with the shares as weights; equal ones where a step's variants are not those of the shares. */
export function withShares(campaign: Campaign, known: Shares | undefined): Campaign {
  if (campaign.allocation !== "thompson") return campaign;
  return {
    ...campaign,
    steps: campaign.steps.map((step) => ({ ...step, variants: weighted(step, known?.[step.id]) })),
  };
}

function weighted(step: Step, known: Record<string, number> = {}): Step["variants"] {
  const variants = competing(step);
  const same = variants.length === Object.keys(known).length && variants.every(({ id }) => known[id] !== undefined);
  return step.variants.map((variant) =>
    variant.weight > 0 ? { ...variant, weight: same ? known[variant.id]! : 1 / variants.length } : variant,
  );
}

/** A change that is not worth new rules in every cart. */
const NEGLIGIBLE = 0.01;

export function isMoved(before: Shares | undefined, after: Shares): boolean {
  const steps = Object.keys(after);
  if (!before || steps.length !== Object.keys(before).length) return true;
  return steps.some((step) => {
    const variants = Object.keys(after[step]!);
    const old = before[step];
    if (!old || variants.length !== Object.keys(old).length) return true;
    return variants.some((id) => !(Math.abs(after[step]![id]! - (old[id] ?? Number.NaN)) < NEGLIGIBLE));
  });
}
