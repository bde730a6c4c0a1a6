/**
 * Liquid with an end: steps and characters are counted, for the engine's own time limit reads a clock that stands still
 * while a Worker computes. One budget pays for all parts of a message.
 */
import {
  Context,
  defaultOperators,
  type Emitter,
  filters,
  Liquid,
  type LiquidOptions,
  type Template,
  Token,
} from "liquidjs";
import { registerFormats } from "./liquid-formats.ts";

/** A node, a condition, an operator and a filter cost a step each; so does each hundred characters of a tag's source. */
const MAX_STEPS = 50_000;
/** What all filters read and make, and all parts and captures write, in characters and list entries. */
const MAX_CHARACTERS = 2_000_000;
const MAX_TEMPLATE = 200_000;

export class Budget {
  #steps = MAX_STEPS;
  #characters = MAX_CHARACTERS;

  step(count: number): void {
    this.#steps -= count;
    if (this.#steps < 0) throw new Error("the template does too much: a loop is too long");
  }

  use(count: number): void {
    if (count > 0) this.#characters -= count;
    if (this.#characters < 0) throw new Error("the template makes too much text");
  }
}

/** Renders one part of a message. Throws with the engine's own message when it is broken or the budget is used up. */
export function renderPart(engine: Liquid, source: string, data: object, budget: Budget): string {
  const context = new Context(data, engine.options, { sync: true }, { liquid: engine });
  context.renderLimit.use = (count) => budget.step(count);
  context.memoryLimit.use = (count) => budget.use(count);
  return engine.renderSync(parsed(engine, source), context);
}

/** Sources whose parsed form is kept, an engine: a store's messages are made from the same few. */
const MAX_PARSED = 100;
const MAX_PARSED_CHARACTERS = 20_000;
const parsedBy = new WeakMap<Liquid, Map<string, Template[]>>();

/** The template that `source` is; rendering does not change it. Throws with the engine's own message when it is broken. */
export function parsed(engine: Liquid, source: string): Template[] {
  const known = parsedBy.get(engine) ?? new Map<string, Template[]>();
  parsedBy.set(engine, known);
  const found = known.get(source);
  if (found) return found;
  const templates = engine.parse(source);
  if (source.length > MAX_PARSED_CHARACTERS) return templates;
  const [oldest] = known.keys();
  if (known.size >= MAX_PARSED && oldest !== undefined) known.delete(oldest);
  known.set(source, templates);
  return templates;
}

export function boundedEngine(options: Pick<LiquidOptions, "outputEscape">): Liquid {
  const engine = new Liquid({
    ...options,
    strictFilters: true,
    ownPropertyOnly: true,
    parseLimit: MAX_TEMPLATE,
    templates: {}, // no file is ever read
    operators: meteredOperators(),
  });
  for (const name of ["include", "render", "layout", "block"]) delete engine.tags[name]; // there are no other files
  meterFilters(engine);
  registerFormats(engine);
  meterRenderer(engine);
  return engine;
}

let lines = { input: "", starts: [0] };

/**
 * Line and column, from 1. The engine's own walks there from the first character for every variable it finds, which
 * takes seconds for a long template.
 */
Token.prototype.getPosition = function (this: Token): number[] {
  if (lines.input !== this.input)
    lines = { input: this.input, starts: [0, ...Array.from(this.input.matchAll(/\n/g), ({ index }) => index + 1)] };
  let [low, high] = [0, lines.starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((lines.starts[middle] ?? 0) <= this.begin) low = middle;
    else high = middle;
  }
  return [low + 1, this.begin - (lines.starts[low] ?? 0) + 1];
};

const sizeOf = (value: unknown): number => (typeof value === "string" || Array.isArray(value) ? value.length : 0);

function meter(context: Context, values: unknown[], times = 1): void {
  context.renderLimit.use(1);
  context.memoryLimit.use(values.reduce<number>((sum, value) => sum + sizeOf(value), 0) * times);
}

function meteredOperators(): typeof defaultOperators {
  const metered = Object.entries(defaultOperators).map(([name, run]) => [
    name,
    name === "not"
      ? (value: unknown, context: Context) => {
          meter(context, []);
          return (run as (value: unknown, context: Context) => ReturnType<typeof run>)(value, context);
        }
      : (left: unknown, right: unknown, context: Context) => {
          meter(context, [left, right]);
          return run(left, right, context);
        },
  ]);
  return Object.fromEntries(metered);
}

/** The engine's filters pay for most of what they make, but not for all they read. */
function meterFilters(engine: Liquid): void {
  for (const [name, filter] of Object.entries(filters)) {
    const handler = typeof filter === "function" ? filter : filter.handler;
    engine.registerFilter(name, {
      raw: typeof filter !== "function" && filter.raw,
      handler(value, ...given) {
        // `where_exp` and its kin read their argument once per entry.
        meter(this.context, [value, ...given], name.endsWith("_exp") ? Math.max(1, sizeOf(given[1])) : 1);
        return handler.call(this, value, ...given);
      },
    });
  }
}

/** Every list of nodes (a part, a loop's body at each turn, a branch) pays before it runs, and for what it writes. */
function meterRenderer(engine: Liquid): void {
  const { renderer } = engine;
  const run = renderer.renderTemplates;
  const known = new WeakMap<Template, number>();
  const costOf = (template: Template): number => {
    let cost = known.get(template);
    if (cost === undefined) {
      const { begin, end } = template.token;
      // A tag's arguments are also the conditions of its branches.
      cost = template.arguments ? 1 + [...template.arguments()].length + Math.floor((end - begin) / 100) : 1;
      known.set(template, cost);
    }
    return cost;
  };
  renderer.renderTemplates = (templates, context, emitter = new MeteredEmitter(context)) => {
    context.renderLimit.use(templates.reduce((sum, template) => sum + costOf(template), 1));
    return run.call(renderer, templates, context, emitter);
  };
}

class MeteredEmitter implements Emitter {
  buffer = "";
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  write(value: unknown): void {
    const text = textOf(value);
    this.#context.memoryLimit.use(text.length);
    this.buffer += text;
  }
}

const textOf = (value: unknown): string => {
  if (value === null || value === undefined) return "";
  return Array.isArray(value) ? value.map(textOf).join("") : String(value);
};
