/** Values held against the schemas of the OpenAPI document. */
import * as z from "zod";

export interface JsonSchema {
  $ref?: string;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  additionalProperties?: boolean | JsonSchema;
  [keyword: string]: unknown;
}

type Components = Record<string, JsonSchema>;

const PREFIX = "#/components/schemas/";

/** The schema as one that stands by itself. Patterns with Unicode classes go: zod compiles patterns without the flag `u`. */
const standalone = (schema: JsonSchema, components: Components): JsonSchema =>
  JSON.parse(
    JSON.stringify({ ...schema, $defs: components }).replaceAll(`"${PREFIX}`, '"#/$defs/'),
    (key, value: unknown) =>
      key === "pattern" && typeof value === "string" && value.includes("\\p{") ? undefined : value,
  ) as JsonSchema;

/** A validator compiled from a schema; throws when it is no valid one. */
export const compiled = (schema: JsonSchema, components: Components): z.ZodType =>
  z.fromJSONSchema(standalone(schema, components) as Parameters<typeof z.fromJSONSchema>[0]);

/** What a value breaks of a schema. */
export function mismatches(schema: JsonSchema, components: Components, value: unknown): string[] {
  const result = compiled(schema, components).safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}

/** Paths of fields that the schema does not name: clients cannot know of them. */
export function undocumented(schema: JsonSchema, components: Components, value: unknown, path = ""): string[] {
  if (schema.$ref) return undocumented(components[schema.$ref.slice(PREFIX.length)] ?? {}, components, value, path);
  const options = schema.anyOf ?? schema.oneOf;
  if (options) {
    const fitting = options.filter((option) => mismatches(option, components, value).length === 0);
    const found = fitting.map((option) => undocumented(option, components, value, path));
    return found.sort((a, b) => a.length - b.length)[0] ?? [];
  }
  if (Array.isArray(value))
    return value.flatMap((item, i) => undocumented(schema.items ?? {}, components, item, `${path}[${i}]`));
  if (typeof value !== "object" || value === null || !schema.properties) return [];
  const { properties, additionalProperties } = schema;
  const open = additionalProperties !== undefined && additionalProperties !== false;
  return Object.entries(value).flatMap(([name, inner]) => {
    const known = properties[name];
    if (known) return undocumented(known, components, inner, `${path}.${name}`);
    return open ? [] : [`${path}.${name}`];
  });
}
