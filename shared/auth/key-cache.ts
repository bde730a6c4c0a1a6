/**
 * The keyring's published keys, as one isolate or actor remembers them. A new key is published long before it signs, so
 * that in the common case nobody asks the keyring. A token that names an unknown key makes it asked at once, but not
 * more often than `RETRY_MS`: whoever sends made-up key ids causes no flood of calls.
 */
import type { JSONWebKeySet } from "jose";
import { log } from "../log.ts";
import { MINUTE_MS, SECOND_MS } from "../time.ts";
import { keyIdOf } from "./tokens.ts";

export const KEYS_MS = MINUTE_MS;
export const RETRY_MS = 3 * SECOND_MS;
const WAIT_MS = SECOND_MS;

type Ask = () => Promise<JSONWebKeySet>;

export class KeyCache {
  #known: { keys: JSONWebKeySet; at: number } | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Settles, and never rejects, with the question that is under way. */
  #answer: Promise<void> = Promise.resolve();

  /** Keys at most `KEYS_MS` old. While one caller asks for newer ones, and if that fails, the old ones serve. */
  async current(ask: Ask, now: number): Promise<JSONWebKeySet> {
    const known = this.#known;
    if (!known) return this.fresh(ask, now);
    if (now - known.at < KEYS_MS || now - this.#askedAt < RETRY_MS) return known.keys;
    return this.fresh(ask, now).catch((error: unknown) => {
      log("warn", "keys_unavailable", { ageMs: now - known.at, error });
      return known.keys;
    });
  }

  /** The current keys; newer ones when the token names one that is not among them. */
  async forToken(token: string, ask: Ask, now: number): Promise<JSONWebKeySet> {
    const keys = await this.current(ask, now);
    const kid = keyIdOf(token);
    if (kid === null || keys.keys.some((key) => key.kid === kid)) return keys;
    if (now - this.#askedAt >= RETRY_MS) return this.fresh(ask, now);
    // Whoever asked may be gone, and its answer with it: this waits, but not for ever.
    await Promise.race([this.#answer, new Promise((resolve) => setTimeout(resolve, WAIT_MS))]);
    return this.#known?.keys ?? keys;
  }

  /** Asks, whatever is known. Rejects when the keyring does not answer. */
  async fresh(ask: Ask, now: number): Promise<JSONWebKeySet> {
    this.#askedAt = now;
    const asking = ask();
    this.#answer = asking.then(
      () => undefined,
      () => undefined, // whoever asked is told
    );
    const keys = await asking;
    if (!this.#known || this.#known.at <= now) this.#known = { keys, at: now };
    return keys;
  }
}
