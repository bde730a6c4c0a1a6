/** What language models proposed, and why carts were lost: rows of D1. Every query is by the store of the credential. */
import type { AdviceView } from "../advice-view.ts";
import { type LossView, lossFigures } from "../loss.ts";
import { proposalSchema } from "../policy/advice.ts";
import { DAY_MS, iso } from "../time.ts";

/** Advice is looked back at for as long as results of campaigns are. */
const KEEP_MS = 90 * DAY_MS;
const MAX_LISTED = 50;

export interface AdviceRow {
  storeId: string;
  id: string;
  cartId: string;
  at: number;
  model: string;
  status: string;
  reason: string;
  /** JSON, or `null`. */
  proposal: string;
  neurons: number;
  ms: number;
}

/** Forgets what is old, too. The same question may have found no answer before; what was applied stays. */
export async function recordAdvice(db: D1Database, row: AdviceRow): Promise<void> {
  const { storeId, id, cartId, at, model, status, reason, proposal, neurons, ms } = row;
  await db.batch([
    db
      .prepare(
        "INSERT INTO advice (store_id, id, cart_id, at, model, status, reason, proposal, neurons, ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (store_id, id) DO UPDATE SET at = excluded.at, model = excluded.model, status = excluded.status, reason = excluded.reason, proposal = excluded.proposal, neurons = excluded.neurons, ms = excluded.ms WHERE advice.status <> 'applied'",
      )
      .bind(storeId, id, cartId, at, model, status, reason, proposal, neurons, ms),
    db.prepare("DELETE FROM advice WHERE store_id = ? AND at < ?").bind(storeId, at - KEEP_MS),
  ]);
}

/** Newest first, at most 50: a cart is asked about once a generation and day. */
export async function adviceOfCart(db: D1Database, storeId: string, cartId: string): Promise<AdviceView[]> {
  const { results } = await db
    .prepare("SELECT * FROM advice WHERE store_id = ? AND cart_id = ? ORDER BY at DESC, id LIMIT ?")
    .bind(storeId, cartId, MAX_LISTED)
    .all<AdviceRow>();
  return results.map(({ id, at, model, status, reason, proposal, neurons, ms }) => ({
    id,
    cartId,
    at: iso(at),
    model,
    status,
    reason,
    proposal: proposalSchema.nullable().catch(null).parse(JSON.parse(proposal)),
    neurons,
    ms,
  }));
}

interface LossRow {
  at: number;
  model: string;
  figures: string;
  text: string;
}

/** What is kept as `model` when rules wrote it; the reason follows. */
const RULES = "rules:";

export async function lossSummary(db: D1Database, storeId: string, week: string): Promise<LossView | null> {
  const row = await db
    .prepare("SELECT at, model, figures, text FROM loss_summaries WHERE store_id = ? AND week = ?")
    .bind(storeId, week)
    .first<LossRow>();
  const figures = row && lossFigures.safeParse(JSON.parse(row.figures));
  if (!row || !figures?.success) return null;
  const byRules = row.model.startsWith(RULES);
  return {
    figures: figures.data,
    text: row.text,
    source: byRules ? "rules" : "model",
    model: byRules ? null : row.model,
    reason: byRules ? row.model.slice(RULES.length) : null,
    at: iso(row.at),
  };
}

/** The last one of a week stays; those of more than two years ago go. */
export async function saveLossSummary(db: D1Database, storeId: string, view: LossView, at: number): Promise<void> {
  const { figures, text, model, reason } = view;
  await db.batch([
    db
      .prepare(
        "INSERT INTO loss_summaries (store_id, week, at, model, figures, text) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (store_id, week) DO UPDATE SET at = excluded.at, model = excluded.model, figures = excluded.figures, text = excluded.text",
      )
      .bind(storeId, figures.week, at, model ?? RULES + reason, JSON.stringify(figures), text),
    db.prepare("DELETE FROM loss_summaries WHERE store_id = ? AND at < ?").bind(storeId, at - 730 * DAY_MS),
  ]);
}
