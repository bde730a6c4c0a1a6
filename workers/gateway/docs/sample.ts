/** Sample values made from schemas, good enough to be sent. Pure. */
import { alternatives, nameOf, resolved, type Schema, type Spec } from "./spec.ts";

/** By the name of the field, where its schema does not say enough. */
const BY_NAME: [name: RegExp, values: unknown[]][] = [
  [/email|^to$/i, ["ada@example.com"]],
  [/password/i, ["correct horse battery"]],
  [/currency/i, ["EUR"]],
  [/timezone/i, ["Europe/Berlin"]],
  [/locale/i, ["en"]],
  [/url$/i, ["https://shop.example/"]],
  [/^code$/i, ["123456"]],
  [/origin/i, ["https://shop.example"]],
  [/amount|price/i, ["12.30"]],
  [/^key$/i, ["cw_pk_…"]],
  [/^name$/i, ["Example"]],
  [/version/i, [1]],
  [/^(model|reason|title|subject)$/i, ["…"]],
];

/** Tried where a pattern has to be met. */
const BY_PATTERN = ["a1", "21:00", "EUR", "12.30", "123456", "2026-11-21", "en", "https://shop.example/"];

const BY_FORMAT: Record<string, string> = {
  "date-time": "2026-11-21T10:00:00Z",
  date: "2026-11-21",
  email: "ada@example.com",
  uri: "https://shop.example/",
  uuid: "3b241101-e2bb-4255-8caf-4136c566a962",
};

const MAX_DEPTH = 6;

/** `terse`: only what must be said (requests); else every field (answers). */
export function sampleOf(spec: Spec, schema: Schema, terse: boolean, name = "", depth = 0): unknown {
  const known = resolved(spec, schema);
  const owner = schema.$ref === undefined ? name : nameOf(schema.$ref);
  const said = known.examples?.[0] ?? schema.examples?.[0] ?? known.const ?? known.default ?? known.enum?.[0];
  if (said !== undefined) return said;
  if (depth > MAX_DEPTH) return null;
  const { options } = alternatives(known);
  const [option] = options;
  if (!option) return null;
  if (option !== known) return sampleOf(spec, option, terse, owner, depth);
  if (known.allOf) return Object.assign({}, ...known.allOf.map((part) => sampleOf(spec, part, terse, name, depth + 1)));
  switch (known.type) {
    case "object":
      return objectSample(spec, known, terse, depth, owner);
    case "array":
      return known.items ? [sampleOf(spec, known.items, terse, singular(name), depth + 1)] : [];
    case "string":
      return stringSample(known, name);
    case "integer":
    case "number":
      return numberSample(known, name);
    case "boolean":
      return true;
    default:
      return null;
  }
}

function objectSample(
  spec: Spec,
  schema: Schema,
  terse: boolean,
  depth: number,
  owner: string,
): Record<string, unknown> {
  const { properties = {}, required = [], additionalProperties, propertyNames } = schema;
  const names = Object.keys(properties);
  const needed = names.filter((name) => required.includes(name));
  const chosen = terse ? (needed.length > 0 || depth > 0 ? needed : names.slice(0, 2)) : names;
  // An `id` is told by the object that has it.
  const called = (name: string): string => (name === "id" ? `${owner}Id` : name);
  const entries = chosen.map(
    (name) => [name, sampleOf(spec, properties[name] ?? {}, terse, called(name), depth + 1)] as const,
  );
  if (entries.length > 0 || typeof additionalProperties !== "object" || Object.keys(additionalProperties).length === 0)
    return Object.fromEntries(entries);
  const key = propertyNames?.enum?.[0];
  return terse
    ? {}
    : { [typeof key === "string" ? key : "…"]: sampleOf(spec, additionalProperties, terse, "", depth + 1) };
}

function stringSample(schema: Schema, name: string): string {
  const { format, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  const named = BY_NAME.find(([known]) => known.test(name))?.[1].filter((value) => typeof value === "string") ?? [];
  const id = /(?:^|[a-z])id$/i.test(name) ? [`${kebab(name.replace(/_?id$/i, "")) || "id"}-1`] : [];
  const formatted = format === undefined ? [] : [BY_FORMAT[format] ?? "…"];
  const fits = (text: string): boolean =>
    text.length >= minLength &&
    text.length <= maxLength &&
    (pattern === undefined || new RegExp(pattern, "u").test(text));
  return [...formatted, ...named, ...id, "…", ...BY_PATTERN].find(fits) ?? "x".repeat(Math.min(minLength, 100));
}

function numberSample({ type, minimum, maximum, exclusiveMinimum = 0 }: Schema, name: string): number {
  const wanted = /status/i.test(name) ? 200 : 1;
  const low = Math.max(minimum ?? Number.NEGATIVE_INFINITY, Math.min(wanted, maximum ?? wanted));
  return low > exclusiveMinimum || type === "integer" ? low : exclusiveMinimum + 1;
}

/** `CartListItem` → `cart-list-item`. */
const kebab = (name: string): string => name.replace(/(?<=[a-z])[A-Z]/g, "-$&").toLowerCase();

const singular = (word: string): string => word.replace(/ies$/, "y").replace(/s$/, "");
