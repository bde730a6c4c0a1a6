/**
 * Workers AI, as far as models that call functions go: it refuses what the real one refuses (models, messages, tools, bounds),
 * answers in the shape of the model that was asked for, counts tokens, and can be told to behave well or badly. What it does
 * next follows from the conversation alone, as with a real model.
 */

export interface Called {
  name: string;
  arguments: unknown;
}

/** What a model says: calls, words, or something that is no answer at all. */
export type Said = { calls: Called[] } | { text: string } | { raw: unknown } | { throws: string } | { silent: true };

/** One call of the service, as it came in. */
export interface Inputs {
  messages: {
    role: string;
    content: string | null;
    name?: string;
    tool_call_id?: string;
    tool_calls?: { id: string; type: string; function: { name: string; arguments: string } }[];
  }[];
  tools?: { type: string; function: { name: string; description: string; parameters: Record<string, unknown> } }[];
  max_tokens?: number;
  temperature?: number;
  chat_template_kwargs?: unknown;
}

type Shape = "plain" | "nested" | "chat";
const SHAPES: Record<string, Shape> = {
  "@cf/zai-org/glm-4.7-flash": "chat",
  "@cf/qwen/qwen3-30b-a3b-fp8": "chat",
  "@cf/openai/gpt-oss-120b": "chat",
  "@cf/meta/llama-3.3-70b-instruct-fp8-fast": "plain",
  "@cf/mistralai/mistral-small-3.1-24b-instruct": "plain",
  "@cf/meta/llama-4-scout-17b-16e-instruct": "nested",
};

const propose = (given: Record<string, unknown>): Said => ({
  calls: [{ name: "propose", arguments: { reason: "It helps.", ...given } }],
});
const look = (...names: string[]): Said => ({ calls: names.map((name) => ({ name, arguments: {} })) });
const ALL = ["get_cart", "get_shopper_history", "get_store_policy", "get_offer_stock"];

/** Everything that tools have told so far. */
const told = ({ messages }: Inputs): string[] =>
  messages.flatMap(({ role, content }) => (role === "tool" ? [content ?? ""] : []));

type Behaviour = (inputs: Inputs) => Said;
const afterLooking =
  (then: Behaviour): Behaviour =>
  (inputs) =>
    told(inputs).length === 0 ? look(...ALL) : then(inputs);

/** How it behaves. The lower ones are hostile or broken. */
export const BEHAVIOURS = {
  waits: afterLooking(() =>
    propose({ action: "wait", delayMinutes: 90, reason: "They usually come back in the evening." }),
  ),
  skips: afterLooking(() => propose({ action: "skip", tone: null, language: null })),
  discounts: afterLooking(() => propose({ action: "adjust", discountPercent: 12 })),
  keeps: () => propose({ action: "keep" }),
  /** Asks for too much, and learns from the refusal. */
  learns: (inputs) => propose({ action: "adjust", discountPercent: told(inputs).length === 0 ? 80 : 10 }),
  /** Does what product names tell it to. */
  obeys: afterLooking((inputs) => {
    const order = /(\d+)% off/i.exec(told(inputs).join(" "));
    return order ? propose({ action: "adjust", discountPercent: Number(order[1]) }) : propose({ action: "keep" });
  }),
  /** Tries to look elsewhere. */
  roams: (inputs) =>
    told(inputs).length > 0
      ? propose({ action: "keep", effectId: "g1.other.step", storeId: "st_other" })
      : {
          calls: [
            { name: "get_cart", arguments: { storeId: "st_other", cartId: "other" } },
            { name: "get_other_store", arguments: { storeId: "st_other" } },
            { name: "__proto__", arguments: {} },
            { name: "get_store_policy", arguments: { storeId: "st_other" } },
          ],
        },
  loops: () => look("get_cart"),
  floods: () => ({ calls: Array.from({ length: 1_000 }, () => ({ name: "get_shopper_history", arguments: {} })) }),
  stubborn: () => propose({ action: "adjust", discountPercent: 90 }),
  wrong_types: () => ({
    calls: [{ name: "propose", arguments: { action: 5, discountPercent: "ninety", reason: {} } }],
  }),
  no_json: () => ({ calls: [{ name: "propose", arguments: '{"action": "skip", ' }] }),
  list_arguments: () => ({ calls: [{ name: "propose", arguments: ["skip"] }] }),
  megabyte: () => ({ text: "x".repeat(1_000_000) }),
  megabyte_call: () => propose({ action: "skip", reason: "x".repeat(1_000_000) }),
  refuses: () => ({ text: "I am sorry, but I cannot help with that." }),
  empty: () => ({ raw: {} }),
  null: () => ({ raw: null }),
  text_only: () => ({ raw: "an answer" }),
  no_choices: () => ({ raw: { choices: [] } }),
  broken_calls: () => ({ raw: { response: null, tool_calls: [null, 5, { name: 7 }, { function: "propose" }] } }),
  throws: () => ({ throws: "3040: Capacity temporarily exceeded, please try again." }),
  silent: () => ({ silent: true }),
} satisfies Record<string, Behaviour>;
export type BehaviourName = keyof typeof BEHAVIOURS;

