/**
 * Store: one merchant's shop.
 *
 * Owns    settings, campaigns (versioned), coupons and their pools, exact rollups, usage counters, how far each cart is counted,
 *         what campaigns caused, which models serve, whether orders are still told of.
 * Timers  `watch`: nudges carts that should have woken, looks for lost orders; `trim`: retention; `allocate`: shares of variants.
 * RPC     create, settings, patchSettings, campaign*, results, rules, serving, serve, tenant, apply, seen, woken, countRejected, realtime,
 *         usage, rollups, issueCoupon, coupon*, admitFirst, giveBackFirst, orderSignal, overrideSignal, askAi, settleAi, aiUsage.
 * Peers   Room (its live topics), Cart (nudge).
 *
 * It receives cart summaries in batches, by sequence number, never single events: telling it twice changes nothing.
 */
import { DurableObject } from "cloudflare:workers";
import { parseConfig } from "../../shared/config.ts";
import type { CouponPoolView, CouponRecord, StepCoupons } from "../../shared/coupons.ts";
import type { AppliedCart, CartNews, CouponAsk, Delta, IssuedCoupon } from "../../shared/events/messages.ts";
import { log } from "../../shared/log.ts";
import type { CampaignCounts } from "../../shared/measure/results.ts";
import type { Serving, ServingState } from "../../shared/model/serving.ts";
import {
  type Campaign,
  type CampaignInput,
  compileRules,
  DEFAULT_CAMPAIGN,
  type MessageChannel,
  type Rules,
  type Settings,
  settingsSchema,
} from "../../shared/policy/rules.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { DAY_MS, type Grain, iso, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { OrderSignalView, RealtimeView, TopicNews, UsageView } from "../../shared/views.ts";
import { migrate } from "../kit/migrate.ts";
import { Timers } from "../kit/timers.ts";
import { type Actors, cartStub } from "../stubs.ts";
import { AiBudget } from "./ai-budget.ts";
import { Campaigns } from "./campaigns.ts";
import { Counters } from "./counters.ts";
import { CouponBook, type CouponQuery } from "./coupon-book.ts";
import { CouponPools } from "./coupon-pools.ts";
import { drawingFrom, type NoCoupon } from "./coupons.ts";
import { FirstMessages } from "./first-messages.ts";
import { Live } from "./live.ts";
import { Measurement } from "./measurement.ts";
import { overQuotaUntil, QUOTA_MINUTES } from "./quota.ts";
import { MIGRATIONS } from "./schema.ts";
import { ServingModels } from "./serving.ts";
import { SignalWatch } from "./signal-watch.ts";
import { deliveriesOf, listItem, realtimeView, type TenantView, usageView } from "./view.ts";

const WATCH_MS = 5 * MINUTE_MS;
/** How late a cart may be before it is nudged. */
const OVERDUE_MS = 2 * MINUTE_MS;
const NUDGES = 200;
/** Between two looks at the shares of variants: each change is new rules for every cart. */
const ALLOCATE_MS = 15 * MINUTE_MS;

/** `overQuotaUntil` in ms: until then beacons are refused. */
interface Config {
  version: number;
  createdAt: number;
  settings: Settings;
}

export class Store extends DurableObject<Actors> {
  readonly #storeId: string;
  readonly #sql: SqlStorage;
  readonly #timers: Timers;
  readonly #measurement: Measurement;
  readonly #counters: Counters;
  readonly #campaigns: Campaigns;
  readonly #pools: CouponPools;
  readonly #coupons: CouponBook;
  readonly #firsts: FirstMessages;
  readonly #watch: SignalWatch;
  readonly #serving: ServingModels;
  readonly #ai: AiBudget;
  readonly #live: Live;
  #config: Config | null;
  #rules: Rules | null = null;

