/**
 * What is wrong with a template, told when it is saved and not when a shopper waits for it: syntax, unknown filters and
 * variables, and what a render with a sample cart shows. What the sample has is what a template may use.
 */
import { LiquidError } from "liquidjs";
import type { CartContents } from "./events/messages.ts";
import type { MessageLimits } from "./message-limits.ts";
import {
  contextOf,
  engineOf,
  inLocale,
  PARTS,
  type PartName,
  type Parts,
  positioned,
  render,
  type Template,
  type TemplateContext,
  TemplateError,
  type TemplateStore,
} from "./templates.ts";

/** A wrong part of the template: `html`, `translations.de.text`. The message begins with line and column. */
export interface TemplateFault {
  field: string;
  message: string;
}

export const SAMPLE_CART: CartContents = {
  items: [
    {
      productId: "p1",
      variantId: null,
      name: "Stoneware mug",
      priceMinor: 1290,
      quantity: 2,
      url: "https://shop.example/mug",
      imageUrl: null,
      category: null,
    },
    {
      productId: "p2",
      variantId: null,
      name: "Linen tea towel, set of three",
      priceMinor: 2400,
      quantity: 1,
      url: "https://shop.example/towel",
      imageUrl: null,
      category: null,
    },
  ],
  totalMinor: 4980,
  currency: "EUR",
  email: "ada@example.com",
  name: "Ada Lovelace",
  timezone: "Europe/Berlin",
  locale: null,
  coupons: ["COMEBACK10"],
  createdAt: Date.UTC(2026, 10, 20, 18, 30),
};
export const SAMPLE_STORE: TemplateStore = { name: "Your shop", url: "https://shop.example", allowedOrigins: [] };
const SAMPLE_LINKS = {
  recovery: "https://shop.example/r/sample-of-20-letters",
  unsubscribe: "https://shop.example/u/sample",
};

const SAMPLE_COUPON: TemplateContext["coupon"] = {
  code: "COMEBACK10",
  expires_at: "2026-11-27T18:30:00.000Z",
  kind: "percent",
  amount: 10,
};

/** The sample as a template sees it. */
export function sampleContext(locale: string, store: TemplateStore = SAMPLE_STORE): TemplateContext {
  const context = contextOf(SAMPLE_CART, store, SAMPLE_LINKS, locale);
  return { ...context, coupon: SAMPLE_COUPON };
}

const MAX_FAULTS = 20;

/** `limits`: how long subject and text may become with the sample cart. */
export async function faultsOf(template: Template, limits: MessageLimits): Promise<TemplateFault[]> {
  const variants: [prefix: string, locale: string, parts: Parts][] = [
    ["", template.locale, template],
    ...Object.entries(template.translations).map(([tag, parts]): [string, string, Parts] => [
      `translations.${tag}.`,
      tag,
      parts,
    ]),
  ];
  const faults: TemplateFault[] = [];
  for (const [prefix, locale, parts] of variants) {
    const found = PARTS.flatMap((part) =>
      unknownsOf(part, parts[part]).map((message) => ({ field: prefix + part, message })),
    );
    if (found.length === 0) found.push(...(await unrendered(prefix, parts, inLocale(template, locale).locale, limits)));
    faults.push(...found);
  }
  return faults.slice(0, MAX_FAULTS);
}

async function unrendered(
  prefix: string,
  parts: Parts,
  locale: string,
  limits: MessageLimits,
): Promise<TemplateFault[]> {
  try {
    const made = await render(parts, sampleContext(locale));
    return (["subject", "text"] as const)
      .filter((part) => made[part].length > limits[part])
      .map((part) => ({
        field: prefix + part,
        message: positioned(1, 1, `becomes longer than ${limits[part]} characters`),
      }));
  } catch (error) {
    if (error instanceof TemplateError) return [{ field: prefix + error.part, message: error.message.slice(0, 300) }];
    throw error;
  }
}

/** Broken syntax, or every variable that is neither set by the template nor in the context. */
function unknownsOf(part: PartName, source: string): string[] {
  const engine = engineOf(part);
  const known = sampleContext("en");
  try {
    const { globals, variables } = engine.analyzeSync(engine.parse(source), { partials: false });
    const items = loopsOverItems(source).flatMap((name) =>
      (variables[name] ?? []).map((variable) => ({ variable, root: { [name]: known.cart.items[0] } })),
    );
    const given = Object.values(globals).flatMap((list) => list.map((variable) => ({ variable, root: known })));
    return [...given, ...items].flatMap(({ variable, root }) =>
      resolves(root, variable.toArray())
        ? []
        : [
            positioned(
              variable.location.row,
              variable.location.col,
              `unknown variable ${String(variable).slice(0, 100)}`,
            ),
          ],
    );
  } catch (error) {
    if (LiquidError.is(error) || error instanceof RangeError)
      return [new TemplateError(part, error).message.slice(0, 300)];
    throw error;
  }
}

/** Names that stand for an item of the cart in every loop there is, and are never assigned to. */
function loopsOverItems(source: string): string[] {
  const loops = [...source.matchAll(/\b(?:for|tablerow)\s+([\w-]+)\s+in\s+([^\s%]+)(\s*\|)?/g)];
  const others = new Set(loops.flatMap(([, name, list, filter]) => (list === "cart.items" && !filter ? [] : [name])));
  const assigned = new Set([...source.matchAll(/\b(?:assign|capture)\s+["']?([\w-]+)/g)].map(([, name]) => name));
  return [...new Set(loops.map(([, name]) => name ?? ""))].filter((name) => !others.has(name) && !assigned.has(name));
}

/** Whether a path leads anywhere. What is worked out while rendering (`cart[x]`) may lead anywhere. */
function resolves(from: unknown, [head, ...rest]: unknown[]): boolean {
  if (head === undefined) return true;
  if (Array.isArray(head)) return true;
  if (typeof from === "string") return head === "size" && rest.length === 0;
  if (Array.isArray(from)) {
    if (head === "size") return rest.length === 0;
    return (typeof head === "number" || head === "first" || head === "last") && resolves(from[0], rest);
  }
  if (typeof from !== "object" || from === null || typeof head !== "string" || !Object.hasOwn(from, head)) return false;
  return resolves(Object.entries(from).find(([name]) => name === head)?.[1], rest);
}
