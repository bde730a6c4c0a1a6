import type { EventsReply, OutgoingEvent } from "./types.ts";

export interface Settlement {
  /** Ids that leave the queue. */
  drop: Set<string>;
  /** Wait, then send again. */
  retry: boolean;
  /** Too large as a whole: send in halves. */
  split: boolean;
}

const TRANSIENT = /^(INTERNAL_ERROR|SERVICE_UNAVAILABLE|TOO_MANY_REQUESTS)$/;

/**
 * What an answer means for the batch it answers. Every answer either shortens the queue, the batch or our patience,
 * so that nothing is sent in a tight loop.
 */
export function settle(status: number, reply: EventsReply | null, batch: OutgoingEvent[]): Settlement {
  const rejected = Array.isArray(reply?.rejected) ? reply.rejected : [];
  const ids = (transient: boolean) =>
    new Set(
      rejected
        .filter((r) => TRANSIENT.test(r.code ?? "") === transient)
        .map((r) => r.id ?? batch[r.index ?? -1]?.id)
        .filter((id) => id != null),
    );

  if (status >= 200 && status < 300) {
    const keep = ids(true);
    const drop = new Set(batch.map((e) => e.id).filter((id) => !keep.has(id)));
    return { drop, retry: drop.size < batch.length, split: false };
  }
  if (status === 413 && batch.length > 1) return { drop: new Set(), retry: false, split: true };
  if (status === 400 || status === 413 || status === 415 || status === 422) {
    const named = ids(false);
    const drop = batch.map((e) => e.id).filter((id) => named.has(id));
    // Refused without a word about which: sending the same again can only end the same.
    return { drop: new Set(drop.length ? drop : batch.map((e) => e.id)), retry: false, split: false };
  }
  return { drop: new Set(), retry: true, split: false };
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 300_000;

/** 1 s, 2 s, 4 s … 5 min, each between half and the whole of it, so that a shop's tabs do not return in step. */
export const backoffMs = (failures: number, random: number): number =>
  Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 20)) * (0.5 + random / 2);

/** `Retry-After` in seconds or as a date; at most an hour; 0 when there is none. */
export function retryAfterMs(header: string | null, now: number): number {
  if (!header) return 0;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Math.min(3_600_000, Math.max(0, ms || 0));
}
