/** A schema as a list of fields: name, type, bounds, meaning; what is nested unfolds. */
import { type Html, html, prose } from "./html.ts";
import { alternatives, nameOf, resolved, type Schema, type Spec } from "./spec.ts";

/** In a request fields are needed or not; in an answer they are there or may be missing. */
export interface View {
  spec: Spec;
  answer: boolean;
}

const MAX_DEPTH = 5;
/** More values than this are shown folded. */
const MANY_VALUES = 12;

/** The anchor of a named object's own section. */
export const objectAnchor = (name: string): string => `object-${name}`;

/** What a whole body is: its kind in words, then its fields. */
export function bodyTable(view: View, schema: Schema): Html {
  const kind = typeOf(schema);
  const about = schema.$ref === undefined ? schema.description : undefined;
  return html`<p class="kind">${kind}${about ? html` <span class="soft">${prose(about)}</span>` : null}</p>
${nested(view, schema, 0, false)}`;
}

/** The fields of an object. */
export function fieldTable(view: View, schema: Schema, depth = 0): Html | null {
  const { properties = {}, required = [] } = schema;
  const names = Object.keys(properties);
  if (names.length === 0) return null;
  return html`<dl class="fields">${names.map((name) => field(view, name, properties[name] ?? {}, required.includes(name), depth))}</dl>`;
}

/** One row: also for parameters. */
export function field(view: View, name: string, schema: Schema, required: boolean, depth = 0): Html {
  const description = schema.description ?? (schema.$ref ? resolved(view.spec, schema).description : undefined);
  return html`<div class="field"><dt><code class="name">${name}</code> <span class="type">${typeOf(schema)}</span>${
    required === view.answer
      ? null
      : html` <span class="${required ? "needed" : "type"}">${required ? "required" : "may be absent"}</span>`
  }</dt><dd>${description ? html`<p>${prose(description)}</p>` : null}${boundsOf(view, schema)}${nested(view, schema, depth, true)}</dd></div>`;
}

/** The fields inside; a named object is linked to instead. */
function nested(view: View, schema: Schema, depth: number, fold: boolean): Html | null {
  if (schema.$ref !== undefined || depth > MAX_DEPTH) return null;
  const { options } = alternatives(schema);
  const tables = options.flatMap((option) => {
    const inner = option.type === "array" ? (option.items ?? {}) : option;
    if (inner !== option && (inner.anyOf ?? inner.oneOf)) return [nested(view, inner, depth + 1, false)];
    if (inner.$ref !== undefined) return [];
    const table = fieldTable(view, inner, depth + 1);
    return table ? [table] : [];
  });
  const shown = tables.map((table, i) =>
    tables.length > 1 ? html`<p class="either">${i === 0 ? "Either" : "or"}</p>${table}` : table,
  );
  if (shown.length === 0) return null;
  return fold ? html`<details class="nested"><summary>Its fields</summary>${shown}</details>` : html`${shown}`;
}

/** In words: `string`, `array of Cart`, `one of …`, `object or null`. */
export function typeOf(schema: Schema): Html {
  if (schema.$ref !== undefined) {
    const name = nameOf(schema.$ref);
    return html`<a href="#${objectAnchor(name)}">${name}</a>`;
  }
  const { options, nullable } = alternatives(schema);
  const words = options.map((option) => (option === schema || !option.$ref ? plainType(option) : typeOf(option)));
  const told = [...new Map(words.map((word) => [word.text, word])).values()];
  return html`${told.map((word, i) => html`${i > 0 ? " or " : null}${word}`)}${nullable ? (told.length > 0 ? " or null" : "null") : null}`;
}

function plainType({ type, format, items, additionalProperties, anyOf, oneOf, ...schema }: Schema): Html {
  if (anyOf ?? oneOf) return typeOf({ ...(anyOf ? { anyOf } : {}), ...(oneOf ? { oneOf } : {}) });
  if (type === "array") return items ? html`array of ${typeOf(items)}` : html`array`;
  if (type === "object" && !schema.properties && typeof additionalProperties === "object")
    return Object.keys(additionalProperties).length > 0 ? html`map of ${typeOf(additionalProperties)}` : html`object`;
  if (format === "date-time") return html`time`;
  if (format !== undefined && type === "string") return html`${format}`;
  if (typeof type === "string") return html`${type}`;
  if (schema.const !== undefined) return html`${JSON.stringify(schema.const)}`;
  return schema.enum ? html`string` : html`anything`;
}

function boundsOf(view: View, schema: Schema): Html | null {
  const { options } = alternatives(schema);
  const [only] = options;
  const shape = options.length === 1 && only ? resolved(view.spec, only) : schema;
  const bounds = [
    range(shape.minLength, shape.maxLength, "characters"),
    range(shape.minItems, shape.maxItems, "items"),
    range(shape.minimum ?? shape.exclusiveMinimum, safe(shape.maximum ?? shape.exclusiveMaximum), ""),
  ].filter((text) => text !== null);
  const base = schema.default ?? shape.default;
  const parts = [
    ...bounds.map((text) => html`<li>${text}</li>`),
    ...(shape.pattern && !shape.format ? [html`<li>matches <code>${shape.pattern}</code></li>`] : []),
    ...(base !== undefined ? [html`<li>default <code>${JSON.stringify(base)}</code></li>`] : []),
  ];
  const values = shape.enum ?? shape.items?.enum ?? (shape.const === undefined ? undefined : [shape.const]);
  return html`${parts.length > 0 ? html`<ul class="bounds">${parts}</ul>` : null}${values ? choices(values) : null}`;
}

const safe = (bound: number | undefined): number | undefined =>
  bound !== undefined && bound >= Number.MAX_SAFE_INTEGER ? undefined : bound;

function choices(values: unknown[]): Html {
  const list = html`<p class="values">${values.map((value, i) => html`${i > 0 ? " " : null}<code>${String(value)}</code>`)}</p>`;
  return values.length > MANY_VALUES
    ? html`<details class="nested"><summary>${values.length} values</summary>${list}</details>`
    : list;
}

function range(low: number | undefined, high: number | undefined, unit: string): string | null {
  const least = low === undefined || low <= -Number.MAX_SAFE_INTEGER || (unit !== "" && low === 0) ? undefined : low;
  const tail = unit === "" ? "" : ` ${unit}`;
  if (least === undefined) return high === undefined ? null : `at most ${high}${tail}`;
  if (high === undefined) return `at least ${least}${tail}`;
  return least === high ? `${high}${tail}` : `${least} to ${high}${tail}`;
}
