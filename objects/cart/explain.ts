/** The log, read back: the timeline for people, and the replay that proves every decision again. Pure. */

import type { CartEvent } from "../../shared/events/types.ts";
import type { Predictor } from "../../shared/model/prediction.ts";
import { toMoney } from "../../shared/money.ts";
import { iso } from "../../shared/time.ts";
import type { CartStatus, ExplainView, TimelineEntry } from "../../shared/views.ts";
import type { Command, Note } from "./commands.ts";
import { decide } from "./decide.ts";
import { type CartState, emptyState } from "./state.ts";
import { eventsOf, firstRules, type LogRow, recorded } from "./storage.ts";
import { viewOf } from "./view.ts";

/** The command that a row of the log recorded. */
export function commandOf(row: LogRow): Command | null {
  if (row.entry.command) return row.entry.command;
  const { events, history } = row.entry;
  return events ? { type: "receive", now: row.at, events: eventsOf(row), ...(history ? { history } : {}) } : null;
}

export interface Step {
  seq: number;
  at: number;
  command: Command["type"];
  notes: Note[];
  status: CartStatus;
  total: number;
  /** The decision came out as it did then. */
  confirmed: boolean;
  /** What was predicted then. */
  prediction?: { purchaseProbability: number; model: string };
}

/** Runs the whole log through `decide` again, up to `until`. Needs a log that was never compacted. */
export function replay(
  rows: LogRow[],
  at: { storeId: string; cartId: string; state: CartState },
  until = Infinity,
): { state: CartState; steps: Step[] } {
  let state = emptyState(at.storeId, at.cartId, firstRules(rows, at.state.rules));
  let { rules } = state;
  const steps: Step[] = [];
  for (const row of rows) {
    if (row.at > until) break;
    rules = row.entry.rules ?? rules;
    const command = commandOf(row);
    if (!command) continue;
    const decision = decide(state, command, rules, recorded(row));
    state = decision.state;
    steps.push({
      seq: row.seq,
      at: row.at,
      command: command.type,
      notes: decision.notes,
      status: state.process.status,
      total: state.facts.totalMinor,
      confirmed: JSON.stringify(decision.notes) === JSON.stringify(row.entry.notes ?? []),
      ...predictionOf(row),
    });
  }
  return { state, steps };
}

/** The log run through `decide` again, as people read it: each decision, and the cart as it was at `until` (ms). */
export function explained(
  rows: LogRow[],
  at: { storeId: string; cartId: string; state: CartState; createdAt: number; now: number },
  predict: Predictor,
  until?: number,
): ExplainView {
  const { state, steps } = replay(rows, at, until);
  const cart = viewOf(state, steps.at(-1)?.seq ?? 0, at.createdAt, until ?? at.now, predict);
  const decisions = steps.map((step) => ({ ...step, at: iso(step.at) }));
  return { id: at.cartId, consistent: steps.every(({ confirmed }) => confirmed), cart, decisions };
}

function predictionOf({ entry: { score } }: LogRow): Pick<Step, "prediction"> {
  return score ? { prediction: { purchaseProbability: score[0], model: score[1] } } : {};
}

const DELIVERY = new Set([
  "scheduled",
  "dispatched",
  "claimed",
  "sent",
  "raced",
  "failed",
  "retry",
  "unknown",
  "held",
  "suppressed",
  "cancelled",
  "clicked",
  "delivered",
  "opened",
  "bounced",
  "complained",
  "dismissed",
  "no_address",
]);

/** `GET /v1/carts/{id}/timeline`: events and decisions, oldest first. */
export function timelineOf(rows: LogRow[], currency: string): TimelineEntry[] {
  return rows.flatMap((row) => {
    const events: TimelineEntry[] = eventsOf(row).map((event) => ({
      seq: row.seq,
      at: iso(event.at),
      kind: "event",
      code: event.type,
      text: describe(event, currency),
    }));
    const notes: TimelineEntry[] = (row.entry.notes ?? []).map((note) => ({
      seq: row.seq,
      at: iso(row.at),
      kind: DELIVERY.has(note.code) ? "delivery" : "decision",
      ...note,
    }));
    return [...events, ...notes];
  });
}

function describe(event: CartEvent, fallback: string): string {
  const what = event.type.replaceAll("_", " ");
  const name = event.item?.name ?? event.item?.productId;
  const currency = event.currency ?? fallback;
  if (event.type === "cart_updated") return `cart updated: ${event.items?.length ?? 0} line(s)`;
  if (event.item) {
    const price = toMoney(event.item.priceMinor, currency);
    return `${what}: ${event.item.quantity} × ${name} at ${price.amount} ${price.currency}`;
  }
  if (event.order) {
    const total = toMoney(event.order.totalMinor, event.order.currency);
    return `${what}: order ${event.order.id}, ${total.amount} ${total.currency}`;
  }
  if (event.code) return `${what}: ${event.code}`;
  if (event.consent)
    return `${what}: ${Object.entries(event.consent)
      .map(([k, v]) => `${k} ${v}`)
      .join(", ")}`;
  return what;
}
