/**
 * What happens to every request, in this order: request id → trace → route → rate limit → authentication →
 * the path's store → authorization → idempotency key → validation → handler → audit log → headers → one log line. One error
 * handler answers for all of it.
 */
import type { Permission } from "../../shared/auth/roles.ts";
import type { Principal } from "../../shared/auth/tokens.ts";
import { AppError } from "../../shared/errors.ts";
import { MAX_BODY, problemResponse, readBytes, requestIdOf } from "../../shared/http.ts";
import { log } from "../../shared/log.ts";
import { countRequest } from "../../shared/metrics.ts";
import type { LimitVerdict } from "../../shared/policy/limits.ts";
import { traceOf } from "../../shared/trace.ts";
import type { Env } from "../env.ts";
import { auditOfChange, writeAudit } from "./audit.ts";
import { authenticate } from "./authenticate.ts";
import { Visitor } from "./devices.ts";
import { secured } from "./headers.ts";
import { once, takesIdempotencyKey } from "./idempotency.ts";
import {
  forgetOverride,
  forgiveAuthFailure,
  limitAddress,
  limitAuthAttempt,
  limitAuthFailures,
  limitCaller,
  limitHeaders,
  limitStranger,
  refusalOf,
} from "./limits.ts";
import type { AuditNote, Call, Route } from "./route.ts";
import { scoped } from "./scope.ts";

/** A request as it came in, with what the frame gave it. */
export interface Incoming {
  request: Request;
  env: Env;
  ctx: ExecutionContext;
  url: URL;
  requestId: string;
  /** What the answer carries besides its own headers, whether it is good or bad. */
  answerHeaders: Record<string, string>;
  /** The pattern of the route that was found: what is counted names no path. */
  pattern: string;
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
    const answerHeaders: Record<string, string> = {
      "x-request-id": requestId,
      ...(trace ? { traceparent: trace.traceparent } : {}),
    };
    const incoming: Incoming = { request, env, ctx, url, requestId, answerHeaders, pattern: "(none)" };
    const response = secured(await answered(dispatch, incoming), url, answerHeaders);
    countRequest(incoming.pattern, request.method, response.status, (Date.now() - started) / 1000);
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

/** What a request leaves to be done when its handler is through. */
interface Progress {
  notes: AuditNote[];
  /** The handler wrote its lines with the change itself. */
  audited: boolean;
  /** An attempt was counted as a failure, until it turns out to be none. */
  guessing: boolean;
  visitor: Visitor;
  rulesChanged: (storeId: string) => void;
}

/** Longer than the bodies of honest callers take on their way. */
const SLOW_BODY_MS = 1_000;

/** One route, once it is found. */
export async function run(
  route: Route,
  given: Incoming,
  params: Record<string, string>,
  rulesChanged: (storeId: string) => void,
): Promise<Response> {
  const { env } = given;
  let principal = await entitled(route, given, params);
  const asked = Date.now();
  const request = principal && route.body ? await arrived(given.request, route.maxBody) : given.request;
  // Who sends slowly may have lost their rights meanwhile: nobody keeps a call open for the day after.
  if (Date.now() - asked > SLOW_BODY_MS) principal = await entitled(route, given, params);
  const visitor = new Visitor(given.request, env);
  const progress: Progress = { notes: [], audited: false, guessing: false, visitor, rulesChanged };
  const call: Call = {
    ...given,
    request,
    params,
    address: request.headers.get("cf-connecting-ip") ?? "unknown",
    query: undefined,
    body: undefined,
    audit: (note) => void progress.notes.push(note),
    audited: (note) => {
      progress.audited = true;
      return auditOfChange(call, principal, note);
    },
    isKnown: (userId) => visitor.isKnownTo(userId),
    attempt: async (account) => {
      // Nor do a stranger's failures in the same network shut out a device that is known.
      if (await visitor.isKnownTo(account)) return;
      // The network first: one that is shut out makes no limiter for each account it thinks of.
      await admitted(limitAuthFailures(env, request), given);
      const attempt = await limitAuthAttempt(env, request, account);
      // Turned away before it could guess: that is no failure of the whole network.
      if (!attempt.allowed) await forgiveAuthFailure(env, request);
      admit(attempt, given);
      progress.guessing = true;
    },
  };
  const carry = (carried: Call) => carryOut(route, carried, principal, progress);
  return principal && takesIdempotencyKey(route) ? once(call, principal, carry, route.maxBody) : carry(call);
}

/** The caller with the rights that the route takes; `null` on public ones. */
async function entitled(route: Route, given: Incoming, params: Record<string, string>): Promise<Principal | null> {
  const known = await identified(route, given);
  const principal = known && (await scoped(route, params, known, given.env));
  if (principal) authorize(route, principal);
  return principal;
}

/** The request with its body in memory. */
async function arrived(request: Request, limit = MAX_BODY): Promise<Request> {
  const body = await readBytes(request, limit);
  const { method, headers } = request;
  return new Request(request.url, { method, headers, ...(body.byteLength === 0 ? {} : { body }) });
}

/** The handler, and what follows when it is through. */
async function carryOut(route: Route, call: Call, principal: Principal | null, progress: Progress): Promise<Response> {
  const { notes } = progress;
  let done = false;
  try {
    const response = await route.handle(call, principal);
    done = response.status < 400;
    return response;
  } finally {
    if (done) await progress.visitor.forgive();
    if (done && progress.guessing) await forgiveAuthFailure(call.env, call.request);
    if (done && route.changesRules && principal) {
      progress.rulesChanged(principal.storeId);
      forgetOverride(principal.storeId);
    }
    if (done && route.audit && !progress.audited && notes.length === 0)
      notes.push({ action: route.audit, objectId: call.params.id ?? null });
    if (notes.length > 0) await writeAudit(call, principal, notes);
  }
}

/**
 * Who is calling, counted by their limit: callers by who they are, everybody else, and whoever fails to say, by their
 * network. A token's signature is checked here and now; that it was not revoked comes with the count.
 */
async function identified(route: Route, given: Incoming): Promise<Principal | null> {
  const { request, env } = given;
  if (route.access === "public") {
    if (!route.unlimited) await admitted(limitAddress(env, request), given);
    return null;
  }
  const principal = await authenticate(request, env, given.ctx).catch(async (error: unknown) => {
    await admitted(limitStranger(env, request), given);
    throw error;
  });
  const { userId, storeId, jti, sessionId, issuedAt } = principal;
  const mark = jti === null ? undefined : { jti, sessionId, issuedAt };
  const verdict = await limitCaller(env, { id: userId, storeId }, mark);
  // A void token uses up none of its owner's calls: who has it is a stranger.
  if (verdict.revoked) await admitted(limitStranger(env, request), given);
  admit(verdict, given);
  return principal;
}

async function admitted(asked: Promise<LimitVerdict | null>, given: Incoming): Promise<void> {
  const verdict = await asked;
  if (verdict) admit(verdict, given);
}

/** Tells the caller how much is left; throws when nothing is. */
function admit(verdict: LimitVerdict & { revoked?: boolean }, { answerHeaders }: Incoming): void {
  const refusal = refusalOf(verdict);
  if (!verdict.revoked) Object.assign(answerHeaders, limitHeaders(verdict));
  if (refusal) throw refusal;
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
