/** Snapshots that older code wrote, as today's code reads them: what it did not know yet did not happen. Pure. */
import { attributionMs, DEFAULT_CAMPAIGN } from "../../shared/policy/rules.ts";
import { HOUR_MS } from "../../shared/time.ts";
import type { Snapshot } from "./schema.ts";
import { type CartState, type Effect, emptyFacts, emptyProcess, type Facts, type Journey } from "./state.ts";

/** A snapshot of any age. Until there were triggers a cart had one journey. */
export type Kept = Pick<Snapshot, "base" | "baseIds"> & {
  process: Omit<Snapshot["process"], "journeys"> & {
    journeys?: Journey[];
    journey?: Omit<Journey, "generation"> | null;
  };
};

/** Every effect was a mail to a cart that was left, measured or not. */
const MAIL = {
  probability: 1,
  exposure: null,
  templates: {},
  channels: ["email"],
  fallbackMs: null,
  trigger: "cart_abandoned",
  priority: DEFAULT_CAMPAIGN.priority,
  coupon: null,
  windowMs: DEFAULT_CAMPAIGN.goal.attributionHours * HOUR_MS,
  credit: DEFAULT_CAMPAIGN.goal.attribution,
} satisfies Partial<Effect>;

export function upcast({ base, baseIds, process }: Kept): Pick<CartState, "base" | "baseIds" | "process"> {
  const { journey, journeys, ...kept } = process;
  const entered = journeys ?? (journey ? [{ ...journey, generation: process.generation }] : []);
  const effects = kept.effects.map((effect) => ({ ...MAIL, ...goalOf(effect, entered), ...effect }));
  return { base: factsOf(base), baseIds, process: { ...emptyProcess(), ...kept, journeys: entered, effects } };
}

/** What the campaign of an effect said of it, as long as it is known. */
function goalOf({ campaignId }: Effect, journeys: readonly Journey[]): Partial<Effect> {
  const campaign = journeys.find((journey) => journey.campaign.id === campaignId)?.campaign;
  if (!campaign) return {};
  return { priority: campaign.priority, windowMs: attributionMs(campaign), credit: campaign.goal.attribution };
}

function factsOf(base: Facts): Facts {
  const empty = emptyFacts();
  return {
    ...empty,
    ...base,
    person: { ...empty.person, ...base.person },
    orders: base.orders.map((order) => ({ ...order, coupons: order.coupons ?? [] })),
  };
}
