/**
 * When a cart must wake. Every delay is derived from stored state, so that a beacon that postpones abandonment writes
 * no timer: the alarm that comes too early finds nothing due and is armed again. Pure.
 */
import { stableHash } from "../../shared/ids.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { followsAt } from "./journey.ts";
import { CLAIM_TIMEOUT_MS, isOpen } from "./ledger.ts";
import type { CartState } from "./state.ts";

export interface Timer {
  name: "abandon" | "step" | "follow" | "claim_timeout" | "expire" | "forget";
  at: number;
  deliveryId?: string;
}

/** A little stable jitter spreads a flash sale's deadlines: 2% of the delay, at most 10 s. */
export const jitterMs = (cartId: string, delayMs: number): number =>
  Math.floor(Math.min(10 * SECOND_MS, delayMs * 0.02) * (stableHash(cartId, 7) / 2 ** 53));

/** How long the cart may lie idle before it counts as abandoned. */
export const leashMs = ({ facts, rules }: CartState): number =>
  facts.stage === "payment" ? rules.checkoutLeashMs : rules.abandonAfterMs;

export const abandonAt = (state: CartState): number => {
  const leash = leashMs(state);
  return state.facts.lifeAt + leash + jitterMs(state.cartId, leash);
};

export const isTerminal = (state: CartState): boolean =>
  ["purchased", "recovered", "expired", "merged"].includes(state.process.status);

/** It is over, and every message is at its end: a claim under way is not forgotten, however late the alarm. */
export const mayForget = (state: CartState): boolean => isTerminal(state) && !state.process.effects.some(isOpen);

/** Something in it, open, and nobody has left it yet. */
export const canBeAbandoned = ({ facts, process }: CartState): boolean =>
  process.status === "active" && facts.items.length > 0 && facts.closedAt === null;

/** All pending timers, earliest first. */
export function timersOf(state: CartState): Timer[] {
  const { facts, process, rules } = state;
  const timers: Timer[] = [];
  if (facts.lastReceivedAt === 0) return timers;
  if (canBeAbandoned(state)) timers.push({ name: "abandon", at: abandonAt(state) });
  for (const effect of process.effects) {
    const { deliveryId } = effect;
    // An offer waits for the page, not for a time.
    if (effect.status === "scheduled" && effect.dueAt !== null && effect.channel !== "onsite")
      timers.push({ name: "step", at: effect.dueAt, deliveryId });
    const follows = facts.closedAt === null && effect.generation === facts.generation ? followsAt(state, effect) : null;
    if (follows !== null && !isTerminal(state)) timers.push({ name: "follow", at: follows, deliveryId });
    if (effect.status === "claimed") {
      const at = effect.dueAt ?? (effect.claimedAt ?? 0) + CLAIM_TIMEOUT_MS;
      timers.push({ name: "claim_timeout", at, deliveryId });
    }
  }
  const lastSign = Math.max(facts.lastReceivedAt, process.expiredAt ?? 0);
  if (mayForget(state)) timers.push({ name: "forget", at: lastSign + rules.retentionMs });
  else if (!isTerminal(state)) timers.push({ name: "expire", at: lastSign + rules.expireAfterMs });
  return timers.sort((a, b) => a.at - b.at);
}

export const nextWake = (state: CartState): number | null => timersOf(state)[0]?.at ?? null;
