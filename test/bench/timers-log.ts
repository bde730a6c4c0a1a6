/** What carts wrote about their steps: read from their own files, for they are the truth. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { jitterMs } from "../../objects/cart/timers.ts";

export interface CartLog {
  /** When its step was due in the end: as it was planned, or until when it was held back. `null`: nobody can tell yet. */
  dueAt: number | null;
  /** When it was decided; more than once is one too often. */
  decidedAt: number[];
  /** How often its message was sent. */
  sent: number;
}

/** As much of a log row as is read. */
interface Entry {
  /** The cart itself is the file; its visitor is named after it. */
  events?: { visitorId: string }[];
  command?: { type: string; until?: number | null; outcome?: { kind: string } };
  notes?: { code: string }[];
}

export function cartFiles(state: string): string[] {
  return readdirSync(state, { recursive: true, encoding: "utf8" })
    .filter((path) => /Cart\b.*\.sqlite$/.test(path) && !path.endsWith("metadata.sqlite"))
    .map((path) => join(state, path));
}

/** `null`: nothing was ever committed. */
export function readCart(file: string, leashMs: number): CartLog | null {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  try {
    if (!database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'log'").get()) return null;
    const rows = database.prepare("SELECT at, entry FROM log WHERE seq > 0 ORDER BY seq").all();
    const cart: CartLog = { dueAt: null, decidedAt: [], sent: 0 };
    for (const { at, entry } of rows as unknown[] as { at: number; entry: string }[]) fold(cart, at, entry, leashMs);
    return cart;
  } finally {
    database.close();
  }
}

function fold(cart: CartLog, at: number, entry: string, leashMs: number): void {
  const { events, command, notes = [] } = JSON.parse(entry) as Entry;
  if (events?.[0]) cart.dueAt = at + leashMs + jitterMs(events[0].visitorId.replace("visitor-of-", ""), leashMs);
  if (command?.type === "hold" && command.until) {
    cart.dueAt = command.until;
    cart.decidedAt = [];
  }
  if (notes.some(({ code }) => code === "dispatched")) cart.decidedAt.push(at);
  if (command?.type === "settle" && command.outcome?.kind === "sent") cart.sent += 1;
}
