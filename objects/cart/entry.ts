/** What a command leaves in the log: its row, and the snapshot beside it. Pure. */
import type { Delta } from "../../shared/events/messages.ts";
import type { Command, Decision } from "./commands.ts";
import type { LogEntry, Snapshot } from "./schema.ts";
import type { CartState } from "./state.ts";

/** What the log knows already and need not be told again. */
export interface Logged {
  rulesVersion: number;
  trace: string | null;
}

export function entryOf(
  before: CartState,
  command: Command,
  { state, learned, notes }: Decision,
  delta: Delta,
  trace: string | null,
  logged: Logged,
): LogEntry {
  const { purchaseProbability, model } = state.prediction;
  return {
    ...(command.type === "receive" ? { events: learned.map(({ receivedAt: _, ...event }) => event) } : { command }),
    ...(notes.length ? { notes } : {}),
    delta,
    ...(state.prediction === before.prediction ? {} : { score: [purchaseProbability, model] }),
    ...(state.history && state.history !== before.history ? { history: state.history } : {}),
    ...(state.rules.version === logged.rulesVersion ? {} : { rules: state.rules }),
    ...(trace && trace !== logged.trace ? { trace } : {}),
  };
}

/** Of the state after row `seq`; rows up to `baseSeq` are folded into its base. */
export function snapshotOf(
  { base, baseIds, process, history, prediction, usage, rules }: CartState,
  at: Pick<Snapshot, "seq" | "createdAt" | "baseSeq" | "confirmed">,
): Snapshot {
  const score = { probability: prediction.purchaseProbability, model: prediction.model, at: prediction.at };
  return { ...at, base, baseIds, process, history, score, usage, rules };
}

/** Is there anything to remember of it? */
export const isChange = (before: CartState, { state, learned, received }: Decision): boolean =>
  learned.length > 0 ||
  state.process !== before.process ||
  (received?.duplicates ?? 0) > 0 ||
  (received?.rejected.length ?? 0) > 0;
