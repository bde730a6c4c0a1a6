/**
 * What happens to every request, in this order: request id → trace → route → rate limit → authentication →
 * the path's store → authorization → idempotency key → validation → handler → audit log → headers → one log line. One error
 * handler answers for all of it.
 */
import type { Permission } from "../../shared/auth/roles.ts";
import type { Principal } from "../../shared/auth/tokens.ts";
import { AppError } from "../../shared/errors.ts";
import { problemResponse, requestIdOf } from "../../shared/http.ts";
import { log } from "../../shared/log.ts";
import { traceOf } from "../../shared/trace.ts";
import type { Env } from "../env.ts";
import { writeAudit } from "./audit.ts";
import { authenticate } from "./authenticate.ts";
import { secured } from "./headers.ts";
import { once, takesIdempotencyKey } from "./idempotency.ts";
import type { AuditNote, Call, Route } from "./route.ts";
import { scoped } from "./scope.ts";

/** A request as it came in, with what the frame gave it. */
export interface Incoming {
  request: Request;
  env: Env;
  ctx: ExecutionContext;
  url: URL;
  requestId: string;
}

/** Finds the route of a request and runs it; throws an `AppError` for every expected no. */
export type Dispatch = (request: Incoming) => Promise<Response>;

/** The frame around every request: its id, its trace, the one error handler, its headers and its log line. */
export function framed(dispatch: Dispatch) {
  return async function handle(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const started = Date.now();
    const url = new URL(request.url);
    const requestId = requestIdOf(request);
    const isBeacon = url.pathname === "/v1/events";
    const parent = request.headers.get("traceparent");
    // Beacons are most of the traffic: they take part in a trace only when somebody began one.
    const trace = isBeacon && parent === null ? null : traceOf(parent, crypto.getRandomValues(new Uint8Array(24)));
    const found = await answered(dispatch, { request, env, ctx, url, requestId });
    const response = secured(found, url);
    if (response.status !== 101) {
      response.headers.set("x-request-id", requestId);
      if (trace) response.headers.set("traceparent", trace.traceparent);
    }
    if (response.status >= 500 || !isBeacon) {
      log(response.status >= 500 ? "error" : "info", "request", {
        requestId,
        traceId: trace?.traceId,
        method: request.method,
        path: redacted(url.pathname),
        status: response.status,
        ms: Date.now() - started,
      });
    }
    return response;
  };
}

async function answered(dispatch: Dispatch, given: Incoming): Promise<Response> {
  const { requestId, url } = given;
  try {
    return await dispatch(given);
  } catch (error) {
    if (error instanceof AppError) return problemResponse(error, requestId, error.headers);
    log("error", "unhandled", { requestId, path: redacted(url.pathname), error });
    return problemResponse(
      new AppError("INTERNAL_ERROR", "Please try again; the request id helps us find what happened."),
      requestId,
    );
  }
}

/** One route, once it is found. */
export async function run(
  route: Route,
  given: Incoming,
  params: Record<string, string>,
  rulesChanged: (storeId: string) => void,
): Promise<Response> {
  const { request, env } = given;
  const address = request.headers.get("cf-connecting-ip") ?? "unknown";
  const principal =
    route.access === "public" ? null : await scoped(route, params, await authenticate(request, env, given.ctx), env);
  if (principal) authorize(route, principal);
  const notes: AuditNote[] = [];
  const call: Call = {
    ...given,
    params,
    address,
    query: undefined,
    body: undefined,
    audit: (note) => void notes.push(note),
  };
  const carry = (carried: Call) => carryOut(route, carried, principal, notes, rulesChanged);
  return principal && takesIdempotencyKey(route) ? once(call, principal, carry) : carry(call);
}

/** The handler, and what follows when it is through. */
async function carryOut(
  route: Route,
  call: Call,
  principal: Principal | null,
  notes: AuditNote[],
  rulesChanged: (storeId: string) => void,
): Promise<Response> {
  let done = false;
  try {
    const response = await route.handle(call, principal);
    done = response.status < 400;
    return response;
  } finally {
    if (done && route.changesRules && principal) rulesChanged(principal.storeId);
    if (done && route.audit && notes.length === 0)
      notes.push({ action: route.audit, objectId: call.params.id ?? null });
    if (notes.length > 0) await writeAudit(call, principal, notes);
  }
}

function authorize({ access }: Route, principal: Principal): void {
  if (access === "member") return;
  if (access === "user") {
    if (principal.kind !== "user")
      throw new AppError("FORBIDDEN", "This is for people: log in instead of using a key.");
    return;
  }
  if (!principal.permissions.includes(access as Permission))
    throw new AppError("FORBIDDEN", `This needs the permission ${access}.`);
}

/** Tokens stand in these paths. */
const redacted = (path: string): string => path.replace(/^\/(r|u|o|auth\/invitations)\/[^/]+/, "/$1/…");
