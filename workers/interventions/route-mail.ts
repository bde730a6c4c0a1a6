/**
 * By which provider a message goes: the store's own, in their order, or the deployment's when it has none. An open
 * circuit, and a refusal that surely sent nothing, lead on to the next; an unknown outcome never does.
 */
import type { Config } from "../../shared/config.ts";
import { opened, type ProviderRow, providersOf } from "../../shared/db/providers.ts";
import { log } from "../../shared/log.ts";
import { count, observe } from "../../shared/metrics.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { withTimeout } from "../../shared/timeout.ts";
import type { Env } from "../env.ts";
import { Circuit } from "./circuit.ts";
import { emailProvider, storeProvider } from "./providers/index.ts";
import { type Mail, messageOf, type Provider, type SendOutcome } from "./providers/provider.ts";

/** A provider that answers later than this counts as not answering; less than a claim's time-out and a probe's lease. */
const CALL_MS = 90 * SECOND_MS;
/** After this no further provider is tried under the same claim: its last call must end before the claim's time-out. */
const FAILOVER_MS = MINUTE_MS;

/** One way a message may go. */
export interface Way {
  provider: Provider;
  /** Names its circuit: two accounts at one provider fail by themselves. */
  circuit: string;
  /** Whose idempotency keys count; unsaid for the deployment's own. */
  account?: string;
  from?: { name: string | null; email: string };
}

/** The ways of a store, the preferred one first; never none. */
export async function waysOf(env: Env, config: Config, storeId: string): Promise<Way[]> {
  const rows = (await providersOf(env.DB, storeId)).filter((row) => row.enabled === 1);
  if (rows.length > 0) return Promise.all(rows.map((row) => wayOf(row, config)));
  const provider = emailProvider(env, config);
  return [{ provider, circuit: provider.name }];
}

/** The preferred provider of the store's own, for a message that is no delivery; `null` when it has none. */
export async function ownWayOf(env: Env, config: Config, storeId: string): Promise<Way | null> {
  const [way] = await waysOf(env, config, storeId);
  return way?.account === undefined ? null : way;
}

async function wayOf(row: ProviderRow, { AUTH_SECRET }: Config): Promise<Way> {
  const setup = await opened(row, AUTH_SECRET);
  return {
    provider: setup ? storeProvider(setup) : sealedShut(row),
    circuit: `${row.kind}/${row.id}`,
    account: `${row.id}@${row.version}`,
    from: { name: row.from_name, email: row.from_email },
  };
}

/** Its credentials were sealed with another secret: messages wait, or go another way, until they are entered again. */
const sealedShut = ({ id, kind }: ProviderRow): Provider => ({
  name: kind,
  resumable: false,
  send: async () => {
    log("error", "provider_sealed", { provider: id });
    return { kind: "refused", reason: "the credentials cannot be opened: enter them again", retryable: true };
  },
});

/** How a message went, and by whom. */
export interface Carried {
  outcome: SendOutcome;
  provider: string;
}

/** The ways of one message that are open now; at most one circuit is entered at a time. */
export class MailRoute {
  readonly #env: Env;
  readonly #storeId: string;
  readonly #ways: readonly Way[];
  #at = -1;
  #circuit: Circuit | null = null;
  /** The soonest end of the circuits that are open. */
  #until = Number.POSITIVE_INFINITY;

  constructor(env: Env, storeId: string, ways: readonly Way[]) {
    this.#env = env;
    this.#storeId = storeId;
    this.#ways = ways;
  }

  static async enter(env: Env, storeId: string, ways: readonly Way[]): Promise<MailRoute> {
    const route = new MailRoute(env, storeId, ways);
    await route.#next();
    return route;
  }

  /** When to ask again (ms); `null` when some way is open. */
  get until(): number | null {
    return this.#circuit ? null : this.#until;
  }

  /** The way the message would go. When none is open: the preferred one. */
  get way(): Way {
    return this.#ways[this.#circuit ? this.#at : 0]!;
  }

  /** An unanswered call may be repeated: there is one way only, and it honours the key. Another knows nothing of the key. */
  get resumable(): boolean {
    return this.#ways.length === 1 && this.way.provider.resumable;
  }

  /**
   * Sends by the open way, and by those behind it while they surely did not send. When nobody did, it is for good only if
   * nobody may later: neither one that refused for now, nor one that was passed by.
   */
  async carry(mail: Mail): Promise<Carried> {
    const deadline = Date.now() + FAILOVER_MS;
    let retryable = false;
    let retryAfterMs = 0;
    for (;;) {
      const { way } = this;
      const outcome = await this.#call(way, mail);
      const provider = way.provider.name;
      if (outcome.kind !== "refused" || !(outcome.retryable || outcome.account)) return { outcome, provider };
      retryable ||= outcome.retryable;
      retryAfterMs = Math.max(retryAfterMs, outcome.retryAfterMs ?? 0);
      const late = Date.now() > deadline;
      if (late || !(await this.#next())) {
        retryable ||= late || this.#until < Number.POSITIVE_INFINITY;
        const { reason } = outcome;
        const refused = { kind: "refused", reason, retryable, ...(retryAfterMs > 0 ? { retryAfterMs } : {}) } as const;
        return { outcome: refused, provider };
      }
      log("info", "failover", { from: way.circuit, to: this.way.circuit, delivery: mail.deliveryId });
    }
  }

  /** Gives the circuit back. */
  async leave(): Promise<void> {
    const circuit = this.#circuit;
    this.#circuit = null;
    await circuit?.leave();
  }

  /** On to the next way whose circuit is not open. */
  async #next(): Promise<boolean> {
    await this.leave();
    while (++this.#at < this.#ways.length) {
      const way = this.#ways[this.#at]!;
      const circuit = await Circuit.enter(this.#env, this.#storeId, way.circuit);
      if (circuit.until === null) {
        this.#circuit = circuit;
        return true;
      }
      this.#until = Math.min(this.#until, circuit.until);
      countSend(way.provider, "delayed");
    }
    return false;
  }

  async #call({ provider, from }: Way, mail: Mail): Promise<SendOutcome> {
    const started = Date.now();
    const sender = from ? { name: from.name ?? mail.from.name, email: from.email } : mail.from;
    const outcome = await withTimeout(provider.send({ ...mail, from: sender }), CALL_MS, provider.name).catch(
      (error): SendOutcome => ({ kind: "unknown", reason: messageOf(error) }),
    );
    this.#circuit?.note(outcome);
    const labels = { channel: "email", provider: provider.name };
    observe("cartwake_send_duration_seconds", labels, (Date.now() - started) / SECOND_MS);
    countSend(provider, outcome.kind === "refused" && outcome.retryable ? "refused_for_now" : outcome.kind);
    return outcome;
  }
}

const countSend = (provider: Provider, outcome: SendOutcome["kind"] | "refused_for_now" | "delayed"): void =>
  count("cartwake_sends_total", { channel: "email", provider: provider.name, outcome });
