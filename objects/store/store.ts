/**
 * Store: one merchant's shop.
 *
 * Owns    settings, campaigns (versioned), exact rollups, usage counters, how far each cart is counted, what campaigns caused.
 * Timers  `watch`: nudges carts that should have woken; `trim`: retention; `allocate`: shares of variants.
 * RPC     create, settings, patchSettings, campaign*, results, rules, tenant, apply, seen, countRejected, realtime, usage, rollups.
 * Peers   Room (its live topics), Cart (nudge).
 *
 * It receives cart summaries in batches, by sequence number, never single events: telling it twice changes nothing.
 */
import { DurableObject } from "cloudflare:workers";
import { parseConfig } from "../../shared/config.ts";
import type { AppliedCart, CartNews, Delta } from "../../shared/events/messages.ts";
import { newId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import type { CampaignCounts } from "../../shared/measure/results.ts";
import {
  type Campaign,
  type CampaignInput,
  campaignSchema,
  compileRules,
  DEFAULT_CAMPAIGN,
  jsonBytes,
  MAX_ENABLED_BYTES,
  type Rules,
  type Settings,
  settingsSchema,
} from "../../shared/policy/rules.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { DAY_MS, type Grain, iso, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { RealtimeView, TopicNews, UsageView } from "../../shared/views.ts";
import { migrate } from "../kit/migrate.ts";
import { Timers } from "../kit/timers.ts";
import { type Actors, cartStub, liveRoom } from "../stubs.ts";
import { isMoved, type Shares, sharesOf, withShares } from "./allocation.ts";
import { Counters } from "./counters.ts";
import { Measurement } from "./measurement.ts";
import { overQuotaUntil, QUOTA_MINUTES } from "./quota.ts";
import { acceptedIn } from "./rollup.ts";
import { MIGRATIONS } from "./schema.ts";
import { orderSignal } from "./signal.ts";
import { deliveriesOf, listItem, realtimeView } from "./view.ts";

const WATCH_MS = 5 * MINUTE_MS;
/** How late a cart may be before it is nudged. */
const OVERDUE_MS = 2 * MINUTE_MS;
const NUDGES = 200;
const MAX_CAMPAIGNS = 100;
/** At most one news of metrics a second. */
const METRICS_MS = SECOND_MS;
/** Between two looks at the shares of variants: each change is new rules for every cart. */
const ALLOCATE_MS = 15 * MINUTE_MS;

/** `overQuotaUntil` in ms: until then beacons are refused. */
interface TenantView {
  rules: Rules;
  allowedOrigins: string[];
  overQuotaUntil: number | null;
}

/** Shares by campaign; `version` grows with each change. */
interface Allocation {
  version: number;
  shares: Record<string, Shares>;
}

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
  #allocation: Allocation;
  #config: Config | null;
  #campaigns: Campaign[];
  #metricsTimer: ReturnType<typeof setTimeout> | null = null;
  #audience = true;
  /** Counts subscriptions: a room that found nobody may have looked before the last one. */
  #subscriptions = 0;

  constructor(ctx: DurableObjectState, env: Actors) {
    super(ctx, env);
    this.#storeId = ctx.id.name ?? "";
    this.#sql = ctx.storage.sql;
    migrate(ctx.storage, MIGRATIONS);
    this.#timers = new Timers(ctx);
    this.#measurement = new Measurement(ctx.storage);
    this.#counters = new Counters(ctx.storage, this.#measurement);
    const row = this.#sql
      .exec<{ version: number; created_at: number; settings: string }>("SELECT * FROM config")
      .toArray()[0];
    this.#config = row
      ? { version: row.version, createdAt: row.created_at, settings: settingsSchema.parse(JSON.parse(row.settings)) }
      : null;
    const rows = this.#sql.exec<{ data: string }>("SELECT data FROM campaigns").toArray();
    this.#campaigns = rows.map((r) => campaignOf(JSON.parse(r.data) as Campaign));
    const known = this.#sql
      .exec<{ version: number; data: string }>("SELECT version, data FROM allocation")
      .toArray()[0];
    this.#allocation = { version: known?.version ?? 0, shares: known ? JSON.parse(known.data) : {} };
  }

  /** Opens the store; a second call changes nothing. */
  create(settings: Settings): void {
    if (this.#config) return;
    const now = Date.now();
    this.#saveConfig({ version: 1, createdAt: now, settings });
    this.#putCampaign({ ...DEFAULT_CAMPAIGN, id: "abandoned-cart", version: 1, createdAt: now, updatedAt: now });
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
    return [...this.#campaigns].sort((a, b) => b.priority - a.priority || b.createdAt - a.createdAt);
  }

  createCampaign(input: CampaignInput): Result<Campaign> {
    if (this.#campaigns.length >= MAX_CAMPAIGNS) return no("too_many");
    if (this.#isTooLarge(input, null)) return no("too_large");
    const now = Date.now();
    const campaign: Campaign = { ...input, id: newId("cmp"), version: 1, createdAt: now, updatedAt: now };
    this.#putCampaign(campaign);
    this.#bump();
    return ok(campaign);
  }

  /** A new version: carts already in a journey stay on the one they entered. */
  updateCampaign(id: string, input: CampaignInput, expected: number | null): Result<Campaign> {
    const known = this.#campaigns.find((c) => c.id === id);
    if (!known) return no("not_found");
    if (expected !== null && expected !== known.version) return no("version");
    if (this.#isTooLarge(input, id)) return no("too_large");
    const campaign: Campaign = {
      ...input,
      id,
      version: known.version + 1,
      createdAt: known.createdAt,
      updatedAt: Date.now(),
    };
    this.#putCampaign(campaign);
    this.#bump();
    return ok(campaign);
  }

  deleteCampaign(id: string): Result<null> {
    if (!this.#campaigns.some((c) => c.id === id)) return no("not_found");
    this.#sql.exec("DELETE FROM campaigns WHERE id = ?", id);
    this.#measurement.forget(id);
    this.#campaigns = this.#campaigns.filter((c) => c.id !== id);
    this.#bump();
    return ok(null);
  }

  /** What carts obey. Throws for a store that does not exist: no beacon of it was ever admitted. */
  rules(): Rules {
    if (!this.#config) throw new Error("no such store");
    const campaigns = this.#campaigns.map((c) => this.#obeyed(c));
    return compileRules(this.#config.settings, campaigns, this.#config.version + this.#allocation.version);
  }

  /** What a campaign's shoppers bought, by arm and by variant. Reads a row per shopper: at most 100,000. */
  results(id: string): Result<CampaignCounts> {
    const campaign = this.#campaigns.find((c) => c.id === id);
    if (!campaign) return no("not_found");
    const [currency, now] = [this.#currency(), Date.now()];
    return ok({
      campaign: this.#obeyed(campaign),
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
    const applied = this.#counters.apply(batch, Date.now());
    this.#tell(batch, applied);
    return applied;
  }

  seen(cartId: string, incarnation: number): number {
    return this.#counters.seen(cartId, incarnation);
  }

  countRejected(count: number): void {
    this.#counters.countRejected(count, Date.now());
    this.#metricsSoon();
  }

  realtime(): RealtimeView {
    const now = Date.now();
    return realtimeView(this.#counters, this.#currency(), this.#signal(now), now);
  }

  usage(): UsageView {
    const { totals } = this.#counters;
    return {
      events: { accepted: acceptedIn(totals), duplicates: totals.duplicates ?? 0, rejected: totals.rejected ?? 0 },
      byType: totals.events ?? {},
      carts: totals.carts ?? 0,
      orders: totals.orders ?? 0,
      messages: totals.messages ?? 0,
      rowsWritten: totals.rows ?? 0,
      since: iso(this.#config?.createdAt ?? Date.now()),
    };
  }

  rollups(grain: Grain, from: number, to: number): { start: number; delta: Delta }[] {
    return this.#counters.rollups(grain, from, to);
  }

  /** Somebody subscribed to the live topics: tell them what happens from now on. */
  watched(): void {
    this.#subscriptions += 1;
    this.#audience = true;
  }

  override async alarm(): Promise<void> {
    const now = Date.now();
    await this.#timers.run(now, async (key) => {
      if (key === "allocate") return this.#allocate(now);
      if (key === "trim") {
        this.#counters.trim(now);
        this.#measurement.trim(now);
      }
      const more = key === "watch" && (await this.#nudgeOverdue(now));
      this.#timers.set(key, now + (more ? SECOND_MS : key === "watch" ? WATCH_MS : DAY_MS));
    });
  }

  /** The shares of variants by what shoppers did since; goes on for as long as a campaign wants it. */
  #allocate(now: number): void {
    const campaigns = this.#campaigns.filter((c) => c.enabled && c.allocation === "thompson");
    if (campaigns.length === 0) return;
    const shares: Record<string, Shares> = {};
    let moved = false;
    for (const campaign of campaigns) {
      const before = this.#allocation.shares[campaign.id];
      const after = sharesOf(campaign, this.#measurement.byVariant(campaign.id, this.#currency(), now));
      const isNew = isMoved(before, after);
      shares[campaign.id] = before && !isNew ? before : after;
      if (isNew) log("info", "variants_allocated", { actor: this.#storeId, campaign: campaign.id, shares: after });
      moved ||= isNew;
    }
    if (moved) this.#saveAllocation({ version: this.#allocation.version + 1, shares });
    this.#timers.set("allocate", now + ALLOCATE_MS);
  }

  /** The campaign with the weights that hold now. */
  #obeyed(campaign: Campaign): Campaign {
    return withShares(campaign, this.#allocation.shares[campaign.id]);
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

  #signal(now: number): string {
    return orderSignal(this.#counters.totals, this.#counters.rollups("hour", now - DAY_MS, now + 1));
  }

  #currency(): string {
    return this.#config?.settings.currency ?? "EUR";
  }

  /** News for the live topics; whoever missed them reads the API, so a failure is only logged. */
  #tell(batch: readonly CartNews[], applied: readonly AppliedCart[]): void {
    if (!this.#audience) return;
    const currency = this.#currency();
    const carts = applied.flatMap((a) => (a.moved ? [listItem(a.cartId, a.moved, currency)] : []));
    const deliveries = batch.flatMap(deliveriesOf);
    const news: TopicNews[] = [];
    if (carts.length > 0) news.push({ topic: "carts", carts });
    if (deliveries.length > 0) news.push({ topic: "deliveries", deliveries });
    if (news.length > 0) this.ctx.waitUntil(this.#publish(news));
    this.#metricsSoon();
  }

  #metricsSoon(): void {
    if (this.#metricsTimer !== null || !this.#audience) return;
    this.#metricsTimer = setTimeout(() => {
      this.#metricsTimer = null;
      this.ctx.waitUntil(this.#publish([{ topic: "metrics", metrics: this.realtime() }]));
    }, METRICS_MS);
  }

  async #publish(news: TopicNews[]): Promise<void> {
    const before = this.#subscriptions;
    try {
      const listeners = await liveRoom(this.env, this.#storeId).publish(news);
      if (listeners > 0 || before === this.#subscriptions) this.#audience = listeners > 0;
    } catch (error) {
      log("warn", "live_news_failed", { actor: this.#storeId, error });
    }
  }

  /** Whether the enabled campaigns, with this one in the place of `id`, are more than rules may carry. */
  #isTooLarge(input: CampaignInput, id: string | null): boolean {
    if (!input.enabled) return false;
    return jsonBytes([...this.#campaigns.filter((c) => c.enabled && c.id !== id), input]) > MAX_ENABLED_BYTES;
  }

  #putCampaign(campaign: Campaign): void {
    const data = JSON.stringify(campaign);
    this.#sql.exec(
      "INSERT INTO campaigns (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data",
      campaign.id,
      data,
    );
    this.#campaigns = [...this.#campaigns.filter((c) => c.id !== campaign.id), campaign];
    if (campaign.allocation === "thompson") this.#timers.setEarliest("allocate", Date.now() + ALLOCATE_MS);
  }

  #saveAllocation(allocation: Allocation): void {
    this.#sql.exec(
      "INSERT INTO allocation (id, version, data) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data",
      allocation.version,
      JSON.stringify(allocation.shares),
    );
    this.#allocation = allocation;
  }

  #bump(): void {
    if (this.#config) this.#saveConfig({ ...this.#config, version: this.#config.version + 1 });
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

/** Kept by older code: what it did not know yet is as in a campaign that does not name it. */
const campaignOf = (kept: Campaign): Campaign => ({ ...kept, ...campaignSchema.parse(kept) });
