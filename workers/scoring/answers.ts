/**
 * The three shapes in which models answer, as one: `{ response, tool_calls: [{ name, arguments }] }`, the same with
 * `tool_calls: [{ function }]`, and chat completions (`choices`). What a model says is a stranger's word: parsed and cut.
 */
import * as z from "zod";

/** `chat`: the model speaks chat completions, and wants its own calls back in that form. */
export type Shape = "plain" | "chat";

export interface ToolCall {
  id: string;
  name: string;
  /** `null`: what was said is no JSON object. */
  arguments: Record<string, unknown> | null;
}

export interface Answer {
  shape: Shape;
  response: string;
  tool_calls: ToolCall[];
  /** Tokens, as the platform counted them; `null` when it does not say. */
  usage: { input: number; output: number } | null;
}

/** Calls of one answer that are carried out. */
const MAX_CALLS = 8;
const MAX_RESPONSE = 8_000;
const MAX_ARGUMENTS = 4_000;
const MAX_NAME = 64;

const calledFunction = z.object({ name: z.string(), arguments: z.unknown() });
const call = z.union([
  z.object({ id: z.string().nullish(), function: calledFunction }).transform((c) => ({ id: c.id, ...c.function })),
  calledFunction.extend({ id: z.string().nullish() }),
]);
const calls = z.array(z.unknown()).nullish();
const tokens = z.number().min(0);
const usage = z.object({ prompt_tokens: tokens, completion_tokens: tokens }).nullish().catch(null);
const chat = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.unknown(), tool_calls: calls }) })).min(1),
  usage,
});
const plain = z
  .object({ response: z.unknown(), tool_calls: calls, usage })
  .refine((answer) => answer.response !== undefined || answer.tool_calls !== undefined, "neither a response nor calls");

/** `null`: in none of the three. */
export function parseAnswer(given: unknown): Answer | null {
  const asChat = chat.safeParse(given);
  if (asChat.success) {
    const { message } = asChat.data.choices[0]!;
    return answerOf("chat", message.content, message.tool_calls, asChat.data.usage);
  }
  const asPlain = plain.safeParse(given);
  return asPlain.success ? answerOf("plain", asPlain.data.response, asPlain.data.tool_calls, asPlain.data.usage) : null;
}

function answerOf(
  shape: Shape,
  said: unknown,
  called: unknown[] | null | undefined,
  used: z.infer<typeof usage>,
): Answer {
  const text = typeof said === "string" ? said : said == null ? "" : JSON.stringify(said);
  return {
    shape,
    response: text.slice(0, MAX_RESPONSE),
    tool_calls: (called ?? []).slice(0, MAX_CALLS).flatMap(toolCall),
    usage: used ? { input: used.prompt_tokens, output: used.completion_tokens } : null,
  };
}

function toolCall(given: unknown, index: number): ToolCall[] {
  const parsed = call.safeParse(given);
  if (!parsed.success) return [];
  const { id, name } = parsed.data;
  return [
    {
      id: (id ?? `call_${index}`).slice(0, MAX_NAME),
      name: name.slice(0, MAX_NAME),
      arguments: objectOf(parsed.data.arguments),
    },
  ];
}

/** Arguments come as an object or as its JSON. */
function objectOf(given: unknown): Record<string, unknown> | null {
  const value = typeof given === "string" ? jsonOf(given) : given;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return JSON.stringify(value).length <= MAX_ARGUMENTS ? Object.fromEntries(Object.entries(value)) : null;
}

function jsonOf(text: string): unknown {
  if (text.length > MAX_ARGUMENTS) return null;
  try {
    return JSON.parse(text === "" ? "{}" : text);
  } catch {
    return null;
  }
}

/** The first JSON object in a text: models put words or fences around it. `null`: there is none. */
export function jsonObjectIn(text: string): Record<string, unknown> | null {
  const from = text.indexOf("{");
  const to = text.lastIndexOf("}");
  if (from < 0 || to < from) return null;
  try {
    const value: unknown = JSON.parse(text.slice(from, to + 1));
    return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : null;
  } catch {
    return null;
  }
}
