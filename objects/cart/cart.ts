/**
 * Cart: one shopper's cart in one store.
 *
 * Owns    the event log, facts, prediction, journey and effect ledger of `store/cart`; nobody else writes them.
 * Timers  abandonment, due steps, unanswered claims, expiry, self-deletion: all derived from its state (timers.ts).
 * RPC     beacon, prospect, claim, settle, hold, report, restore, view, prediction, contents, timeline, explain, simulate,
 *         revokeLinks, brief, advise, nudge.
 * Peers   Store (rules; confirms what was counted), Shopper (its past, for the model) and the queues `events` and `interventions`.
 *
 * One command is one transaction: decide → append a row → assign. The log is inbox and outbox: ids are known from it,
 * and what is published is a cursor over it that the store confirms. Queues may forget; the lease publishes again.
 */
import { DurableObject } from "cloudflare:workers";
import type { CartContents, ClaimedCart, Delta, Entry, Prospect } from "../../shared/events/messages.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import { log } from "../../shared/log.ts";
import type { Predictor } from "../../shared/model/prediction.ts";
import { prior } from "../../shared/model/prior.ts";
import type { Advice, AdviceBrief } from "../../shared/policy/advice.ts";
import type { Send } from "../../shared/policy/permit.ts";
import type { MessageChannel, Rules } from "../../shared/policy/rules.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { traceOf } from "../../shared/trace.ts";
import type { CartView, DeliveryStatus, ExplainView, PredictionView, TimelineView } from "../../shared/views.ts";
import { Alarm } from "../kit/alarm.ts";
import { parseName } from "../stubs.ts";
import { briefOf } from "./advice.ts";
import type { BeaconReply, Command, Decision, Outcome } from "./commands.ts";
import { decide, momentOf } from "./decide.ts";
import { entryOf, isChange, type Logged, snapshotOf } from "./entry.ts";
import { explained, timelineOf } from "./explain.ts";
import { find } from "./ledger.ts";
import { deltaOf, usageDelta } from "./metrics.ts";
import { Models } from "./models.ts";
import { Past } from "./past.ts";
import { type CartEnv, hasteOf, type Present, Publisher } from "./publisher.ts";
import { askStore, type CartName, freshRules } from "./rules.ts";
import { CREATE_LOG_ROWS } from "./schema.ts";
import { arbiterOf, type SimulatedCart, sentBefore, simulate } from "./simulate.ts";
import { type CartState, emptyState } from "./state.ts";
import { CartStorage, isLong } from "./storage.ts";
import { nextWake } from "./timers.ts";
import {
  claimedOf,
  contentsOf,
  currencyOf,
  offerOf,
  predictionView,
  prospectFor,
  type RestoredCart,
  restoredOf,
  viewOf,
} from "./view.ts";

/** After a wake-up that failed. */
const RETRY_MS = 5 * SECOND_MS;
/** No rules have such a version. */
const NOTHING_LOGGED: Logged = { rulesVersion: -1, trace: null };
/** Between two wake-ups, whatever the timers say. */
const MIN_SLEEP_MS = 100;

export class Cart extends DurableObject<CartEnv> {
  readonly #name: CartName;
  readonly #storage: CartStorage;
  readonly #alarm: Alarm;
  readonly #publisher: Publisher;
  readonly #models: Models;
  readonly #past: Past;
  /** `null` until the first event was committed: a cart nobody wrote to does not exist. */
  #state: CartState | null = null;
  #seq = 0;
  #baseSeq = 0;
  #createdAt = 0;
  /** The trace (`traceparent`) that last reached this cart, or that a wake-up began. */
  #trace: string | null = null;
  #logged: Logged = NOTHING_LOGGED;

  constructor(ctx: DurableObjectState, env: CartEnv) {
    super(ctx, env);
    const { storeId, key } = parseName(ctx.id.name ?? "");
    if (!storeId || !key) throw new Error("a cart is addressed by its name");
    this.#name = { storeId, cartId: key };
    this.#storage = new CartStorage(ctx.storage);
    this.#alarm = new Alarm(ctx);
    const keepAwake = (work: Promise<unknown>): void => ctx.waitUntil(work);
    this.#models = new Models(env.ARTEFACTS, this.#name, keepAwake);
    this.#past = new Past(env, this.#name, keepAwake);
    const loaded = this.#storage.load(storeId, key);
    if (loaded) {
      this.#state = loaded.state;
      this.#seq = loaded.lastSeq;
      this.#baseSeq = loaded.baseSeq;
      this.#createdAt = loaded.createdAt;
      this.#trace = loaded.trace;
      this.#logged = { rulesVersion: loaded.state.rules.version, trace: loaded.trace };
    }
    this.#publisher = new Publisher(ctx, env, this.#name, this.#storage, loaded);
  }

