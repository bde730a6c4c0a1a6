/** The circuit breaker around the calls of one store's provider, as the sender uses it. */
import { breakerStub } from "../../objects/stubs.ts";
import { log } from "../../shared/log.ts";
import { callActor } from "../../shared/retry.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { withTimeout } from "../../shared/timeout.ts";
import type { Env } from "../env.ts";
import { messageOf, type SendOutcome } from "./providers/provider.ts";

type Breaker = ReturnType<typeof breakerStub>;
type Entry = Awaited<ReturnType<Breaker["enter"]>>;
type Verdict = Parameters<Breaker["report"]>[0];

const ASK_MS = 5 * SECOND_MS;

export class Circuit {
  readonly #breaker: () => Breaker;
  readonly #entry: Entry;
  #verdict: Verdict = "void";

  constructor(breaker: () => Breaker, entry: Entry) {
    this.#breaker = breaker;
    this.#entry = entry;
  }

  /** Asks whether the provider may be called. A breaker that cannot be asked stops nobody. */
  static async enter(env: Env, storeId: string, provider: string, maxPerMinute?: number): Promise<Circuit> {
    const breaker = () => breakerStub(env, storeId, provider);
    try {
      // Asked twice, the probe would be lost to the first answer: it is not repeated.
      return new Circuit(breaker, await withTimeout(breaker().enter(maxPerMinute), ASK_MS, "breaker"));
    } catch (error) {
      log("warn", "breaker_unasked", { storeId, provider, error });
      return new Circuit(breaker, { allowed: true, quiet: false, probe: 0 });
    }
  }

  /** When to ask again (ms); `null` when the call may be made. */
  get until(): number | null {
    return this.#entry.allowed ? null : (this.#entry.until ?? 0);
  }

  /** Not down, only asked too fast. */
  get isPaced(): boolean {
    return this.#entry.paced === true;
  }

  /** How the call ended. A refusal of the message for good is an answer: nothing is wrong with the provider. */
  note(outcome: SendOutcome): void {
    const failed =
      outcome.kind === "unknown" ||
      (outcome.kind === "refused" && (outcome.retryable || (outcome.account === true && !outcome.gone)));
    this.#verdict = failed ? "failure" : "success";
  }

  /** Tells the breaker what it needs to know: a call that was not made only gives the probe's place back. */
  async leave(): Promise<void> {
    const { allowed, quiet, probe } = this.#entry;
    if (!allowed || (quiet && this.#verdict === "success") || (this.#verdict === "void" && probe === 0)) return;
    try {
      await callActor("breaker", () => this.#breaker().report(this.#verdict, probe));
    } catch (error) {
      log("warn", "breaker_untold", { verdict: this.#verdict, reason: messageOf(error) });
    }
  }
}
