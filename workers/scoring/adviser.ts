/** One question about one planned message: a conversation with a model, bounded in time, calls, size and cost. */
import type { Proposal } from "../../shared/policy/advice.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { TimeoutError, withTimeout } from "../../shared/timeout.ts";
import type { AiBinding } from "../env.ts";
import { Conversation, type Failure, type Purse } from "./adapter.ts";
import { ADVICE_LIMITS, type AskLimits } from "./models.ts";
import { adviceMessages } from "./prompts.ts";
import { type Sources, toolsOf, Verdict } from "./tools.ts";

/** What came of it. `no_proposal`: the model said other things; `beyond_bounds`: nothing that it proposed is allowed. */
export type Outcome = "proposed" | "no_proposal" | "unreadable" | "beyond_bounds" | Failure;

export interface Advised {
  outcome: Outcome;
  /** Within the bounds, when there is an outcome; else the last one that could be read. */
  proposal: Proposal | null;
  /** Why the last proposal was refused. */
  refused: string | null;
  model: string;
  neurons: number;
}

/** With less time than this left the second model is not asked any more. */
const MIN_LEFT_MS = 5 * SECOND_MS;

/** After these another model may know better. */
const MODEL_FAILED: readonly Outcome[] = ["model_failed", "malformed"];

/** The service did not do its part: what its circuit breaker counts. */
export const isOutage = (outcome: Outcome): boolean => outcome === "timeout" || MODEL_FAILED.includes(outcome);

/** Asks the first model, and the second when the first fails. Never throws for what a model or its service does. */
export async function adviseOn(
  ai: AiBinding,
  models: readonly string[],
  sources: Sources,
  purse: Purse,
  clock: () => number,
  limits: AskLimits = ADVICE_LIMITS,
): Promise<Advised> {
  const end = clock() + limits.timeoutMs;
  let calls = 0;
  let neurons = 0;
  let last: Advised | null = null;
  for (const model of models) {
    const timeoutMs = end - clock();
    if (last && (!MODEL_FAILED.includes(last.outcome) || timeoutMs < Math.min(MIN_LEFT_MS, limits.timeoutMs))) break;
    const messages = adviceMessages(sources.settings.tone);
    const conversation = new Conversation(ai, model, limits, purse, messages.length, calls);
    const verdict = new Verdict();
    const outcome = await converse(conversation, messages, sources, verdict, model, timeoutMs);
    calls = conversation.calls;
    neurons += conversation.neurons;
    const { proposal, heard, refused } = verdict;
    last = { outcome, proposal: proposal ?? heard, refused, model, neurons };
  }
  if (!last) throw new Error("no model is named");
  return last;
}

async function converse(
  conversation: Conversation,
  messages: ReturnType<typeof adviceMessages>,
  sources: Sources,
  verdict: Verdict,
  model: string,
  timeoutMs: number,
): Promise<Outcome> {
  // Loaded when it is needed: the library brings a schema and a YAML library of its own.
  const { runWithTools } = await import("@cloudflare/ai-utils");
  const tools = toolsOf(sources, verdict, () => conversation.end());
  const input = { messages: messages as Parameters<typeof runWithTools>[2]["messages"], tools };
  const named = model as Parameters<typeof runWithTools>[1];
  try {
    // The bound of calls is the conversation's: the library's own ends with a call that nobody needs.
    const run = runWithTools(conversation.asLibrary, named, input, { maxRecursiveToolRuns: 100 });
    await withTimeout(run, timeoutMs, "the model");
  } catch (error) {
    conversation.end();
    // A tool that failed is told to the model; what is thrown here is ours, or a time-out.
    if (verdict.proposal) return "proposed";
    if (error instanceof TimeoutError) return "timeout";
    if (!conversation.failure) throw error;
    return verdict.heard && conversation.failure === "too_many_calls" ? "beyond_bounds" : conversation.failure;
  }
  if (verdict.proposal) return "proposed";
  if (verdict.heard) return "beyond_bounds";
  return verdict.refused ? "unreadable" : "no_proposal";
}