  /**
   * A beacon's events for this cart. Committed when it returns; a duplicate is counted and changes nothing. `trace`: the
   * beacon's `traceparent`, if it had one.
   */
  beacon(events: CartEvent[], rules: Rules, trace: string | null = null): BeaconReply {
    const now = Date.now();
    if (trace) this.#trace = trace;
    const stamped = events.map((event) => ({ ...event, receivedAt: now, at: Math.min(event.at, now) }));
    const history = this.#past.heard;
    const command = { type: "receive", now, events: stamped, ...(history ? { history } : {}) } as const;
    const { received, offers = [] } = this.#run(command, rules, this.#models.now(rules));
    if (this.#state) this.#past.ask(this.#state);
    const counted = received ?? { accepted: 0, duplicates: 0, rejected: [] };
    const state = this.#state;
    if (!state || offers.length === 0) return counted;
    return { ...counted, offers: offers.map((effect) => offerOf(state, effect, this.#createdAt)) };
  }

  /** Whom an effect would go to; refused when it is not to be sent now. */
  prospect(effectId: string): Result<Prospect> {
    const state = this.#state;
    return state ? prospectFor(state, effectId, this.#publisher.isIntroduced(state.facts)) : no("unknown_effect");
  }

  /**
   * The point of no return: hands out the live cart once. `resumable`: the provider honours the delivery's key; `account`:
   * with which of the store's accounts; `channel`: which of the effect's channels the arbiter chose; `consentedAt`: when the shopper agreed to it.
   */
  claim(
    effectId: string,
    provider: string,
    resumable: boolean,
    account?: string,
    channel?: MessageChannel,
    consentedAt?: number,
  ): Result<ClaimedCart> {
    if (!this.#state) return no("unknown_effect");
    const { claimed, rejection } = this.#run({
      type: "claim",
      now: Date.now(),
      effectId,
      provider,
      resumable,
      ...(account === undefined ? {} : { account }),
      ...(channel === undefined ? {} : { channel }),
      ...(consentedAt === undefined ? {} : { consentedAt }),
    });
    if (!claimed) return no(rejection ?? "unknown_effect");
    return ok(claimedOf(this.#state, claimed, this.#createdAt));
  }

  settle(effectId: string, outcome: Outcome): Result<DeliveryStatus> {
    if (!this.#state) return no("unknown_effect");
    const { rejection } = this.#run({ type: "settle", now: Date.now(), effectId, outcome });
    return rejection ? no(rejection) : ok(find(this.#state.process, effectId)!.status);
  }

  /** The shopper's arbiter refused (`until` null) or postponed the effect. */
  hold(effectId: string, reason: string, until: number | null): Result<null> {
    if (!this.#state) return no("unknown_effect");
    const { rejection } = this.#run({ type: "hold", now: Date.now(), effectId, reason, until });
    return rejection ? no(rejection) : ok(null);
  }

  /** What became of a sent message. */
  report(deliveryId: string, status: DeliveryStatus, reason?: string): Result<null> {
    if (!this.#state) return no("unknown_effect");
    const { rejection } = this.#run({ type: "report", now: Date.now(), deliveryId, status, reason });
    return rejection ? no(rejection) : ok(null);
  }

  /** What a language model may be told of the next planned message. `rules`: the store's, as they are now. */
  brief(rules: Rules): Result<AdviceBrief> {
    if (!this.#state) return no("not_found");
    return briefOf({ ...this.#state, rules }, this.#createdAt, Date.now());
  }

  /** A model's proposal. Refused when it comes too late or is beyond the bounds; told twice it is followed once. */
  advise(advice: Advice, rules: Rules): Result<null> {
    if (!this.#state) return no("not_found");
    const { rejection } = this.#run({ type: "advise", now: Date.now(), advice }, rules);
    return rejection ? no(rejection) : ok(null);
  }

  /** The cart of a recovery link: exactly the generation it was sent for, while that is open and unrevoked. */
  restore(generation: number, issuedAt: number): Result<RestoredCart> {
    return this.#state ? restoredOf(this.#state, this.#createdAt, generation, issuedAt) : no("not_found");
  }

  revokeLinks(): Result<null> {
    if (!this.#state) return no("not_found");
    this.#run({ type: "revoke_links", now: Date.now() });
    return ok(null);
  }

  async view(): Promise<Result<CartView>> {
    const predict = await this.#present();
    return this.#state ? ok(viewOf(this.#state, this.#seq, this.#createdAt, Date.now(), predict)) : no("not_found");
  }

  /** As of now; by the version that serves this cart unless another is named. */
  async prediction(version?: string): Promise<Result<PredictionView>> {
    const predict = await this.#present(version);
    const state = this.#state;
    return state ? ok(predictionView(predict(state.facts, momentOf(state, Date.now())))) : no("not_found");
  }

  /** For a preview: nothing is claimed. */
  contents(): Result<CartContents> {
    return this.#state ? ok(contentsOf(this.#state, this.#createdAt)) : no("not_found");
  }

  timeline(): Result<TimelineView> {
    if (!this.#state) return no("not_found");
    const items = timelineOf(this.#storage.rows(0), currencyOf(this.#state));
    return ok({ id: this.#name.cartId, complete: this.#baseSeq === 0, items });
  }

  /** The log run through `decide` again, up to `until` (ms): what the cart was then, and why. */
  async explain(until?: number): Promise<Result<ExplainView>> {
    const predict = await this.#present();
    const state = this.#state;
    if (!state) return no("not_found");
    if (this.#baseSeq > 0) return no("compacted");
    const at = { ...this.#name, state, createdAt: this.#createdAt, now: Date.now() };
    return ok(explained(this.#storage.rows(0), at, predict, until));
  }

  /** The log run through other rules: what would have been sent. `sends`: what its shopper was sent for other carts. */
  async simulate(rules: Rules, sends: Send[]): Promise<Result<SimulatedCart>> {
    const predict = await this.#present();
    const state = this.#state;
    if (!state) return no("not_found");
    if (this.#baseSeq > 0) return no("compacted");
    const all = [...sends];
    const arbiter = arbiterOf(state.storeId, rules, all);
    const simulated = simulate(this.#storage.rows(0), state, rules, arbiter, Date.now(), predict);
    return ok({
      ...simulated,
      status: state.process.status,
      before: state.process.effects.map(sentBefore),
      sends: all,
    });
  }

  /** The store's safety net for an alarm the platform lost. False: there is no such cart (any more). */
  async nudge(): Promise<boolean> {
    if (!this.#state) return false;
    this.#alarm.rang();
    await this.#wake();
    return true;
  }

  override async alarm(): Promise<void> {
    this.#alarm.rang();
    await this.#wake();
  }

  /** Never throws: after six throws the platform would give the alarm up for ever. */
  async #wake(): Promise<void> {
    try {
      if (!this.#state) return;
      const counted = this.#publisher.asking();
      const store = await askStore(this.env, this.#name, this.#createdAt);
      if (!this.#state) return;
      if (store) counted(store.seen);
      const rules = store?.rules ?? this.#state.rules;
      const predict = await this.#models.ready(rules);
      if (!this.#state) return;
      const { forget, dispatch } = this.#run({ type: "wake", now: Date.now() }, rules, predict);
      if (forget && (await this.#forget())) return;
      if (dispatch.length === 0 && this.#publisher.behind(this.#seq)) await this.#publisher.flush(() => this.#news());
      this.#compact();
    } catch (error) {
      log("error", "cart_wake_failed", { actor: this.#name.cartId, error });
      this.#arm(Date.now() + RETRY_MS);
      return;
    }
    this.#arm(Date.now() + MIN_SLEEP_MS);
  }

  /**
   * Retention is over: once the store has counted everything, says so and deletes it. False when something is still to be
   * told, or a beacon came meanwhile. What comes under this name later is a new cart: the store tells them apart by birth.
   */
  async #forget(): Promise<boolean> {
    const seq = this.#seq;
    await this.#publisher.confirm(this.#createdAt);
    if (this.#publisher.behind(seq)) return false;
    await this.#publisher.farewell(() => this.#news());
    if (this.#seq !== seq) return false;
    await this.#storage.forget();
    this.#state = null;
    this.#seq = 0;
    this.#baseSeq = 0;
    this.#createdAt = 0;
    this.#trace = null;
    this.#logged = NOTHING_LOGGED;
    this.#publisher.reset();
    this.#past.reset();
    return true;
  }

  /** By what scores it now, for who asks between two events; or by another version. */
  async #present(version?: string): Promise<Predictor> {
    if (!this.#state) return prior;
    const { rules } = this.#state;
    return this.#models.ready(version === undefined ? await this.#fresh(rules) : rules, version);
  }

  #fresh(known: Rules): Promise<Rules> {
    return freshRules(this.env, this.#name, known);
  }

  /** decide → commit → assign → effects. Memory changes only after the commit. */
  #run(command: Command, given?: Rules, predict?: Predictor): Decision {
    const rules = given ?? this.#state?.rules;
    if (!rules) throw new Error("a cart without rules cannot decide");
    const before = this.#state ?? emptyState(this.#name.storeId, this.#name.cartId, rules);
    const decision = decide(before, command, rules, predict);
    if (!isChange(before, decision)) {
      if (this.#state) this.#state = decision.state; // newer rules, perhaps: the next alarm is armed by them
      return decision;
    }
    if (decision.dispatch.length > 0) this.#trace ??= span(null);
    this.#commit(before, command, decision);
    if (decision.dispatch.length > 0) this.#publisher.dispatch(decision.dispatch, span(this.#trace));
    return decision;
  }

  #commit(before: CartState, command: Command, decision: Decision): void {
    const { state } = decision;
    const first = this.#state === null;
    const seq = this.#seq + 1;
    const at = { seq, createdAt: this.#createdAt || command.now, baseSeq: this.#baseSeq };
    const isKept = state.process === before.process;
    const snapshot = isKept ? null : snapshotOf(state, { ...at, confirmed: this.#publisher.confirmed });
    const wake = nextWake(state);
    const lease = command.now + this.#publisher.leaseMs;
    const armed = this.#alarm.arm(wake === null ? lease : Math.min(wake, lease));
    const delta: Delta = {
      ...deltaOf(before, state, command.now),
      ...usageDelta(decision),
      ...(first ? { carts: 1 } : {}),
      rows: 1 + (snapshot ? 1 : 0) + (armed ? 1 : 0) + (first ? CREATE_LOG_ROWS : 0),
    };
    const entry = entryOf(before, command, decision, delta, this.#trace, this.#logged);
    this.#storage.append(seq, command.now, entry, snapshot);
    if (entry.history) this.#past.kept(entry.history);
    this.#state = state;
    this.#seq = seq;
    this.#logged = { rulesVersion: state.rules.version, trace: this.#trace };
    if (first) this.#createdAt = command.now;
    const published: Entry = { seq, at: command.now, delta };
    this.#publisher.add(published, hasteOf(before, command, decision, first), () => this.#news());
    if (seq % 16 === 0 && isLong(seq - this.#baseSeq, state.weight)) this.ctx.waitUntil(this.#tidy());
  }

  #news(): Present | null {
    return this.#state && { state: this.#state, seq: this.#seq, createdAt: this.#createdAt, trace: this.#trace };
  }

  /** A long log: have it counted, then fold its older half away. */
  async #tidy(): Promise<void> {
    try {
      await this.#publisher.confirm(this.#createdAt);
      if (this.#publisher.behind(this.#seq)) await this.#publisher.flush(() => this.#news());
      this.#compact();
    } catch (error) {
      log("warn", "cart_tidy_failed", { actor: this.#name.cartId, error });
    }
  }

  #compact(): void {
    if (!this.#state) return;
    const meta = {
      createdAt: this.#createdAt,
      lastSeq: this.#seq,
      confirmed: this.#publisher.confirmed,
      baseSeq: this.#baseSeq,
    };
    if (this.#storage.compact(this.#state, meta) === null) return;
    const loaded = this.#storage.load(this.#name.storeId, this.#name.cartId);
    if (!loaded) return;
    this.#state = loaded.state;
    this.#baseSeq = loaded.baseSeq;
  }

  /** `notBefore`: after a failure what is overdue waits a little instead of spinning. */
  #arm(notBefore = 0): void {
    if (!this.#state) return;
    const wake = nextWake(this.#state);
    const lease = this.#publisher.behind(this.#seq) ? this.#publisher.leaseEnd(Date.now()) : null;
    const due = [wake, lease].filter((at) => at !== null);
    if (due.length > 0) this.#alarm.arm(Math.max(notBefore, Math.min(...due)));
  }
}

/** A step of the trace, or the beginning of one. */
const span = (trace: string | null): string => traceOf(trace, crypto.getRandomValues(new Uint8Array(24))).traceparent;