  constructor(ctx: DurableObjectState, env: Actors) {
    super(ctx, env);
    const { storage } = ctx;
    this.#storeId = ctx.id.name ?? "";
    this.#sql = storage.sql;
    migrate(storage, MIGRATIONS);
    this.#timers = new Timers(ctx);
    this.#measurement = new Measurement(storage);
    this.#pools = new CouponPools(storage);
    this.#coupons = new CouponBook(storage, this.#pools);
    this.#firsts = new FirstMessages(storage);
    this.#campaigns = new Campaigns(storage, (id) => this.#pools.has(id));
    this.#counters = new Counters(storage, [this.#measurement, this.#coupons]);
    this.#watch = new SignalWatch(storage, this.#counters, this.#storeId);
    this.#serving = new ServingModels(storage);
    this.#ai = new AiBudget(storage);
    this.#live = new Live(ctx, env, this.#storeId, () => this.realtime());
    const row = this.#sql
      .exec<{ version: number; created_at: number; settings: string }>("SELECT * FROM config")
      .toArray()[0];
    this.#config = row
      ? { version: row.version, createdAt: row.created_at, settings: settingsSchema.parse(JSON.parse(row.settings)) }
      : null;
  }

  /** Opens the store; a second call changes nothing. */
  create(settings: Settings): void {
    if (this.#config) return;
    const now = Date.now();
    this.#saveConfig({ version: 1, createdAt: now, settings });
    this.#campaigns.put({ ...DEFAULT_CAMPAIGN, id: "abandoned-cart", version: 1, createdAt: now, updatedAt: now });
    this.#timers.set("watch", now + WATCH_MS);
    this.#timers.set("trim", now + DAY_MS);
  }

  settings(): Result<Settings & { version: number; createdAt: string }> {
    if (!this.#config) return no("not_found");
    const { settings, version, createdAt } = this.#config;
    return ok({ ...settings, version, createdAt: iso(createdAt) });
  }

  /** `expected`: the version the caller saw, or `null`. `patch` was parsed by the route. */
  patchSettings(
    patch: Partial<Settings>,
    expected: number | null,
  ): Result<Settings & { version: number; createdAt: string }> {
    const config = this.#config;
    if (!config) return no("not_found");
    if (expected !== null && expected !== config.version) return no("version");
    const settings = settingsSchema.parse({ ...config.settings, ...patch });
    this.#saveConfig({ ...config, version: config.version + 1, settings });
    return this.settings();
  }

  campaigns(): Campaign[] {
    return this.#campaigns.list();
  }

  createCampaign(input: CampaignInput): Result<Campaign> {
    return this.#changed(this.#campaigns.create(input, Date.now()));
  }

  /** A new version: carts already in a journey stay on the one they entered. */
  updateCampaign(id: string, input: CampaignInput, expected: number | null): Result<Campaign> {
    return this.#changed(this.#campaigns.update(id, input, expected, Date.now()));
  }

  deleteCampaign(id: string): Result<null> {
    const deleted = this.#changed(this.#campaigns.delete(id));
    if (deleted.ok) this.#measurement.forget(id);
    return deleted;
  }

  /** A code of its own for a cart's generation and step: the same one however often it is asked for. */
  issueCoupon(ask: CouponAsk): Result<IssuedCoupon, NoCoupon> {
    return this.#coupons.issue(ask, this.#campaigns.find(ask.campaignId), Date.now());
  }

  /** One more than the limit, when there are more. */
  coupons(query: CouponQuery): CouponRecord[] {
    return this.#coupons.list(query, Date.now());
  }

  couponFigures(campaignId: string): Result<StepCoupons[]> {
    const campaign = this.#campaigns.find(campaignId);
    return campaign ? ok(this.#coupons.figures(campaign, Date.now())) : no("not_found");
  }

  couponPools(): CouponPoolView[] {
    return this.#pools.list();
  }

  createCouponPool(name: string): Result<CouponPoolView, "too_many"> {
    return this.#pools.create(name, Date.now());
  }

  addPoolCodes(
    poolId: string,
    codes: string[],
  ): Result<{ added: number; duplicates: number }, "not_found" | "pool_full"> {
    return this.#pools.add(poolId, codes);
  }

  deleteCouponPool(poolId: string): Result<null, "not_found" | "in_use"> {
    if (!this.#pools.has(poolId)) return no("not_found");
    if (drawingFrom(this.#campaigns.list(), poolId).length > 0) return no("in_use");
    this.#pools.delete(poolId);
    return ok(null);
  }

  /** What carts obey. Throws for a store that does not exist: no beacon of it was ever admitted. */
  rules(): Rules {
    if (!this.#config) throw new Error("no such store");
    const version = this.#config.version + this.#campaigns.allocated + this.#serving.version;
    if (this.#rules?.version !== version)
      this.#rules = compileRules(this.#config.settings, this.#campaigns.obeyed(), version);
    const { production, canary } = this.#serving.current;
    return { ...this.#rules, paused: this.#watch.paused, serving: { production, canary } };
  }

  serving(): ServingState {
    return this.#serving.state;
  }

  /** The registry's word on what serves; it has checked that the versions exist. `expected`: the version that it saw. */
  serve(serving: Serving, expected: number): Result<ServingState, "version"> {
    if (!this.#config) throw new Error("no such store");
    if (expected !== this.#serving.version) return no("version");
    this.#serving.put(serving);
    return ok(this.#serving.state);
  }

  /** What a campaign's shoppers bought, by arm and by variant. Reads a row per shopper: at most 100,000. */
  results(id: string): Result<CampaignCounts> {
    const campaign = this.#campaigns.obeyed().find((c) => c.id === id);
    if (!campaign) return no("not_found");
    const [currency, now] = [this.#currency(), Date.now()];
    return ok({
      campaign,
      currency,
      arms: this.#measurement.byArm(id, currency, now),
      variants: this.#measurement.byVariant(id, currency, now),
    });
  }

  /** What the gate asks for a beacon: the rules, from where it may come, and whether the store has sent too much. */
  tenant(): Result<TenantView> {
    if (!this.#config) return no("not_found");
    const now = Date.now();
    const perMinute = parseConfig(this.env).STORE_EVENTS_PER_MINUTE;
    return ok({
      rules: this.rules(),
      allowedOrigins: this.#config.settings.allowedOrigins,
      overQuotaUntil: overQuotaUntil(perMinute, this.#counters.eventsByMinute(now, QUOTA_MINUTES), now),
    });
  }

  /** Counts a batch of news, once. Returns per cart how far it is counted and what was new. */
  apply(batch: CartNews[]): AppliedCart[] {
    const now = Date.now();
    const { applied, fresh } = this.#counters.apply(batch, now);
    this.#live.tell(() => this.#news(batch, applied));
    this.#announce(this.#watch.heard(fresh, now));
    return applied;
  }

  seen(cartId: string, incarnation: number): number {
    return this.#counters.seen(cartId, incarnation);
  }

  /** What a cart asks when it wakes. */
  woken(cartId: string, incarnation: number): { rules: Rules; seen: number } {
    return { rules: this.rules(), seen: this.seen(cartId, incarnation) };
  }

  countRejected(count: number): void {
    this.#counters.countRejected(count, Date.now());
    this.#live.metricsSoon();
  }

  realtime(): RealtimeView {
    return realtimeView(this.#counters, this.#currency(), this.#watch.signal, Date.now());
  }

  /** May a shopper who never had a message get their first one now? `null`: yes; else when to ask again (ms). */
  admitFirst(channel: MessageChannel): number | null {
    if (!this.#config) throw new Error("no such store");
    return this.#firsts.admit(channel, this.#config.settings.firstMessagesPerHour, Date.now());
  }

  /** The first message that was admitted at `at` (ms) surely did not go out. */
  giveBackFirst(channel: MessageChannel, at: number): void {
    this.#firsts.giveBack(channel, at);
  }

  /** May a language model be asked, at a cost of at most `neurons`? The same `id` once a day; the answer is to be settled. */
  askAi(id: string, neurons: number): Result<null, "ai_off" | "budget_spent" | "already_asked"> {
    const ai = this.#config?.settings.ai;
    return ai?.enabled ? this.#ai.reserve(id, neurons, ai.dailyNeurons, Date.now()) : no("ai_off");
  }

  /** What the question did cost. */
  settleAi(id: string, neurons: number): void {
    this.#ai.settle(id, neurons);
  }

  /** Neurons of this day (UTC), and how many the store allows; `null`: its adviser is off. */
  aiUsage(): { neurons: number; limit: number } | null {
    const ai = this.#config?.settings.ai;
    return ai?.enabled ? { neurons: this.#ai.spent(Date.now()), limit: ai.dailyNeurons } : null;
  }

  orderSignal(): OrderSignalView {
    return this.#watch.view(Date.now());
  }

  /** Messages go out for a day, whatever the order signal is. */
  overrideSignal(): OrderSignalView {
    const now = Date.now();
    this.#watch.override(now);
    this.#live.metricsSoon();
    return this.#watch.view(now);
  }

  usage(): UsageView {
    return usageView(this.#counters.totals, this.#config?.createdAt ?? Date.now());
  }

  rollups(grain: Grain, from: number, to: number): { start: number; delta: Delta }[] {
    return this.#counters.rollups(grain, from, to);
  }

  /** Somebody subscribed to the live topics: tell them what happens from now on. */
  watched(): void {
    this.#live.watched();
  }

  override async alarm(): Promise<void> {
    const now = Date.now();
    await this.#timers.run(now, async (key) => {
      if (key === "allocate") return this.#allocate(now);
      if (key === "trim") {
        this.#counters.trim(now);
        this.#measurement.trim(now);
        this.#coupons.trim(
          this.#campaigns.list().map(({ id }) => id),
          now,
        );
      }
      if (key === "watch") this.#announce(this.#watch.look(now));
      const more = key === "watch" && (await this.#nudgeOverdue(now));
      this.#timers.set(key, now + (more ? SECOND_MS : key === "watch" ? WATCH_MS : DAY_MS));
    });
  }

  /** Goes on for as long as a campaign wants it. */
  #allocate(now: number): void {
    const tallies = (id: string) => this.#measurement.byVariant(id, this.#currency(), now);
    if (this.#campaigns.allocate(tallies, this.#storeId)) this.#timers.set("allocate", now + ALLOCATE_MS);
  }

  /** True when there may be more of them. */
  async #nudgeOverdue(now: number): Promise<boolean> {
    const late = this.#counters.overdue(now - OVERDUE_MS, NUDGES);
    for (const cartId of late) {
      try {
        if (await cartStub(this.env, this.#storeId, cartId).nudge()) this.#counters.nudged(cartId, now);
        else this.#counters.buried(cartId, now);
      } catch (error) {
        log("warn", "nudge_failed", { actor: this.#storeId, cart: cartId, error }); // it must not stop the others
        this.#counters.nudged(cartId, now);
      }
    }
    if (late.length > 0) log("warn", "carts_nudged", { actor: this.#storeId, count: late.length });
    return late.length === NUDGES;
  }

  #currency(): string {
    return this.#config?.settings.currency ?? "EUR";
  }

  #news(batch: readonly CartNews[], applied: readonly AppliedCart[]): TopicNews[] {
    const currency = this.#currency();
    const carts = applied.flatMap((a) => (a.moved ? [listItem(a.cartId, a.moved, currency)] : []));
    const deliveries = batch.flatMap(deliveriesOf);
    return [
      ...(carts.length > 0 ? [{ topic: "carts" as const, carts }] : []),
      ...(deliveries.length > 0 ? [{ topic: "deliveries" as const, deliveries }] : []),
    ];
  }

  /** Tells everybody who watches the store. */
  #announce(message: string | null): void {
    if (message !== null) this.#live.tell(() => [{ topic: "system", message }]);
  }

  /** A change of campaigns is one of the rules. */
  #changed<T>(result: Result<T>): Result<T> {
    if (!result.ok || !this.#config) return result;
    this.#saveConfig({ ...this.#config, version: this.#config.version + 1 });
    if (this.#campaigns.allocates) this.#timers.setEarliest("allocate", Date.now() + ALLOCATE_MS);
    return result;
  }

  #saveConfig(config: Config): void {
    this.#sql.exec(
      "INSERT INTO config (id, version, created_at, settings) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version, settings = excluded.settings",
      config.version,
      config.createdAt,
      JSON.stringify(config.settings),
    );
    this.#config = config;
  }
}
