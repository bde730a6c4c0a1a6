/** The store's campaigns, versioned, and the shares of their variants under `allocation: "thompson"`. */
import { newId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import type { VariantTally } from "../../shared/measure/results.ts";
import {
  type Campaign,
  type CampaignInput,
  campaignSchema,
  jsonBytes,
  MAX_ENABLED_BYTES,
} from "../../shared/policy/rules.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { isMoved, type Shares, sharesOf, withShares } from "./allocation.ts";
import { stepWithoutPool } from "./coupons.ts";

const MAX_CAMPAIGNS = 100;

/** Shares by campaign; `version` grows with each change. */
interface Allocation {
  version: number;
  shares: Record<string, Shares>;
}

export class Campaigns {
  readonly #sql: SqlStorage;
  readonly #hasPool: (id: string) => boolean;
  #all: Campaign[];
  #allocation: Allocation;

  constructor({ sql }: DurableObjectStorage, hasPool: (id: string) => boolean) {
    this.#sql = sql;
    this.#hasPool = hasPool;
    const rows = sql.exec<{ data: string }>("SELECT data FROM campaigns").toArray();
    this.#all = rows.map((r) => campaignOf(JSON.parse(r.data) as Campaign));
    const known = sql.exec<{ version: number; data: string }>("SELECT version, data FROM allocation").toArray()[0];
    this.#allocation = { version: known?.version ?? 0, shares: known ? JSON.parse(known.data) : {} };
  }

  /** As they were saved, the first to be tried first. */
  list(): Campaign[] {
    return [...this.#all].sort((a, b) => b.priority - a.priority || b.createdAt - a.createdAt);
  }

  find(id: string): Campaign | null {
    return this.#all.find((c) => c.id === id) ?? null;
  }

  /** As carts obey them: with the weights that hold now. */
  obeyed(): Campaign[] {
    return this.#all.map((campaign) => withShares(campaign, this.#allocation.shares[campaign.id]));
  }

  /** How often the shares changed. */
  get allocated(): number {
    return this.#allocation.version;
  }

  get allocates(): boolean {
    return this.#all.some((c) => c.allocation === "thompson");
  }

  create(input: CampaignInput, now: number): Result<Campaign> {
    if (this.#all.length >= MAX_CAMPAIGNS) return no("too_many");
    const wrong = this.#wrong(input, null);
    return wrong ?? ok(this.put({ ...input, id: newId("cmp"), version: 1, createdAt: now, updatedAt: now }));
  }

  /** A new version: carts already in a journey stay on the one they entered. */
  update(id: string, input: CampaignInput, expected: number | null, now: number): Result<Campaign> {
    const known = this.find(id);
    if (!known) return no("not_found");
    const { version, createdAt } = known;
    if (expected !== null && expected !== version) return no("version");
    const wrong = this.#wrong(input, id);
    return wrong ?? ok(this.put({ ...input, id, version: version + 1, createdAt, updatedAt: now }));
  }

  delete(id: string): Result<null> {
    if (!this.find(id)) return no("not_found");
    this.#sql.exec("DELETE FROM campaigns WHERE id = ?", id);
    this.#all = this.#all.filter((c) => c.id !== id);
    return ok(null);
  }

  put(campaign: Campaign): Campaign {
    this.#sql.exec(
      "INSERT INTO campaigns (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data",
      campaign.id,
      JSON.stringify(campaign),
    );
    this.#all = [...this.#all.filter((c) => c.id !== campaign.id), campaign];
    return campaign;
  }

  /** The shares by what shoppers did since. False when no campaign wants them any more. */
  allocate(tallies: (campaignId: string) => VariantTally[], storeId: string): boolean {
    const campaigns = this.#all.filter((c) => c.enabled && c.allocation === "thompson");
    if (campaigns.length === 0) return false;
    const shares: Record<string, Shares> = {};
    let moved = false;
    for (const campaign of campaigns) {
      const before = this.#allocation.shares[campaign.id];
      const after = sharesOf(campaign, tallies(campaign.id));
      const isNew = isMoved(before, after);
      shares[campaign.id] = before && !isNew ? before : after;
      if (isNew) log("info", "variants_allocated", { actor: storeId, campaign: campaign.id, shares: after });
      moved ||= isNew;
    }
    if (moved) this.#saveAllocation({ version: this.#allocation.version + 1, shares });
    return true;
  }

  /** Why a campaign, in the place of `id`, cannot be saved. */
  #wrong(input: CampaignInput, id: string | null): { ok: false; reason: string } | null {
    const step = stepWithoutPool(input.steps, this.#hasPool);
    if (step >= 0) return no(`no_pool:${step}`);
    return this.#isTooLarge(input, id) ? no("too_large") : null;
  }

  /** Whether the enabled campaigns, with this one in the place of `id`, are more than rules may carry. */
  #isTooLarge(input: CampaignInput, id: string | null): boolean {
    if (!input.enabled) return false;
    return jsonBytes([...this.#all.filter((c) => c.enabled && c.id !== id), input]) > MAX_ENABLED_BYTES;
  }

  #saveAllocation(allocation: Allocation): void {
    this.#sql.exec(
      "INSERT INTO allocation (id, version, data) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data",
      allocation.version,
      JSON.stringify(allocation.shares),
    );
    this.#allocation = allocation;
  }
}

/** Kept by older code: what it did not know yet is as in a campaign that does not name it. */
const campaignOf = (kept: Campaign): Campaign => ({ ...kept, ...campaignSchema.parse(kept) });
