/** The effect ledger: every change of an effect's status goes through here. Pure. */
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { DeliveryStatus } from "../../shared/views.ts";
import type { Note } from "./commands.ts";
import type { Effect, Process } from "./state.ts";

/** Handed to the queue but not claimed: handed again after this, doubling. The local queue forgets on restart. */
export const REDISPATCH_MS = 15 * SECOND_MS;
export const MAX_DISPATCHES = 12;
/** Claimed but not settled: the sender is presumed dead after this. */
export const CLAIM_TIMEOUT_MS = 2 * MINUTE_MS;
/** A claimed effect whose provider honours the key may be claimed again after this. */
export const RESUME_MS = 30 * SECOND_MS;
/** Sends that surely failed before it is given up. Their waits double from half a minute: more than four hours in all. */
export const MAX_ATTEMPTS = 10;
const RETRY_MS = 30 * SECOND_MS;
/** Longer than this no provider's wish to be left alone is obeyed: it is asked again, and may say so again. */
const MAX_RETRY_AFTER_MS = 6 * HOUR_MS;
const MAX_HISTORY = 30;
/** Effects kept; the oldest finished ones go first. */
const MAX_EFFECTS = 100;

export const isOpen = (effect: Effect): boolean => effect.status === "scheduled" || effect.status === "claimed";

/** A message that reached the provider before any order was acknowledged. */
export const wasSent = (effect: Effect): boolean => ["sent", "delivered", "opened", "clicked"].includes(effect.status);

/** The shopper had it before their eyes, as far as can be known: an on-site offer counts once it was shown. */
export const wasSeen = (effect: Effect): boolean =>
  wasSent(effect) && !(effect.channel === "onsite" && effect.status === "sent");

/** A message that may have gone out unanswered ends as unknown, never as not sent. */
export function move(effect: Effect, wanted: DeliveryStatus, at: number, reason?: string): Effect {
  const unsent = wanted === "cancelled" || wanted === "suppressed" || wanted === "failed";
  const status = effect.doubtful && unsent ? "unknown" : wanted;
  const entry = reason === undefined ? { status, at } : { status, at, reason };
  return { ...effect, status, history: [...effect.history, entry].slice(-MAX_HISTORY) };
}

export const find = (process: Process, effectId: string): Effect | undefined =>
  process.effects.find((e) => e.id === effectId);

export function put(process: Process, effect: Effect): Process {
  return { ...process, effects: process.effects.map((e) => (e.id === effect.id ? effect : e)) };
}

export function append(process: Process, added: Effect[]): Process {
  const effects = [...process.effects, ...added];
  while (effects.length > MAX_EFFECTS) {
    // Those of the open generation tell what was planned already: they go last.
    const older = effects.findIndex((e) => !isOpen(e) && e.generation < process.generation);
    const done = older >= 0 ? older : effects.findIndex((e) => !isOpen(e));
    if (done < 0) break;
    effects.splice(done, 1);
  }
  return { ...process, effects };
}

/** Cancels what was not claimed yet. What was claimed is past the point of no return: its settle will say `raced`. */
export function cancelScheduled(
  process: Process,
  at: number,
  reason: string,
  notes: Note[],
  which: (effect: Effect) => boolean = () => true,
): Process {
  const effects = process.effects.map((effect) => {
    if (effect.status !== "scheduled" || !which(effect)) return effect;
    notes.push({ code: "cancelled", text: `Message cancelled: ${reason}`, deliveryId: effect.deliveryId });
    return { ...move(effect, "cancelled", at, reason), dueAt: null };
  });
  return { ...process, effects };
}

/** Waits while the shopper is there; what is shown on the page, and what was not begun by their leaving, does not. */
const waits = (effect: Effect): boolean =>
  effect.status === "scheduled" && effect.trigger === "cart_abandoned" && effect.channel !== "onsite";

/** The shopper is back: what was planned waits until the cart is left again. */
export function pause(process: Process): Process {
  const effects = process.effects.map((e) => (waits(e) ? { ...e, dueAt: null } : e));
  return { ...process, effects };
}

/** Left again: unsent steps of the journey follow from the new moment, and what the queue still holds comes too early. */
export function resume(process: Process, leftAt: number): Process {
  const effects = process.effects.map((e) =>
    waits(e) && e.dueAt === null ? { ...e, dueAt: leftAt + e.delayMs, dispatches: 0 } : e,
  );
  return { ...process, effects };
}

/**
 * While an earlier step of its journey is held back a step keeps its distance, so that they do not come at once; `null`: none is.
 */
export function waitsUntil(process: Process, effect: Effect, now: number): number | null {
  const held = process.effects.filter(
    (e) =>
      e.campaignId === effect.campaignId &&
      e.generation === effect.generation &&
      e.delayMs < effect.delayMs &&
      e.status === "scheduled" &&
      e.dueAt !== null &&
      e.dueAt > now &&
      e.dispatches === 0 &&
      e.history.at(-1)?.reason !== undefined,
  );
  const ends = held.map((e) => e.dueAt! + effect.delayMs - e.delayMs);
  return ends.length > 0 ? Math.max(...ends) : null;
}

export const backoff = (base: number, tries: number): number => base * 2 ** Math.min(tries, 8);

/** After a send that surely failed: again later, not before the provider wishes (`retryAfterMs`), or given up. */
export function afterFailure(effect: Effect, at: number, reason: string, retryable: boolean, retryAfterMs = 0): Effect {
  const attempts = effect.attempts + 1;
  if (!retryable || attempts >= MAX_ATTEMPTS) return { ...move(effect, "failed", at, reason), attempts, dueAt: null };
  const dueAt = at + Math.max(backoff(RETRY_MS, attempts - 1), Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
  return { ...move(effect, "scheduled", at, reason), attempts, dueAt, dispatches: 0, claimedAt: null };
}
