/**
 * Workers AI as `runWithTools` of `@cloudflare/ai-utils` expects it. That library knows one shape of answers, sets no bound
 * on tokens, time or cost, and asks once more when all is said; here every answer becomes that shape, what it said before is
 * told in the form that the model speaks, each call is paid for before it is made, and a conversation that is over stays so.
 */
import type { runWithTools } from "@cloudflare/ai-utils";
import type { AiBinding } from "../env.ts";
import { type Answer, parseAnswer, type Shape } from "./answers.ts";
import { type AskLimits, bytesOf, neuronsOf, thinks, tokensIn } from "./models.ts";

type LibraryAi = Parameters<typeof runWithTools>[0];

/** The store's purse: neurons are reserved before a call and settled after it. */
export interface Purse {
  /** False: nothing is left of the day. `call` counts from 1 within the question. */
  reserve(call: number, neurons: number): Promise<boolean>;
  settle(call: number, neurons: number): Promise<void>;
}

/** Why a conversation ended without an answer. */
export type Failure = "budget_spent" | "too_many_calls" | "too_long" | "malformed" | "model_failed" | "timeout";

export interface Message {
  role: string;
  content: string;
  name?: string;
}

interface Tool {
  type: "function";
  function: { name: string; description: string; parameters?: object };
}

export class Conversation {
  readonly #ai: AiBinding;
  readonly #model: string;
  readonly #limits: AskLimits;
  readonly #purse: Purse;
  /** Messages of ours at the beginning; what follows was said by the model and its tools. */
  readonly #opening: number;
  readonly #callsBefore: number;
  #calls: number;
  #shape: Shape = "plain";
  #over = false;
  /** What it cost so far; of a call without an answer, what was reserved. */
  neurons = 0;
  failure: Failure | null = null;

  /** `callsBefore`: of the same question, by another model. */
  constructor(ai: AiBinding, model: string, limits: AskLimits, purse: Purse, opening: number, callsBefore = 0) {
    this.#ai = ai;
    this.#model = model;
    this.#limits = limits;
    this.#purse = purse;
    this.#opening = opening;
    this.#callsBefore = callsBefore;
    this.#calls = callsBefore;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Nothing is asked from now on. */
  end(): void {
    this.#over = true;
  }

  /** For the library: of all that the binding can do it only calls `run`. */
  get asLibrary(): LibraryAi {
    const run = (_model: string, input: { messages: Message[]; tools?: Tool[] }) =>
      this.run(input.messages, input.tools);
    return { run: run as LibraryAi["run"] } as LibraryAi;
  }

  /** One call. Without tools the library asks for a last word, which nobody reads: that one is not made. */
  async run(messages: Message[], tools?: Tool[]): Promise<Answer> {
    if (this.#over || !tools) return NOTHING;
    return this.ask(messages, tools);
  }

  async ask(messages: Message[], tools: Tool[] = []): Promise<Answer> {
    const { maxCalls, maxTokens, maxInputBytes } = this.#limits;
    if (this.#calls - this.#callsBefore >= maxCalls) throw this.#failed("too_many_calls");
    const inputs = {
      messages: this.#shape === "chat" ? asChat(messages, this.#opening) : messages.map(plainMessage),
      ...(tools.length > 0 ? { tools: tools.map(declared) } : {}),
      max_tokens: maxTokens,
      temperature: 0.2,
      ...(thinks(this.#model) ? { chat_template_kwargs: { enable_thinking: false } } : {}),
    };
    const text = JSON.stringify(inputs);
    if (bytesOf(text) > maxInputBytes) throw this.#failed("too_long");
    this.#calls += 1;
    const call = this.#calls;
    const reserved = neuronsOf(this.#model, tokensIn(text), maxTokens);
    if (!(await this.#purse.reserve(call, reserved))) throw this.#failed("budget_spent");
    this.neurons += reserved;
    const answer = await this.#answered(inputs);
    const cost = answer?.usage ? paid(this.#model, answer.usage, bytesOf(text), maxTokens) : reserved;
    this.neurons += cost - reserved;
    await this.#purse.settle(call, cost);
    if (!answer) throw this.#failed("malformed");
    this.#shape = answer.shape;
    return answer;
  }

  async #answered(inputs: Record<string, unknown>): Promise<Answer | null> {
    try {
      return parseAnswer(await this.#ai.run(this.#model, inputs));
    } catch (error) {
      this.#failed("model_failed");
      throw error;
    }
  }

  /** The library throws errors of its own for ours: what happened is kept here. */
  #failed(failure: Failure): Error {
    this.failure ??= failure;
    this.#over = true;
    return new Error(failure);
  }
}

const NOTHING: Answer = { shape: "plain", response: "", tool_calls: [], usage: null };

/** What the platform counted, as far as it can be true: a token is at least a byte, and answers are bounded. */
const paid = (model: string, usage: { input: number; output: number }, bytes: number, maxTokens: number): number =>
  neuronsOf(model, Math.min(usage.input, bytes), Math.min(usage.output, maxTokens));

const plainMessage = ({ role, content, name }: Message) => ({
  role,
  content: role === "tool" ? told(content) : content,
  ...(name ? { name } : {}),
});

/** A tool's own text: the library writes it as a JSON string once more, and every quotation mark would cost a token. */
function told(content: string): string {
  if (!content.startsWith('"')) return content; // the library's own words about a tool that failed
  const text: unknown = JSON.parse(content);
  return typeof text === "string" ? text : content;
}

/** The library leaves an empty `function` in each. */
const declared = ({ function: { name, description, parameters } }: Tool): Tool => ({
  type: "function",
  function: { name, description, ...(parameters ? { parameters } : {}) },
});

type ChatMessage =
  | { role: string; content: string }
  | { role: "assistant"; content: null; tool_calls: ChatCall[] }
  | { role: "tool"; tool_call_id: string; content: string };
interface ChatCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

/**
 * The library notes each call as the assistant's JSON, all calls of an answer before their results, and a result by its
 * tool's name. Chat models want the calls of an answer in one message and each answered by its id.
 */
function asChat(messages: readonly Message[], opening: number): ChatMessage[] {
  const said: ChatMessage[] = messages.slice(0, opening).map(({ role, content }) => ({ role, content }));
  let calls: ChatCall[] = [];
  let open: ChatCall[] = [];
  const answer = (call: ChatCall, content: string): void => {
    said.push({ role: "tool", tool_call_id: call.id, content });
    open = open.filter((other) => other !== call);
  };
  const close = (): void => {
    for (const call of open) answer(call, "There is no such tool.");
    calls = [];
  };
  for (const [i, { role, content, name }] of messages.slice(opening).entries()) {
    if (role === "assistant") {
      if (messages[opening + i - 1]?.role === "tool") close();
      const call = chatCall(content, said.length + calls.length);
      if (calls.length === 0) said.push({ role: "assistant", content: null, tool_calls: calls });
      calls.push(call);
      open.push(call);
    } else {
      const call = open.find((c) => c.function.name === name);
      if (call) answer(call, told(content));
    }
  }
  close();
  return said;
}

function chatCall(content: string, n: number): ChatCall {
  const { name, arguments: given } = JSON.parse(content) as { name: string; arguments: unknown };
  return { id: `call_${n}`, type: "function", function: { name, arguments: JSON.stringify(given ?? {}) } };
}
