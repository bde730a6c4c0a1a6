import { isPassive } from "./consent.ts";
import { readJson } from "./storage.ts";
import type { Clock, OutgoingEvent, Store } from "./types.ts";

export const MAX_QUEUED = 200;
/** Older events say nothing about a cart any more. */
export const MAX_AGE_MS = 7 * 86_400_000;
/** A tab touches its queue at every attempt to send; one left alone for so long has no living owner. */
export const LEASE_MS = 120_000;

const PREFIX = "cartwake.queue.";

interface Saved {
  at: number;
  events: OutgoingEvent[];
}

export type Queue = ReturnType<typeof createQueue>;

/**
 * Events that are not yet confirmed, oldest first. Memory is the truth, storage its mirror, so that a crash loses nothing.
 * Each tab has a mirror of its own: two tabs writing one key would overwrite each other (browsers share it between processes
 * late), and would both send everything.
 */
export function createQueue(store: Store, tabId: string, clock: Clock) {
  const own = PREFIX + tabId;
  let events: OutgoingEvent[] = [];

  function save(): void {
    while (events.length > MAX_QUEUED) {
      // The oldest browsing goes first: an order must not be pushed out by page views.
      events.splice(
        Math.max(
          0,
          events.findIndex((event) => isPassive(event.type)),
        ),
        1,
      );
    }
    if (events.length) store.set(own, JSON.stringify({ at: clock.now(), events } satisfies Saved));
    else store.remove(own);
  }

  /** Takes over what this tab's last page, and tabs that are gone, left behind. */
  function adopt(): void {
    const now = clock.now();
    const known = new Set(events.map((event) => event.id));
    for (const key of store.keys().filter((k) => k.startsWith(PREFIX))) {
      const saved = readJson<Saved>(store, key);
      if (key !== own && saved && Math.abs(now - saved.at) < LEASE_MS) continue;
      store.remove(key);
      if (!Array.isArray(saved?.events)) continue;
      events.push(
        ...saved.events.filter((e) => e?.id && !known.has(e.id) && now - Date.parse(e.occurredAt) < MAX_AGE_MS),
      );
    }
    events.sort((a, b) => (a.occurredAt < b.occurredAt ? -1 : a.occurredAt > b.occurredAt ? 1 : 0));
    save();
  }

  adopt();
  return {
    adopt,
    /** Renews the lease on the mirror. */
    touch: save,
    size: () => events.length,
    add(event: OutgoingEvent): void {
      events.push(event);
      save();
    },
    drop(gone: (event: OutgoingEvent) => boolean): void {
      events = events.filter((event) => !gone(event));
      save();
    },
    /** The oldest events that fit; always at least one, however large. */
    batch(maxEvents: number, maxBytes: number, skip?: Set<string>): OutgoingEvent[] {
      const batch: OutgoingEvent[] = [];
      let bytes = 0;
      for (const event of events) {
        if (skip?.has(event.id)) continue;
        bytes += byteLength(JSON.stringify(event)) + 1;
        if (batch.length && (batch.length === maxEvents || bytes > maxBytes)) break;
        batch.push(event);
      }
      return batch;
    },
  };
}

export const byteLength = (text: string): number => new TextEncoder().encode(text).length;
