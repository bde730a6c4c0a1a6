import { byteLength, type Queue } from "./queue.ts";
import { backoffMs, retryAfterMs, settle } from "./reply.ts";
import type { Clock, EventsReply, OutgoingEvent } from "./types.ts";

export const MAX_BATCH = 100;
/** Browsers allow 64 KiB of `keepalive` and beacon bodies in flight. */
export const MAX_BYTES = 60_000;
const TIMEOUT_MS = 20_000;

export interface TransportDeps {
  url: string;
  queue: Queue;
  clock: Clock;
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** `navigator.sendBeacon`; a string body goes out as text/plain. */
  beacon: (url: string, body: string) => boolean;
  onReply: (reply: EventsReply) => void;
}

export type Transport = ReturnType<typeof createTransport>;

/** Moves events from the queue to the endpoint, one request at a time. An event leaves the queue only when a reply settles it. */
export function createTransport({ url, queue, clock, fetch, beacon, onReply }: TransportDeps) {
  let timer: unknown = null;
  let dueAt = 0;
  let failures = 0;
  let maxBatch = MAX_BATCH;
  let inFlight: OutgoingEvent[] = [];
  /** Handed to the browser, not confirmed: sent again in earnest, but not by a second beacon. */
  let beaconed = new Set<string>();
  /** Before this moment the server, or our own patience, wants silence. */
  let silentUntil = 0;
  let offline = false;

  const body = (events: OutgoingEvent[]) =>
    // sentAt lets the server measure, and undo, a wrong device clock.
    JSON.stringify({ sentAt: new Date(clock.now()).toISOString(), events });

  function schedule(delayMs: number): void {
    const at = Math.max(clock.now() + delayMs, silentUntil);
    if (timer !== null && dueAt <= at) return;
    if (timer !== null) clock.cancel(timer);
    dueAt = at;
    timer = clock.later(flush, at - clock.now());
  }

  function fail(waitMs = 0): void {
    failures++;
    silentUntil = clock.now() + Math.max(waitMs, backoffMs(failures, clock.random()));
  }

  async function send(events: OutgoingEvent[]): Promise<void> {
    const payload = body(events);
    const abort = new AbortController();
    const timeout = clock.later(() => abort.abort(), TIMEOUT_MS);
    try {
      const response = await fetch(url, {
        method: "POST",
        // Not application/json: text/plain spares shops on other origins a preflight for every request.
        headers: { "content-type": "text/plain" },
        body: payload,
        keepalive: byteLength(payload) < 64_000,
        credentials: "omit",
        signal: abort.signal,
      });
      offline = false;
      const reply: EventsReply | null = await response.json().catch(() => null);
      const { drop, retry, split } = settle(response.status, reply, events);
      if (drop.size) queue.drop((event) => drop.has(event.id));
      maxBatch = split ? Math.ceil(events.length / 2) : MAX_BATCH;
      if (retry) fail(retryAfterMs(response.headers.get("retry-after"), clock.now()));
      else failures = 0;
      if (response.ok && reply) onReply(reply);
    } catch {
      offline = true;
      fail();
    } finally {
      clock.cancel(timeout);
    }
  }

  async function flush(): Promise<void> {
    timer = null;
    if (inFlight.length) return; // its end schedules the next
    if (clock.now() < silentUntil) return schedule(0);
    inFlight = queue.batch(maxBatch, MAX_BYTES);
    if (!inFlight.length) return;
    queue.touch();
    await send(inFlight);
    inFlight = [];
    if (queue.size()) schedule(0);
  }

  return {
    schedule,
    /** The page may be gone in a moment: whatever is not on its way leaves by beacon, and stays queued until confirmed. */
    hide(): void {
      if (clock.now() < silentUntil && !offline) return;
      const events = queue.batch(maxBatch, MAX_BYTES, new Set([...beaconed, ...inFlight.map((event) => event.id)]));
      if (events.length && beacon(url, body(events))) for (const event of events) beaconed.add(event.id);
    },
    show(): void {
      beaconed = new Set();
      if (queue.size()) schedule(1_000);
    },
    /** The network is back: our own patience may end early, the server's may not. */
    online(): void {
      if (offline) silentUntil = failures = 0;
      if (queue.size()) schedule(0);
    },
  };
}
