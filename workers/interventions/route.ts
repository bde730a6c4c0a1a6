/**
 * By which provider a message goes: the store's own of its channel, in their order, or the deployment's when it has none.
 * An open circuit, and a refusal that surely sent nothing, lead on to the next; an unknown outcome never does.
 */
import { storeStub } from "../../objects/stubs.ts";
import type { Config } from "../../shared/config.ts";
import { opened, type ProviderRow, providersOf } from "../../shared/db/providers.ts";
import { rememberNumber } from "../../shared/db/sms-numbers.ts";
import type { PushTarget } from "../../shared/events/types.ts";
import { log } from "../../shared/log.ts";
import { count, observe } from "../../shared/metrics.ts";
import { e164Of } from "../../shared/phone.ts";
import type { MessageChannel } from "../../shared/policy/rules.ts";
import { circuitOf } from "../../shared/providers.ts";
import { pushServiceOf } from "../../shared/push-target.ts";
import { callActor } from "../../shared/retry.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { withTimeout } from "../../shared/timeout.ts";
import type { Env } from "../env.ts";
import { Circuit } from "./circuit.ts";
import { deploymentProviders, storeProvider } from "./providers/index.ts";
import { type DeliveryMessage, messageOf, type Provider, type SendOutcome } from "./providers/provider.ts";

/** A provider that answers later than this counts as not answering; less than a claim's time-out and a probe's lease. */
const CALL_MS = 90 * SECOND_MS;
/** After this no further provider is tried under the same claim: its last call must end before the claim's time-out. */
const FAILOVER_MS = MINUTE_MS;

/** Why a message is not sent when `waysOf` names no way. */
export const NO_PROVIDER = "no_provider";

/** One way a message may go. */
export interface Way {
  channel: MessageChannel;
  provider: Provider;
  /** Names its circuit: two accounts at one provider fail by themselves. */
  circuit: string;
  /** Whose idempotency keys count; unsaid for the deployment's own. */
  account?: string;
  /** As many messages it takes. */
  maxPerMinute?: number;
  /** Whom mails are from. */
  from?: { name: string | null; email: string };
}

/**
 * The ways of a store's messages on a channel, the preferred one first; none when nobody can send them (`NO_PROVIDER`).
 * `rows`: the store's providers of that channel. A push message names its device: only the provider that knows it can reach it.
 */
export async function waysOf(
  env: Env,
  config: Config,
  rows: readonly ProviderRow[],
  { channel, target = null }: { channel: MessageChannel; target?: PushTarget | null },
): Promise<Way[]> {
  const enabled = rows.filter((row) => row.enabled === 1);
  const able = enabled.filter((row) => target === null || row.kind === target.kind);
  if (enabled.length > 0) return Promise.all(able.map((row) => wayOf(env, config, row, target)));
  return deploymentProviders(env, config, channel).map((provider) => ({ channel, provider, circuit: provider.name }));
}

/** The preferred provider of mail of the store's own, for a message that is no delivery; `null` when it has none. */
export async function ownWayOf(env: Env, config: Config, storeId: string): Promise<Way | null> {
  const rows = await providersOf(env.DB, storeId, "email");
  const [way] = await waysOf(env, config, rows, { channel: "email" });
  return way?.account === undefined ? null : way;
}

async function wayOf(env: Env, config: Config, row: ProviderRow, target: PushTarget | null): Promise<Way> {
  const setup = await opened(row, config.AUTH_SECRET);
  const callbackUrl = row.kind === "twilio" ? await callbackUrlOf(env, config, row) : null;
  return {
    channel: row.channel,
    provider: setup ? storeProvider(setup, { callbackUrl, config }) : sealedShut(row),
    circuit: circuitFor(row, target),
    account: `${row.id}@${row.version}`,
    ...(setup?.settings.maxPerMinute === undefined ? {} : { maxPerMinute: setup.settings.maxPerMinute }),
    ...(row.from_email ? { from: { name: row.from_name, email: row.from_email } } : {}),
  };
}

/** Behind Web Push are as many services as browsers; one that is down, or made up by a stranger, stops no other. */
const circuitFor = ({ kind, id }: ProviderRow, target: PushTarget | null): string =>
  target?.kind === "webpush" ? `${circuitOf(kind, id)}/${pushServiceOf(target.endpoint)}` : circuitOf(kind, id);

