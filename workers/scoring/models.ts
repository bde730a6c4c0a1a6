/** Function-calling models of Workers AI, what they cost, and what is asked of them at most. */

/** Dollars per million tokens (developers.cloudflare.com/workers-ai/platform/pricing, November 2026). */
interface Price {
  input: number;
  output: number;
  /** It thinks aloud unless told not to, and thoughts are paid as output. */
  thinks?: true;
}

export const MODELS: Record<string, Price> = {
  "@cf/zai-org/glm-4.7-flash": { input: 0.06, output: 0.4, thinks: true },
  "@cf/qwen/qwen3-30b-a3b-fp8": { input: 0.051, output: 0.34, thinks: true },
  "@cf/openai/gpt-oss-120b": { input: 0.35, output: 0.75 },
  "@cf/meta/llama-3.3-70b-instruct-fp8-fast": { input: 0.29, output: 2.25 },
};

/** A model whose price is not known here is reckoned as dear as this. */
const UNKNOWN: Price = { input: 0.5, output: 2.5 };

/** 1,000 neurons cost 1.1 cents. */
const DOLLARS_A_NEURON = 0.011 / 1_000;

/** What so many tokens cost, in neurons. */
export function neuronsOf(model: string, inputTokens: number, outputTokens: number): number {
  const { input, output } = priceOf(model);
  return (inputTokens * input + outputTokens * output) / 1e6 / DOLLARS_A_NEURON;
}

const priceOf = (model: string): Price => (Object.hasOwn(MODELS, model) ? (MODELS[model] ?? UNKNOWN) : UNKNOWN);

export const thinks = (model: string): boolean => priceOf(model).thinks === true;

/** The configured model, and the one that is asked when it fails. */
export function modelsFrom(wanted: string): [string, string] {
  const [first, second] = Object.keys(MODELS);
  return [wanted, (wanted === first ? second : first) ?? wanted];
}

/** The least bytes of text that a token stands for, on average: reckoned too dear rather than too cheap. */
const BYTES_A_TOKEN = 2;
export const tokensIn = (text: string): number => Math.ceil(bytesOf(text) / BYTES_A_TOKEN);
export const bytesOf = (text: string): number => new TextEncoder().encode(text).byteLength;

export interface AskLimits {
  /** For the whole conversation. */
  timeoutMs: number;
  /** Calls of one model. */
  maxCalls: number;
  /** Of one answer. */
  maxTokens: number;
  /** Of one question, with everything said before it. */
  maxInputBytes: number;
}

export const ADVICE_LIMITS: AskLimits = { timeoutMs: 20_000, maxCalls: 4, maxTokens: 500, maxInputBytes: 16_000 };
export const WRITING_LIMITS: AskLimits = { timeoutMs: 20_000, maxCalls: 1, maxTokens: 900, maxInputBytes: 8_000 };
