/** What operations of the OpenAPI document share: problems, headers, ways to authenticate, tags. */
import * as z from "zod";
import type { ZodOpenApiComponentsObject, ZodOpenApiResponseObject } from "zod-openapi";
import { type ErrorCode, STATUS } from "../../shared/errors.ts";
import type { Tag } from "./route.ts";

/** The groups of the document, in the order in which they are shown. */
export const TAGS: Record<Tag, string> = {
  Auth: "Accounts, sessions, and the keys that access tokens are signed with.",
  Stores: "A store's settings, its API keys, and the log of who did what.",
  Carts: "Carts as their actors see them: content, prediction, journey, and why each message was sent or not.",
  Shoppers: "People: what they consented to and in which words, what was sent to them, and what waits.",
  Campaigns: "When shoppers are written to, how often, and with which template. Versioned: a journey ends as it began.",
  Coupons: "Codes of their own for carts, new or imported, and what became of them.",
  Templates: "What messages say, in Liquid. Rendered once before they are saved.",
  Providers: "By what a store's own mail goes, in order of failover, and what providers report of it.",
  Deliveries: "Every message that was planned, sent or kept back, with its history.",
  Models:
    "What tells how a cart will end: versions with their figures, which one serves, how they are trained and watched; and predictions.",
  Analytics: "Exact counters of the store, now and over time.",
  Storefront: "What shops, shoppers and their mail programs call.",
  Operations: "Health, live topics, and this document.",
};

const PROBLEMS: Record<ErrorCode, string> = {
  VALIDATION_ERROR:
    "Something in the query, the body or a header is not as declared; `errors` names every wrong field.",
  UNAUTHORIZED: "The credential is missing, wrong or expired.",
  FORBIDDEN: "The credential may not do this.",
  NOT_FOUND: "There is no such object in the caller's store.",
  METHOD_NOT_ALLOWED: "This address takes other methods; `Allow` names them.",
  CONFLICT: "It does not fit what is there: changed meanwhile, taken, or an `Idempotency-Key` used otherwise.",
  PAYLOAD_TOO_LARGE: "The body is larger than allowed.",
  UNSUPPORTED_MEDIA_TYPE: "The body is of a media type that is not taken here: most take JSON alone.",
  TOO_MANY_REQUESTS: "Too many requests: come again after `Retry-After` seconds.",
  INTERNAL_ERROR: "Something went wrong on our side; the request id helps to find out what.",
  SERVICE_UNAVAILABLE: "Temporarily unavailable: try again.",
};

const problem = z
  .object({
    type: z.string().describe("A URI that names the kind of problem"),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe("For people"),
    code: z.enum(Object.keys(STATUS) as [ErrorCode, ...ErrorCode[]]).describe("Stable: for programs"),
    requestId: z.string(),
    errors: z
      .array(z.object({ field: z.string(), message: z.string(), code: z.string() }))
      .optional()
      .describe("Every field that is wrong"),
  })
  .describe("RFC 9457, `application/problem+json`")
  .meta({ id: "Problem" });

const headers = {
  "X-Request-Id": {
    description: "The id of the request: the caller's own when it sent a sane one",
    schema: { type: "string" as const },
  },
  "X-RateLimit-Limit": {
    description: "Requests that the window allows; absent where nothing is counted",
    schema: { type: "integer" as const },
  },
  "X-RateLimit-Remaining": {
    description: "How many of them are left",
    schema: { type: "integer" as const },
  },
  "X-RateLimit-Reset": {
    description: "When the window ends, in seconds",
    schema: { type: "integer" as const },
  },
  "Retry-After": { description: "Seconds to wait", schema: { type: "integer" as const } },
  ETag: { description: "The version, for `If-Match`", schema: { type: "string" as const } },
  "Idempotency-Replayed": {
    description: "`true` when this is the stored answer to an earlier request with the same key",
    schema: { type: "string" as const, const: "true" },
  },
};

const reference = (name: keyof typeof headers) => ({ [name]: { $ref: `#/components/headers/${name}` } });

/** On every answer. */
export const COMMON_HEADERS = reference("X-Request-Id");
/** On the answers of what is counted in the gateway. */
export const LIMIT_HEADERS = {
  ...reference("X-RateLimit-Limit"),
  ...reference("X-RateLimit-Remaining"),
  ...reference("X-RateLimit-Reset"),
};
export const VERSION_HEADER = reference("ETag");
export const REPLAY_HEADER = reference("Idempotency-Replayed");

/** `VALIDATION_ERROR` → `ValidationError`. */
const responseName = (code: ErrorCode): string =>
  code.toLowerCase().replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());

export const problemReference = (code: ErrorCode) => ({ $ref: `#/components/responses/${responseName(code)}` });

const problemResponse = (code: ErrorCode): ZodOpenApiResponseObject => ({
  description: `\`${code}\`: ${PROBLEMS[code]}`,
  headers: { ...COMMON_HEADERS, ...(code === "TOO_MANY_REQUESTS" ? reference("Retry-After") : {}) },
  content: { "application/problem+json": { schema: problem } },
});

const codes = Object.keys(STATUS) as ErrorCode[];

export const COMPONENTS: ZodOpenApiComponentsObject = {
  headers,
  responses: Object.fromEntries(codes.map((code) => [responseName(code), problemResponse(code)])),
  securitySchemes: {
    accessToken: {
      type: "http",
      scheme: "bearer",
      description: "A user's access token, from `POST /auth/login`. It lives for 15 minutes.",
    },
    secretKey: {
      type: "http",
      scheme: "bearer",
      bearerFormat: "cw_sk_…",
      description: "A store's secret key, for programs. It may do what its scopes say.",
    },
    publishableKey: {
      type: "apiKey",
      in: "query",
      name: "key",
      description: "`cw_pk_…`: stands in every page of the shop; may only send events and read its own offers.",
    },
  },
};
