/**
 * What this isolate knows to be refused for a while yet, so that a flood is turned away without asking any actor.
 * Only refusals are kept: nobody is let through from memory, hence a revoked token is never either.
 */
import type { LimitVerdict } from "../../shared/policy/limits.ts";

const MAX_ENTRIES = 5_000;

export class Refusals {
  readonly #until = new Map<string, { until: number; limit: number }>();

  /** The refusal that still stands. */
  find(key: string, now: number): LimitVerdict | null {
    const known = this.#until.get(key);
    if (!known) return null;
    if (known.until <= now) {
      this.#until.delete(key);
      return null;
    }
    const { until, limit } = known;
    return { allowed: false, limit, remaining: 0, resetAt: until, retryAfterMs: until - now };
  }

  /** By this isolate's clock; the oldest entry makes room. */
  remember(key: string, { limit, retryAfterMs }: LimitVerdict, now: number): void {
    if (this.#until.size >= MAX_ENTRIES) this.#until.delete(this.#until.keys().next().value ?? "");
    this.#until.delete(key);
    this.#until.set(key, { until: now + retryAfterMs, limit });
  }

  get size(): number {
    return this.#until.size;
  }
}
