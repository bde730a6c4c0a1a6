/** What the pages read of the OpenAPI document. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  examples?: unknown[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  maxItems?: number;
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  description?: string;
  schema: Schema;
}

export interface Answer {
  $ref?: string;
  description: string;
  content?: Record<string, { schema?: Schema }>;
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  security: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, Answer>;
  "x-access": string;
  "x-permission"?: string;
  "x-limit": string;
}

export interface Spec {
  info: { title: string; version: string; description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, Schema>;
    responses: Record<string, Answer>;
    securitySchemes: Record<string, { description: string }>;
  };
}

/** An operation where it stands. */
export interface Placed {
  method: string;
  path: string;
  operation: Operation;
}

export const operationsOf = (spec: Spec): Placed[] =>
  Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );

/** The last part of a reference: the component's name. */
export const nameOf = (reference: string): string => reference.slice(reference.lastIndexOf("/") + 1);

/** The schema that a reference stands for. */
export function resolved(spec: Spec, schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const found = spec.components.schemas[nameOf(schema.$ref)];
  if (!found) throw new Error(`${schema.$ref} is not in the document`);
  return found;
}

/** The alternatives of a schema other than `null`, and whether `null` is one. */
export function alternatives(schema: Schema): { options: Schema[]; nullable: boolean } {
  const all = schema.anyOf ?? schema.oneOf;
  if (all) {
    const options = all.filter((option) => option.type !== "null");
    return { options, nullable: options.length < all.length };
  }
  if (!Array.isArray(schema.type)) return { options: [schema], nullable: false };
  const types = schema.type.filter((type) => type !== "null");
  return { options: types.map((type) => ({ ...schema, type })), nullable: types.length < schema.type.length };
}
