/** One beacon to the server until every event of it has an answer; the same ids at every try, so nothing counts twice. */
import { CommandError, messageOf, sleep } from "../command.ts";

export interface Target {
  url: string;
  key: string;
}

export interface Tally {
  accepted: number;
  duplicates: number;
  rejected: number;
  /** Events without an answer after the last try. */
  failed: number;
  retries: number;
  /** Requests that were answered, ms each. */
  latencies: number[];
  /** Rejected events by code and message. */
  rejections: Record<string, number>;
  /** Why tries were repeated: a status, or the connection's error. */
  retriedBy: Record<string, number>;
  lastFailure: string | null;
}

interface Reply {
  accepted: number;
  duplicates: number;
  rejected: { index: number; id: string | null; code: string; message: string }[];
}

type Answer = { ok: true; reply: Reply } | { ok: false; status: number; why: string; retryAfterMs: number };

const TRIES = 8;
const BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 10_000;
const TIMEOUT_MS = 30_000;
/** Rejections of single events that are worth another try. */
const PASSING = new Set(["INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "TOO_MANY_REQUESTS"]);

export const newTally = (): Tally => ({
  ...{ accepted: 0, duplicates: 0, rejected: 0, failed: 0, retries: 0 },
  ...{ latencies: [], rejections: {}, retriedBy: {}, lastFailure: null },
});

/** Throws a `CommandError` only when the key is refused: no later beacon could do better. */
export async function sendBeacon(target: Target, events: Record<string, unknown>[], tally: Tally): Promise<void> {
  let pending = events;
  for (let attempt = 1; pending.length > 0; attempt++) {
    const answer = await post(target, pending, tally);
    if (answer.ok) pending = settle(answer.reply, pending, attempt < TRIES, tally);
    else if (answer.status === 401 || answer.status === 403)
      throw new CommandError(
        `the server refuses the key: ${answer.why}`,
        "give the store's publishable key with --key",
      );
    else if (answer.status === 413 && pending.length > 1) return sendHalves(target, pending, tally);
    else if (attempt >= TRIES || !isPassing(answer.status)) {
      tally.failed += pending.length;
      tally.lastFailure = answer.why;
      return;
    }
    if (pending.length === 0) return;
    tally.retries++;
    const reason = answer.ok ? "rejected for now" : answer.status === 0 ? answer.why : String(answer.status);
    tally.retriedBy[reason] = (tally.retriedBy[reason] ?? 0) + 1;
    await sleep(pauseMs(attempt, answer.ok ? 0 : answer.retryAfterMs));
  }
}

async function sendHalves(target: Target, events: Record<string, unknown>[], tally: Tally): Promise<void> {
  const half = Math.ceil(events.length / 2);
  await sendBeacon(target, events.slice(0, half), tally);
  await sendBeacon(target, events.slice(half), tally);
}

const isPassing = (status: number): boolean => status === 0 || status === 408 || status === 429 || status >= 500;

/** Twice as long each time, with jitter; never sooner than the server asked for. */
const pauseMs = (attempt: number, retryAfterMs: number): number =>
  Math.max(retryAfterMs, Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2));

/** Counts a reply; answers the events that were turned away only for now. */
function settle(reply: Reply, events: Record<string, unknown>[], mayRetry: boolean, tally: Tally) {
  tally.accepted += reply.accepted;
  tally.duplicates += reply.duplicates;
  const again: Record<string, unknown>[] = [];
  for (const { index, code, message } of reply.rejected) {
    const event = events[index];
    if (mayRetry && event && PASSING.has(code)) {
      again.push(event);
      continue;
    }
    tally.rejected++;
    const reason = `${code} ${message}`;
    tally.rejections[reason] = (tally.rejections[reason] ?? 0) + 1;
  }
  return again;
}

async function post({ url, key }: Target, events: Record<string, unknown>[], tally: Tally): Promise<Answer> {
  const started = performance.now();
  try {
    const response = await fetch(`${url}/v1/events?key=${encodeURIComponent(key)}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ events }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.ok) {
      const reply = readReply(text);
      tally.latencies.push(performance.now() - started);
      return reply ? { ok: true, reply } : { ok: false, status: 0, why: "an unreadable reply", retryAfterMs: 0 };
    }
    const retryAfterMs = readRetryAfter(response.headers.get("retry-after"), Date.now());
    return { ok: false, status: response.status, why: `${response.status} ${text.slice(0, 300)}`, retryAfterMs };
  } catch (error) {
    return { ok: false, status: 0, why: messageOf(error), retryAfterMs: 0 };
  }
}

function readReply(text: string): Reply | null {
  try {
    const { accepted, duplicates, rejected } = JSON.parse(text) as Partial<Reply>;
    if (typeof accepted !== "number" || typeof duplicates !== "number") return null;
    return { accepted, duplicates, rejected: rejected ?? [] };
  } catch {
    return null;
  }
}

/** `Retry-After` in seconds or as a date to ms, at most a minute; 0 when there is none. */
export function readRetryAfter(header: string | null, now: number): number {
  if (!header) return 0;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.min(60_000, Math.max(0, ms)) : 0;
}
