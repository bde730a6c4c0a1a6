/**
 * Trying again, for calls that may safely run twice: reads, and writes that are deduplicated by an id or a number. Waits
 * have full jitter (a random part of a doubling bound), so that callers that failed together do not come back together.
 */
import { SECOND_MS } from "./time.ts";
import { withTimeout } from "./timeout.ts";

export interface RetryPolicy {
  /** Calls in all. */
  attempts: number;
  /** The bound of the first wait; it doubles. */
  baseMs: number;
  isRetryable(error: unknown): boolean;
  /** In [0, 1). */
  random(): number;
  sleep(ms: number): Promise<unknown>;
}

/** `call`'s value. Throws its last error when it may not be repeated or the attempts are used up. */
export async function retry<T>(call: () => PromiseLike<T>, policy: RetryPolicy): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt >= policy.attempts || !policy.isRetryable(error)) throw error;
      await policy.sleep(policy.random() * policy.baseMs * 2 ** (attempt - 1));
    }
  }
}

/** What the platform marks as passing. An overloaded actor is left alone: calling again would only add to its load. */
export const isPassing = (error: unknown): boolean =>
  error instanceof Error &&
  "retryable" in error &&
  error.retryable === true &&
  !("overloaded" in error && error.overloaded === true);

const CALL_MS = 10 * SECOND_MS;

/**
 * One call of an actor, at most 10 s each, up to three times. Only for calls that may run twice; `call` takes a new stub
 * each time, because a stub breaks with the actor it spoke to.
 */
export const callActor = <T>(what: string, call: () => PromiseLike<T>): Promise<T> =>
  retry(() => withTimeout(call(), CALL_MS, what), {
    attempts: 3,
    baseMs: 100,
    isRetryable: isPassing,
    random: Math.random,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
