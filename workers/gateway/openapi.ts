/** The OpenAPI 3.1 document, made of nothing but the declared routes. */
import * as z from "zod";
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiOverride,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from "zod-openapi";
import about from "../../package.json" with { type: "json" };
import { type ErrorCode, STATUS } from "../../shared/errors.ts";
import { takesIdempotencyKey } from "./idempotency.ts";
import {
  COMMON_HEADERS,
  COMPONENTS,
  LIMIT_HEADERS,
  problemReference,
  REPLAY_HEADER,
  TAGS,
  VERSION_HEADER,
} from "./openapi-parts.ts";
import type { Access, Answer, Route } from "./route.ts";

export type Document = ReturnType<typeof createDocument>;

/** `origin`: where this Worker answers, e.g. `https://cartwake.example`. */
export function openApi(routes: readonly Route[], origin: string): Document {
  const paths: ZodOpenApiPathsObject = {};
  const versioned = new Set(routes.filter((route) => route.ifMatch).map((route) => route.path));
  for (const route of routes) {
    const path = pathOf(route);
    // What a change takes as `If-Match`, reading gives as `ETag`.
    const tagged = route.ifMatch ?? (route.method === "GET" && versioned.has(route.path));
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, tagged) };
  }
  const used = new Set(routes.map((route) => route.tag));
  const document = createDocument(
    {
      openapi: "3.1.0",
      info: {
        title: "Cartwake",
        version: about.version,
        description: about.description,
        license: { name: about.license, identifier: about.license },
      },
      servers: [{ url: origin }],
      tags: Object.entries(TAGS)
        .filter(([name]) => [...used].some((tag) => tag === name))
        .map(([name, description]) => ({ name, description })),
      paths,
      components: COMPONENTS,
    },
    { override: openEnded },
  );
  openReferences(document);
  return document;
}

/** Objects in answers may gain fields: no client may rely on there being no others. */
const openEnded: ZodOpenApiOverride = ({ jsonSchema, io }) => {
  if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
};

/** A reference with a description of its own is rendered with a leftover `additionalProperties` that no override sees. */
function openReferences(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if ("$ref" in value && "additionalProperties" in value) delete value.additionalProperties;
  for (const inner of Object.values(value)) openReferences(inner);
}

/** `/v1/carts/:id` → `/v1/carts/{id}`. */
export const pathOf = ({ path }: Pick<Route, "path">): string => path.replace(/:(\w+)/g, "{$1}");

const parametersOf = (path: string): string[] => [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);

function operation(route: Route, tagged: boolean): ZodOpenApiOperationObject {
  const parameters = parametersOf(route.path);
  const header = requestHeaders(route);
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    security: security(route.access),
    requestParams: {
      ...(parameters.length > 0
        ? { path: z.object(Object.fromEntries(parameters.map((name) => [name, z.string()]))) }
        : {}),
      ...(route.query ? { query: route.query } : {}),
      ...(header ? { header } : {}),
    },
    ...(route.body ? { requestBody: requestBody(route.body, route) } : {}),
    responses: responses(route, tagged),
    ...permission(route.access),
    "x-limit": limitOf(route),
  };
}

function requestHeaders(route: Route): z.ZodObject | null {
  const shape = {
    ...(takesIdempotencyKey(route)
      ? {
          "Idempotency-Key": z
            .string()
            .min(1)
            .max(255)
            .optional()
            .describe("A repeat with the same key within a day gets the first one's answer and changes nothing"),
        }
      : {}),
    ...(route.ifMatch
      ? {
          "If-Match": z.string().optional().describe("The version that was read; 409 when it is no longer the latest"),
        }
      : {}),
  };
  return Object.keys(shape).length > 0 ? z.object(shape) : null;
}

const FILE = { schema: { type: "string" as const, format: "binary", description: "The file, as it is" } };

function requestBody(schema: z.ZodType, { access, textBody, fileBody }: Route) {
  if (fileBody) return { required: true, content: Object.fromEntries(fileBody.map((type) => [type, FILE])) };
  const content = { schema };
  return {
    required: !schema.safeParse({}).success,
    content: {
      "application/json": content,
      // `sendBeacon` without a preflight.
      ...(access === "publishable" ? { "text/plain": content } : {}),
      ...(textBody ? { [textBody]: content } : {}),
    },
  };
}