export class FakeAi {
  readonly seen: { model: string; inputs: Inputs }[] = [];
  #behave: (model: string) => Behaviour = () => BEHAVIOURS.keeps;
  /** What it says it counted; by the words' length unless told. */
  usage: { prompt_tokens: unknown; completion_tokens: unknown } | null | undefined = undefined;

  /** By model where they differ, else all alike. */
  behave(as: BehaviourName | Partial<Record<string, BehaviourName>>): void {
    this.seen.length = 0;
    this.usage = undefined;
    this.#behave = (model) => BEHAVIOURS[typeof as === "string" ? as : (as[model] ?? "keeps")];
  }

  /** Words instead of calls. */
  write(text: string): void {
    this.seen.length = 0;
    this.#behave = () => () => ({ text });
  }

  async run(model: string, given: unknown): Promise<unknown> {
    const shape = SHAPES[model];
    if (!shape) throw new Error(`5007: No such model ${model} or task`);
    const inputs = checked(given, shape);
    this.seen.push({ model, inputs });
    const said = this.#behave(model)(inputs);
    if ("silent" in said) return new Promise(() => {});
    if ("throws" in said) throw new Error(said.throws);
    if ("raw" in said) return said.raw;
    const cut = { prompt_tokens: Math.ceil(JSON.stringify(inputs).length / 4), completion_tokens: 40 };
    return shaped(shape, said, this.usage === undefined ? cut : this.usage);
  }
}

function shaped(shape: Shape, said: { calls: Called[] } | { text: string }, usage: unknown): unknown {
  const calls = "calls" in said ? said.calls : [];
  const text = "text" in said ? said.text : null;
  const asJson = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  if (shape === "plain") return { response: text, tool_calls: calls, usage };
  const tool_calls = calls.map(({ name, arguments: given }, i) => ({
    id: `chatcmpl-tool-${i}`,
    type: "function",
    function: { name, arguments: asJson(given) },
  }));
  if (shape === "nested") return { response: text, tool_calls, usage };
  const message = { role: "assistant", content: text, refusal: null, reasoning_content: null, tool_calls };
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message, logprobs: null, finish_reason: calls.length > 0 ? "tool_calls" : "stop" }],
    usage,
  };
}

const KEYS = new Set(["messages", "tools", "max_tokens", "temperature", "chat_template_kwargs", "stream"]);
const ROLES = new Set(["system", "user", "assistant", "tool"]);

/** Throws what the service answers to inputs that are none. */
function checked(given: unknown, shape: Shape): Inputs {
  const refuse = (what: string): never => {
    throw new Error(`5006: Error: oneOf at '/' not met, ${what}`);
  };
  // What travels is JSON.
  const inputs = JSON.parse(JSON.stringify(given)) as Inputs;
  for (const key of Object.keys(inputs)) if (!KEYS.has(key)) refuse(`unknown property ${key}`);
  const { messages, tools, max_tokens, temperature } = inputs;
  if (!Array.isArray(messages) || messages.length === 0) refuse("messages must be a non-empty array");
  if (max_tokens === undefined || !Number.isInteger(max_tokens) || max_tokens < 1)
    refuse("max_tokens must be positive");
  if (temperature !== undefined && !(temperature >= 0 && temperature <= 5)) refuse("temperature must be 0 to 5");
  for (const message of messages) {
    if (!ROLES.has(message.role)) refuse(`role ${message.role}`);
    const mayBeSilent = shape === "chat" && (message.tool_calls?.length ?? 0) > 0;
    if (typeof message.content !== "string" && !mayBeSilent) refuse("content must be a string");
  }
  for (const { type, function: declared } of tools ?? []) {
    if (type !== "function") refuse("a tool is a function");
    if (!/^[\w-]{1,64}$/.test(declared.name)) refuse(`the tool's name ${declared.name}`);
    if (typeof declared.description !== "string") refuse("a tool has a description");
    if (declared.parameters.type !== "object" || typeof declared.parameters.properties !== "object")
      refuse("parameters must be an object schema");
    for (const property of Object.values(declared.parameters.properties as Record<string, Record<string, unknown>>))
      if (typeof property.type !== "string" || typeof property.description !== "string")
        refuse("a property has a type");
  }
  if (shape === "chat") answered(inputs, refuse);
  return inputs;
}

/** Chat completions: each call of a message is answered by its id before anything else is said. */
function answered({ messages }: Inputs, refuse: (what: string) => never): void {
  let open = new Set<string>();
  const known = new Set<string>();
  for (const { role, tool_calls, tool_call_id } of messages) {
    if (role === "tool") {
      if (!tool_call_id || !open.delete(tool_call_id)) refuse(`no call ${tool_call_id} is open`);
      continue;
    }
    if (open.size > 0) refuse("an assistant message with tool_calls must be followed by tool messages");
    open = new Set();
    for (const { id, type, function: called } of tool_calls ?? []) {
      if (known.has(id) || type !== "function" || typeof called.arguments !== "string") refuse("a broken tool call");
      JSON.parse(called.arguments);
      known.add(id);
      open.add(id);
    }
  }
  if (open.size > 0) refuse("tool calls without an answer");
}
