/**
 * How a route is declared: once, with its schemas, its permission and its limit. The validators, the access checks, the
 * OpenAPI document and the tests that walk every route all come from the declaration.
 */
import * as z from "zod";
import type { Permission } from "../../shared/auth/roles.ts";
import type { Principal } from "../../shared/auth/tokens.ts";
import type { ErrorCode } from "../../shared/errors.ts";
import type { Env } from "../env.ts";
import { parsed } from "./validate.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A line of the audit log. Unsaid parts are those of the caller and of the route. */
export interface AuditNote {
  /** `object.happened`, e.g. `store.updated`. */
  action: string;
  objectId?: string | null;
  before?: unknown;
  after?: unknown;
  /** Where nobody is logged in yet: whose log it belongs in, and who did it. */
  actor?: { storeId: string; userId: string; email: string };
}

/** What every handler is given. */
export interface Call<Q = unknown, B = unknown> {
  request: Request;
  env: Env;
  ctx: ExecutionContext;
  url: URL;
  params: Record<string, string>;
  requestId: string;
  /** The caller's address; `unknown` where no edge tells it. */
  address: string;
  query: Q;
  body: B;
  /** Notes what was done; written when the handler is through, also when it refused. */
  audit(note: AuditNote): void;
  /** The same as statements for right behind the change in its own batch: they add the line only if it changed anything. */
  audited(note: AuditNote): D1PreparedStatement[];
  /** Counts an attempt to prove to be this account; a 429 when there were too many. A refusal later on makes it a failure. */
  attempt(account: string | null): Promise<void>;
  /** Whether this browser had a session of the account (its id): then its lock does not hold here. */
  isKnown(userId: string): Promise<boolean>;
}

/** A call by somebody who said who they are: a member of the store, or one of its secret keys. */
export interface MemberCall<Q = unknown, B = unknown> extends Call<Q, B> {
  principal: Principal;
}

/** What an answer looks like. `type` is a media type other than JSON. */
export interface Answer {
  description: string;
  schema?: z.ZodType;
  type?: string;
}

interface Declaration<Q extends z.ZodObject, B extends z.ZodType> {
  method: Method;
  /** With `:name` for parameters. */
  path: `/${string}`;
  /** One line, in the imperative. */
  summary: string;
  /** More, where a line is not enough. */
  description?: string;
  tag: Tag;
  query?: Q;
  body?: B;
  /** Bytes that the body may have, where the usual bound is too low. */
  maxBody?: number;
  /** A media type that the body may have besides JSON: the schema is given the text as it is. */
  textBody?: "text/csv";
  /** The media types of a body that is a file: the schema is given its bytes, whatever they are. */
  fileBody?: readonly string[];
  /** The answers other than problems, by status. */
  answers: Record<number, Answer>;
  /** Passwords, codes or tokens can be guessed here: the strict limit counts too, by the account that the call names. */
  guarded?: (call: Call<z.infer<Q>, z.infer<B>>, principal: Principal | null) => string | null;
  /** Probes of an operator: never refused for being many. */
  unlimited?: boolean;
  /** Its name in the OpenAPI document, where the one made of method and path would not be understood. */
  operationId?: string;
  /** Problems that do not follow from the rest of the declaration. */
  problems?: readonly ErrorCode[];
  /** Obeys `If-Match`, and answers with the new version's `ETag`. */
  ifMatch?: true;
  /** Changes nothing although it is no GET: its repeat costs nothing, so that no answer is kept for an `Idempotency-Key`. */
  reads?: true;
  /** Changes what beacons and actors obey: the isolate's copy of the store's rules is dropped. */
  changesRules?: boolean;
}

export type Tag =
  | "Auth"
  | "Stores"
  | "Carts"
  | "Shoppers"
  | "Campaigns"
  | "Coupons"
  | "Templates"
  | "Providers"
  | "Deliveries"
  | "Models"
  | "Analytics"
  | "Storefront"
  | "Operations";

/**
 * Who may call: anybody; shops with their publishable key; members and keys of a store; its users, but not keys; or who
 * has the permission.
 */
export type Access = "public" | "publishable" | "member" | "user" | Permission;

/** A declared route as the pipeline and the documents see it. */
export interface Route extends Omit<Declaration<z.ZodObject, z.ZodType>, "guarded"> {
  access: Access;
  guarded: boolean;
  /** Noted in the audit log when the call succeeds. Every route that changes something has one. */
  audit?: string;
  handle(call: Call, principal: Principal | null): Promise<Response>;
}

const NO_QUERY = z.object({});
type Nothing = typeof NO_QUERY;
type Audited = { audit?: string };

/** A route that anybody may call. */
export function open<Q extends z.ZodObject = Nothing, B extends z.ZodType = z.ZodUndefined>(
  declared: Declaration<Q, B> & Audited,
  handler: (call: Call<z.infer<Q>, z.infer<B>>) => Response | Promise<Response>,
): Route {
  return {
    ...declared,
    access: "public",
    guarded: declared.guarded !== undefined,
    handle: async (call) => handler(await ready(declared, call, null)),
  };
}

/** A route of the merchant surface: for members and keys of a store that may do it. */
export function member<Q extends z.ZodObject = Nothing, B extends z.ZodType = z.ZodUndefined>(
  declared: Declaration<Q, B> & Audited & { access: Exclude<Access, "public" | "publishable"> },
  handler: (call: MemberCall<z.infer<Q>, z.infer<B>>) => Response | Promise<Response>,
): Route {
  return {
    ...declared,
    guarded: declared.guarded !== undefined,
    handle: async (call, principal) => {
      if (!principal) throw new Error(`${declared.method} ${declared.path} was called without a principal`);
      return handler({ ...(await ready(declared, call, principal)), principal });
    },
  };
}

/** Parsed; and counted, where something can be guessed. */
async function ready<Q extends z.ZodObject, B extends z.ZodType>(
  declared: Declaration<Q, B>,
  call: Call,
  principal: Principal | null,
): Promise<Call<z.infer<Q>, z.infer<B>>> {
  const known = await parsed(declared, call);
  if (declared.guarded) await call.attempt(declared.guarded(known, principal));
  return known;
}
