/** What language models proposed, and why carts were lost: rows of D1. Every query is by the store of the credential. */
import * as z from "zod";
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

/** Writes it once, and forgets what is old. */
export async function recordAdvice(db: D1Database, row: AdviceRow): Promise<void> {
  const { storeId, id, cartId, at, model, status, reason, proposal, neurons, ms } = row;
  await db.batch([
    db
      .prepare(
        "INSERT INTO advice (store_id, id, cart_id, at, model, status, reason, proposal, neurons, ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      )
      .bind(storeId, id, cartId, at, model, status, reason, proposal, neurons, ms),
    db.prepare("DELETE FROM advice WHERE store_id = ? AND at < ?").bind(storeId, at - KEEP_MS),
  ]);
}

export const adviceView = z
  .object({
    id: z.string(),
    cartId: z.string(),
    at: z.iso.datetime(),
    model: z.string().describe("Which model was asked; empty when none was"),
    status: z
      .string()
      .describe("`applied`; `refused`: by the cart; else why the rules decided, e.g. `budget_spent`, `timeout`"),
    reason: z.string().describe("The model's for what was applied, else the code of the refusal"),
    proposal: proposalSchema.nullable(),
    neurons: z.number().describe("What it cost"),
    ms: z.number().int(),
  })
  .meta({ id: "Advice" });
export type AdviceView = z.infer<typeof adviceView>;

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