function responses(route: Route, tagged: boolean): ZodOpenApiResponsesObject {
  const problems = problemsOf(route).map((code) => [STATUS[code], problemReference(code)] as const);
  const answers = Object.entries(route.answers).map(
    ([status, answer]) => [status, response(route, tagged, answer)] as const,
  );
  return {
    ...Object.fromEntries(problems),
    default: problemReference("INTERNAL_ERROR"),
    ...Object.fromEntries(answers),
  };
}

function response(route: Route, tagged: boolean, { description, schema, type }: Answer) {
  return {
    description,
    headers: {
      ...COMMON_HEADERS,
      ...(limitOf(route) === "standard" || limitOf(route) === "strict" ? LIMIT_HEADERS : {}),
      ...(tagged ? VERSION_HEADER : {}),
      ...(takesIdempotencyKey(route) ? REPLAY_HEADER : {}),
    },
    ...(schema || type
      ? { content: { [type ?? "application/json"]: { schema: schema ?? { type: "string" as const } } } }
      : {}),
  };
}

/** The problems that follow from what the route takes and who may call it, and those it names itself. */
function problemsOf(route: Route): ErrorCode[] {
  const writes = route.method !== "GET";
  const has: [boolean, ErrorCode[]][] = [
    [Boolean(route.query ?? route.body) || takesIdempotencyKey(route), ["VALIDATION_ERROR"]],
    [route.access !== "public", ["UNAUTHORIZED", "FORBIDDEN"]],
    [route.path.includes(":"), ["NOT_FOUND"]],
    [takesIdempotencyKey(route) || (writes && route.access === "public" && Boolean(route.body)), ["CONFLICT"]],
    [route.body !== undefined, ["PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"]],
    [true, ["TOO_MANY_REQUESTS"]],
  ];
  return [...has.flatMap(([applies, codes]) => (applies ? codes : [])), ...(route.problems ?? [])];
}

function security(access: Access): Record<string, string[]>[] {
  if (access === "public") return [];
  if (access === "publishable") return [{ publishableKey: [] }];
  return access === "user" ? [{ accessToken: [] }] : [{ accessToken: [] }, { secretKey: [] }];
}

const permission = (access: Access) =>
  access.includes(":") ? { "x-access": "permission", "x-permission": access } : { "x-access": access };

/** `GET /v1/carts/:id/timeline` → `getCartTimeline`, `POST /v1/campaigns` → `createCampaign`, `POST /auth/login` → `authLogin`. */
function operationId(route: Route): string {
  if (route.operationId) return route.operationId;
  const segments = route.path.split("/").filter((segment) => segment !== "" && segment !== "v1");
  const literal = segments.filter((segment) => !segment.startsWith(":"));
  const words = literal.map((name) => (segments[segments.indexOf(name) + 1]?.startsWith(":") ? singular(name) : name));
  const last = words.at(-1) ?? "";
  switch (route.method) {
    case "GET":
      return camel([isList(route) ? "list" : "get", ...words]);
    case "POST":
      if (words[0] === "auth") return camel(words);
      return 201 in route.answers
        ? camel(["create", ...words.slice(0, -1), singular(last)])
        : camel([last, ...words.slice(0, -1)]);
    case "PUT":
      return camel(["replace", ...words]);
    case "PATCH":
      return camel(["update", ...words]);
    case "DELETE":
      return camel(["delete", ...words]);
  }
}

const isList = ({ answers }: Route): boolean => {
  const schema = answers[200]?.schema;
  return schema instanceof z.ZodObject && "items" in schema.shape && "nextCursor" in schema.shape;
};

const singular = (word: string): string => word.replace(/ies$/, "y").replace(/([^s])s$/, "$1");

const camel = (words: string[]): string =>
  words
    .flatMap((word) => word.split(/[^A-Za-z0-9]+/))
    .filter((word) => word !== "")
    .map((word, i) => (i === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join("");

/** What a route's calls are counted by. */
function limitOf({ access, guarded, unlimited }: Route): "none" | "beacon" | "strict" | "standard" {
  if (unlimited) return "none";
  if (access === "publishable") return "beacon";
  return guarded ? "strict" : "standard";
}
