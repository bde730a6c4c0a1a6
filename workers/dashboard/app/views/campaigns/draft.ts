/** A campaign while it is edited. Pure. */
import type { CampaignInput, Coupon, Step } from "../../../../../shared/policy/rules.ts";
import type { Campaign } from "../../api/campaigns.ts";

export type Variant = Step["variants"][number];

export const newVariant = (taken: readonly Variant[]): Variant => ({
  id: freeName(
    "abcdefghijklmnopqrst".split(""),
    taken.map(({ id }) => id),
    "v",
  ),
  templateId: "default",
  weight: 1,
});

export const newStep = (taken: readonly Step[]): Step => ({
  id: freeName(
    taken.length === 0 ? ["reminder"] : [],
    taken.map(({ id }) => id),
    "step-",
  ),
  delayMinutes: taken.length === 0 ? 0 : 1_440,
  channel: "email",
  variants: [newVariant([])],
});

/** The first of the names that is free, else a numbered one. */
function freeName(names: readonly string[], taken: readonly string[], stem: string): string {
  const free = names.find((name) => !taken.includes(name));
  if (free) return free;
  let number = taken.length + 1;
  while (taken.includes(`${stem}${number}`)) number++;
  return `${stem}${number}`;
}

export const newCampaign = (): CampaignInput => ({
  name: "",
  enabled: false,
  trigger: "cart_abandoned",
  conditions: {},
  priority: 0,
  holdout: 0.1,
  goal: { attributionHours: 72, attribution: "last" },
  allocation: "fixed",
  steps: [newStep([])],
});

export const newCoupon = (): Coupon => ({ kind: "percent", amount: 10, expiresHours: 72, budget: 500 });

/** What can be sent back of what was read. */
export function inputOf({
  id: _id,
  version: _version,
  createdAt: _made,
  updatedAt: _at,
  ...input
}: Campaign): CampaignInput {
  return input;
}

/** The list with one of its items moved by one place. */
export function moved<T>(items: readonly T[], from: number, by: -1 | 1): T[] {
  const next = [...items];
  const [item] = next.splice(from, 1);
  if (item !== undefined) next.splice(from + by, 0, item);
  return next;
}

export const replaced = <T>(items: readonly T[], at: number, item: T): T[] =>
  items.map((old, i) => (i === at ? item : old));
export const without = <T>(items: readonly T[], at: number): T[] => items.filter((_, i) => i !== at);
