/**
 * On-site offers: effects that the beacon's reply carries instead of a provider. The reply may be lost, so the same offer
 * goes with every reply until the page says that it was shown. Pure.
 */

import type { Trigger } from "../../shared/policy/rules.ts";
import { HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import type { Note } from "./commands.ts";
import { exposed } from "./exposure.ts";
import { isOpenCart, unwanted } from "./journey.ts";
import * as ledger from "./ledger.ts";
import type { CartState, Effect, Process } from "./state.ts";

/** An offer that nobody drew is repeated for this long. */
const REPEAT_MS = 30 * MINUTE_MS;
/** Who was about to leave, or hesitated, is answered within this: later it would be about nothing. */
const FLEETING_MS = 30 * MINUTE_MS;
const FLEETING: readonly Trigger[] = ["exit_intent", "checkout_hesitation"];
/** After a dismissal the cart makes no further offer for this long, but for a failed payment. */
const PEACE_MS = 24 * HOUR_MS;

export const offerEndsAt = (effect: Effect): number => (effect.sentAt ?? 0) + REPEAT_MS;

/** What the page told about offers: shown is opened, accepted is clicked and cancels what was queued elsewhere. */
export function heed(state: CartState, now: number, notes: Note[]): Process {
  let { process } = state;
  for (const { deliveryId, what } of state.facts.offers) {
    const effect = process.effects.find((e) => e.deliveryId === deliveryId && e.channel === "onsite");
    if (!effect) continue;
    if (what === "shown" && effect.status === "sent") {
      notes.push({ code: "opened", text: "The offer was shown", deliveryId });
      process = ledger.put(process, ledger.move(effect, "opened", now));
    }
    if (what === "dismissed" && ["sent", "opened"].includes(effect.status) && !wasDismissed(effect)) {
      notes.push({ code: "dismissed", text: "The shopper dismissed the offer", deliveryId });
      process = ledger.put(process, ledger.move(effect, "opened", now, "dismissed"));
    }
    if (what === "accepted" && ["sent", "opened"].includes(effect.status)) {
      notes.push({ code: "clicked", text: "The shopper accepted the offer", deliveryId });
      process = ledger.put(process, ledger.move(effect, "clicked", now));
      const queued = (e: Effect): boolean => e.channel !== "onsite" && e.generation === effect.generation;
      process = ledger.cancelScheduled(process, now, "offer_accepted", notes, queued);
    }
  }
  return process;
}

const wasDismissed = (effect: Effect): boolean => effect.history.some((h) => h.reason === "dismissed");

/**
 * The offer that goes with this reply, and what its making changed. One at a time, the campaign of the highest priority
 * first. Holdout is decided here, by the same hash as the arbiter's: asking it would cost every beacon a hop. Caps, quiet
 * hours and consent are about messages: whoever reads an offer came to the shop by themselves.
 */
export function offer(state: CartState, now: number, notes: Note[]): { process: Process; offers: Effect[] } {
  const { process, facts } = state;
  if (!process.effects.some((e) => e.channel === "onsite")) return { process, offers: [] };
  const mine = process.effects.filter((e) => e.channel === "onsite" && e.generation === facts.generation);
  const out = standing(state, now);
  if (!isOpenCart(state) || out.length > 0) return { process, offers: out };
  // One is before the shopper's eyes: the next waits for their answer.
  const unanswered = (e: Effect): boolean => e.status === "opened" && !wasDismissed(e) && now < offerEndsAt(e);
  if (mine.some(unanswered)) return { process, offers: [] };
  const dismissedAt = Math.max(
    0,
    ...process.effects.flatMap((e) => e.history.filter((h) => h.reason === "dismissed").map((h) => h.at)),
  );
  const due = mine
    .filter((e) => e.status === "scheduled" && e.dueAt !== null && now >= e.dueAt)
    .filter((e) => now >= dismissedAt + PEACE_MS || e.trigger === "payment_failed")
    .sort((a, b) => b.priority - a.priority || a.dueAt! - b.dueAt!);
  return first(state, due, now, notes);
}

/** The offer that an earlier reply carried and nobody has seen yet. */
export function standing(state: CartState, now: number): Effect[] {
  if (!isOpenCart(state)) return [];
  const out = state.process.effects.find(
    (e) =>
      e.channel === "onsite" && e.generation === state.facts.generation && e.status === "sent" && now < offerEndsAt(e),
  );
  return out ? [out] : [];
}

/** The first of them that is still wanted; those before it end here, those after it wait. */
function first(
  state: CartState,
  due: readonly Effect[],
  now: number,
  notes: Note[],
): { process: Process; offers: Effect[] } {
  let { process } = state;
  for (const effect of due) {
    const { deliveryId } = effect;
    const late = FLEETING.includes(effect.trigger) && now > effect.dueAt! + FLEETING_MS;
    const reason = late ? "moment_passed" : unwanted({ ...state, process }, effect);
    if (reason === "conditions") continue; // they may hold with a later beacon
    if (reason !== null) {
      notes.push({ code: "cancelled", text: `Offer cancelled: ${reason}`, deliveryId });
      process = ledger.put(process, { ...ledger.move(effect, "cancelled", now, reason), dueAt: null });
      continue;
    }
    const exposure = effect.exposure ?? exposed(state, effect, now);
    if (exposure.arm === "held_out") {
      notes.push({ code: "suppressed", text: "No offer: the shopper is held out", deliveryId });
      process = ledger.put(process, {
        ...ledger.move(effect, "suppressed", now, "holdout"),
        dueAt: null,
        exposure,
      });
      continue;
    }
    const sent: Effect = {
      ...ledger.move(effect, "sent", now),
      dueAt: null,
      claimedAt: now,
      sentAt: now,
      provider: "onsite",
      exposure,
    };
    notes.push({ code: "sent", text: "Offered on the page", deliveryId });
    return { process: ledger.put(process, sent), offers: [sent] };
  }
  return { process, offers: [] };
}
