/** Texts by a model: one question, one answer, within the store's budget and behind the circuit breaker. */
import { storeStub } from "../../objects/stubs.ts";
import { parseConfig } from "../../shared/config.ts";
import { newId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { count, observe } from "../../shared/metrics.ts";
import type { AiSettings } from "../../shared/policy/advice.ts";
import { callActor } from "../../shared/retry.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { TimeoutError, withTimeout } from "../../shared/timeout.ts";
import type { AiBinding, Env } from "../env.ts";
import { Conversation, type Failure, type Message } from "./adapter.ts";
import { isOutage } from "./adviser.ts";
import { guarded } from "./circuit.ts";
import { WRITING_LIMITS } from "./models.ts";
import { StorePurse } from "./purse.ts";

export type Written<T> =
  | { ok: true; value: T; model: string }
  | { ok: false; reason: Failure | "ai_off" | "circuit_open" | "unusable" };

/** The store's adviser, when there is one: the binding and the merchant's settings. */
export async function adviserOf(env: Env, storeId: string): Promise<{ ai: AiBinding; settings: AiSettings } | null> {
  const { AI: ai } = env;
  if (!ai) return null;
  const settings = await callActor("store", () => storeStub(env, storeId).settings());
  return settings.ok && settings.value.ai?.enabled ? { ai, settings: settings.value.ai } : null;
}

/** `read` makes of the model's words what was asked for, or `null` when they cannot be used. */
export async function write<T>(
  env: Env,
  storeId: string,
  ai: AiBinding,
  task: "draft" | "summary",
  messages: Message[],
  read: (text: string) => T | null | Promise<T | null>,
): Promise<Written<T>> {
  const model = parseConfig(env).AI_MODEL;
  const started = Date.now();
  const purse = new StorePurse(env, storeId, newId(task));
  const written = await guarded<Written<T>>(env, async () => {
    const conversation = new Conversation(ai, model, WRITING_LIMITS, purse, messages.length);
    const answer = await said(conversation, messages);
    count("cartwake_ai_neurons_total", { task }, Math.ceil(conversation.neurons));
    if (typeof answer !== "string")
      return { verdict: isOutage(answer.failure) ? "failure" : "void", value: { ok: false, reason: answer.failure } };
    const value = await read(answer);
    return {
      verdict: "success",
      value: value === null ? { ok: false, reason: "unusable" } : { ok: true, value, model },
    };
  });
  const ms = Date.now() - started;
  if (written) observe("cartwake_ai_duration_seconds", { task }, ms / SECOND_MS);
  const outcome: Written<T> = written ?? { ok: false, reason: "circuit_open" };
  log("info", "written", { storeId, task, outcome: outcome.ok ? "model" : outcome.reason, ms });
  return outcome;
}

async function said(conversation: Conversation, messages: Message[]): Promise<string | { failure: Failure }> {
  try {
    const answer = await withTimeout(conversation.ask(messages), WRITING_LIMITS.timeoutMs, "the model");
    return answer.response;
  } catch (error) {
    conversation.end();
    if (error instanceof TimeoutError) return { failure: "timeout" };
    if (conversation.failure) return { failure: conversation.failure };
    throw error;
  }
}