/** Where a provider that is told it with each message sends its events; `null` when nobody knows where this Worker answers. */
export async function callbackUrlOf(
  env: Env,
  config: Config,
  row: Pick<ProviderRow, "id" | "kind" | "store_id">,
): Promise<string | null> {
  const settings = config.PUBLIC_URL ? null : await callActor("store", () => storeStub(env, row.store_id).settings());
  const base = config.PUBLIC_URL || (settings?.ok && settings.value.baseUrl) || null;
  return base && `${base.replace(/\/$/, "")}/v1/callbacks/${row.kind}/${row.id}`;
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
export class Route {
  readonly #env: Env;
  readonly #storeId: string;
  readonly #ways: readonly Way[];
  #at = -1;
  #circuit: Circuit | null = null;
  /** The soonest end of the circuits that are open. */
  #until = Number.POSITIVE_INFINITY;
  /** Some of them would have taken it, only not so soon. */
  #isPaced = false;

  constructor(env: Env, storeId: string, ways: readonly Way[]) {
    this.#env = env;
    this.#storeId = storeId;
    this.#ways = ways;
  }

  /** `ways`: at least one. */
  static async enter(env: Env, storeId: string, ways: readonly Way[]): Promise<Route> {
    if (ways.length === 0) throw new RangeError(NO_PROVIDER);
    const route = new Route(env, storeId, ways);
    await route.#next();
    return route;
  }

  /** When to ask again (ms); `null` when some way is open. */
  get until(): number | null {
    return this.#circuit ? null : this.#until;
  }

  /** Why no way is open. */
  get reason(): "provider_rate" | "provider_unavailable" {
    return this.#isPaced ? "provider_rate" : "provider_unavailable";
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
  async carry(given: DeliveryMessage): Promise<Carried> {
    const message = await this.#ready(given);
    if ("kind" in message) return { outcome: message, provider: this.way.provider.name };
    const deadline = Date.now() + FAILOVER_MS;
    let retryable = false;
    let retryAfterMs = 0;
    for (;;) {
      const { way } = this;
      const outcome = await this.#call(way, message);
      const provider = way.provider.name;
      if (outcome.kind !== "refused" || !(outcome.retryable || outcome.account)) return { outcome, provider };
      retryable ||= outcome.retryable;
      retryAfterMs = Math.max(retryAfterMs, outcome.retryAfterMs ?? 0);
      const late = Date.now() > deadline;
      if (late || !(await this.#next())) {
        retryable ||= late || this.#until < Number.POSITIVE_INFINITY;
        const { reason, gone } = outcome;
        const refused: SendOutcome = { kind: "refused", reason, retryable };
        if (retryAfterMs > 0) refused.retryAfterMs = retryAfterMs;
        if (gone && !retryable) refused.gone = gone;
        return { outcome: refused, provider };
      }
      log("info", "failover", { from: way.circuit, to: this.way.circuit, delivery: message.deliveryId });
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
      const circuit = await Circuit.enter(this.#env, this.#storeId, way.circuit, way.maxPerMinute);
      if (circuit.until === null) {
        this.#circuit = circuit;
        return true;
      }
      this.#until = Math.min(this.#until, circuit.until);
      this.#isPaced ||= circuit.isPaced;
      countSend(way, "delayed");
    }
    return false;
  }

  /**
   * Nobody is written to who could not stop it: an answer names the number only, as E.164 writes it. A refusal, when that
   * cannot be had.
   */
  async #ready(message: DeliveryMessage): Promise<DeliveryMessage | SendOutcome> {
    if (message.channel !== "sms") return message;
    const to = e164Of(message.to);
    if (!to) return { kind: "refused", reason: "the number does not say its country", retryable: false, gone: true };
    try {
      await rememberNumber(this.#env.DB, message.storeId, to, message.shopperId, Date.now());
      return { ...message, to };
    } catch (error) {
      return { kind: "refused", reason: `numbers: ${messageOf(error)}`, retryable: true };
    }
  }

  async #call(way: Way, message: DeliveryMessage): Promise<SendOutcome> {
    const { channel, provider } = way;
    const started = Date.now();
    const outcome = await withTimeout(provider.send(fromIts(way, message)), CALL_MS, provider.name).catch(
      (error): SendOutcome => ({ kind: "unknown", reason: messageOf(error) }),
    );
    this.#circuit?.note(outcome);
    observe("cartwake_send_duration_seconds", { channel, provider: provider.name }, (Date.now() - started) / SECOND_MS);
    countSend(way, outcome.kind === "refused" && outcome.retryable ? "refused_for_now" : outcome.kind);
    return outcome;
  }
}

/** A mail bears the name and address that its provider may send from. */
function fromIts({ from }: Way, message: DeliveryMessage): DeliveryMessage {
  if (message.channel !== "email" || !from) return message;
  return { ...message, from: { name: from.name ?? message.from.name, email: from.email } };
}

const countSend = ({ channel, provider }: Way, outcome: SendOutcome["kind"] | "refused_for_now" | "delayed"): void =>
  count("cartwake_sends_total", { channel, provider: provider.name, outcome });
