/**
 * `POST /v1/events`: the storefront's beacons. One event or a batch; each cart's events go to its actor in one call and
 * one transaction, carts in parallel. What is good is accepted, what is not is named; nothing is lost in between:
 * when an actor cannot be reached the whole request is 503 and the same ids may be sent again.
 */
import { cartStub, storeStub } from "../../objects/stubs.ts";
import { networkOf } from "../../shared/address.ts";
import { AppError, type FieldError } from "../../shared/errors.ts";
import { LIMITS, parseEvent } from "../../shared/events/schema.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import { json, parseJson, problemResponse, readText } from "../../shared/http.ts";
import { log } from "../../shared/log.ts";
import { count } from "../../shared/metrics.ts";
import { retryAfter } from "../../shared/policy/limits.ts";
import { callActor } from "../../shared/retry.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { traceparentOf } from "../../shared/trace.ts";
import type { Env } from "../env.ts";
import { type DueIn, offersOf } from "./offers.ts";
import { type Tenant, tenantOf } from "./tenants.ts";

/** Carts of one request that are called at the same time. */
const PARALLEL = 16;
/** A sender's clock that is off by less than this is taken at its word. */
const SKEW_MS = 30 * SECOND_MS;
/** The period of `BEACON_RATE` in wrangler.toml; the platform does not say how much of it is left. */
const RATE_PERIOD_MS = 60 * SECOND_MS;
/** All of a store's shoppers are refused at once: they come back over this time, not in the same second. */
const SPREAD_MS = 10 * SECOND_MS;

interface Rejected {
  index: number;
  id: string | null;
  code: string;
  message: string;
}

interface Tally {
  accepted: number;
  duplicates: number;
  rejected: Rejected[];
  errors: FieldError[];
  due: DueIn[];
}

export async function postEvents(
  request: Request,
  url: URL,
  env: Env,
  ctx: ExecutionContext,
  requestId: string,
): Promise<Response> {
  let headers: Record<string, string> = { "x-request-id": requestId };
  try {
    const key = url.searchParams.get("key") ?? request.headers.get("x-cartwake-key") ?? "";
    const tenant = await tenantOf(env, key, Date.now());
    headers = { ...headers, ...corsHeaders(request, tenant) };
    if (tenant === "secret")
      throw new AppError(
        "FORBIDDEN",
        "A secret key must never be used in a page: send events with the publishable key (cw_pk_…).",
      );
    if (!tenant) throw new AppError("UNAUTHORIZED", "Unknown key: use the store's publishable key (cw_pk_…) as ?key=.");
    if (!originAllowed(request, tenant))
      throw new AppError("FORBIDDEN", "This origin is not among the allowed origins of the store and of the key.");
    const refused = await tooMany(request, env, tenant);
    if (refused) {
      headers["retry-after"] = retryAfter(refused.retryAfterMs);
      throw new AppError("TOO_MANY_REQUESTS", refused.detail);
    }
    return await accept(request, env, ctx, tenant, headers);
  } catch (error) {
    if (error instanceof AppError) return problemResponse(error, requestId, headers);
    log("error", "beacon_failed", { requestId, error });
    return problemResponse(new AppError("SERVICE_UNAVAILABLE", "Please send the same events again."), requestId, {
      ...headers,
      "retry-after": "2",
    });
  }
}

/**
 * Refused as a whole and before the body is read, so that the same events may be sent again. Neither limit costs an
 * actor call: the quota comes with the tenant, and the platform counts requests by network beside the Worker.
 */
async function tooMany(
  request: Request,
  env: Env,
  { storeId, overQuotaUntil }: Tenant,
): Promise<{ detail: string; retryAfterMs: number } | null> {
  const quotaMs = (overQuotaUntil ?? 0) - Date.now();
  if (quotaMs > 0) {
    const detail = "The store has sent more events than its quota allows: send them later.";
    return { detail, retryAfterMs: quotaMs + Math.random() * SPREAD_MS };
  }
  const network = networkOf(request);
  // Without an edge in front everybody would share one count.
  if (network === null || (await isWithinRate(env, `${storeId}/${network}`))) return null;
  return { detail: "Too many beacons from this network: send them later.", retryAfterMs: RATE_PERIOD_MS };
}

/** Beacons are not lost because nobody can count them. */
async function isWithinRate(env: Env, key: string): Promise<boolean> {
  try {
    return (await env.BEACON_RATE.limit({ key })).success;
  } catch (error) {
    log("warn", "beacon_rate_unknown", { error });
    return true;
  }
}

async function accept(
  request: Request,
  env: Env,
  ctx: ExecutionContext,
  tenant: Tenant,
  headers: Record<string, string>,
): Promise<Response> {
  const type = request.headers.get("content-type") ?? "text/plain";
  if (!/^(application\/json|text\/plain)\b/i.test(type)) {
    throw new AppError("UNSUPPORTED_MEDIA_TYPE", "Send application/json or text/plain.");
  }
  const now = Date.now();
  const { events, skewMs } = eventsOf(parseJson(await readText(request, LIMITS.bodyBytes)), now);
  const tally: Tally = { accepted: 0, duplicates: 0, rejected: [], errors: [], due: [] };
  const carts = sort(events, tenant, now, skewMs, tally);
  if (tally.rejected.length > 0) countRejected(env, ctx, tenant.storeId, tally.rejected.length);
  try {
    await deliver(env, tenant, carts, tally, traceparentOf(request.headers.get("traceparent")));
  } finally {
    count("cartwake_beacon_events_total", { outcome: "accepted" }, tally.accepted);
    count("cartwake_beacon_events_total", { outcome: "duplicate" }, tally.duplicates);
    count("cartwake_beacon_events_total", { outcome: "rejected" }, tally.rejected.length);
  }
  const { accepted, duplicates, rejected, errors } = tally;
  if (accepted + duplicates > 0) {
    const offers = tally.due.length > 0 ? await offersOf(env, tenant.storeId, tally.due, now) : [];
    return json({ accepted, duplicates, rejected, offers }, 202, headers);
  }
  const code = rejected.every((r) => r.code === "CONFLICT")
    ? "CONFLICT"
    : rejected.every((r) => r.code === "TOO_MANY_REQUESTS")
      ? "TOO_MANY_REQUESTS"
      : "VALIDATION_ERROR";
  throw new AppError(code, "None of the events could be accepted.", errors, { accepted, duplicates, rejected });
}

/** One event, or `{ events, sentAt? }`. `sentAt` is the sender's clock at sending: it tells how wrong that clock is. */
function eventsOf(body: unknown, now: number): { events: unknown[]; skewMs: number } {
  const bad = (field: string, message: string, code: string) =>
    new AppError("VALIDATION_ERROR", message, [{ field, message, code }]);
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw bad("(body)", "The body must be an event or { events: [ … ] }.", "invalid_type");
  if (!("events" in body)) return { events: [body], skewMs: 0 };
  const { events } = body;
  if (!Array.isArray(events)) throw bad("events", "events must be an array.", "invalid_type");
  if (events.length === 0) throw bad("events", "events must hold at least one event.", "too_small");
  if (events.length > LIMITS.eventsPerRequest)
    throw bad("events", `A request may carry at most ${LIMITS.eventsPerRequest} events.`, "too_big");
  const sentAt = "sentAt" in body && typeof body.sentAt === "string" ? Date.parse(body.sentAt) : Number.NaN;
  const skew = now - sentAt;
  return { events, skewMs: Number.isFinite(skew) && Math.abs(skew) > SKEW_MS ? skew : 0 };
}

/** Parsed events by cart, in the order given; the unusable ones named in the tally. */
function sort(
  events: unknown[],
  tenant: Tenant,
  now: number,
  skewMs: number,
  tally: Tally,
): Map<string, { event: CartEvent; index: number }[]> {
  const carts = new Map<string, { event: CartEvent; index: number }[]>();
  events.forEach((input, index) => {
    const parsed = parseEvent(input, now, skewMs, tenant.rules.storeCurrency);
    if (parsed.ok) {
      const { cartId, event } = parsed.value;
      const list = carts.get(cartId) ?? [];
      list.push({ event, index });
      carts.set(cartId, list);
      return;
    }
    const first = parsed.errors[0];
    tally.rejected.push({
      index,
      id: parsed.id,
      code: "VALIDATION_ERROR",
      message: `${first?.field}: ${first?.message}`,
    });
    const prefix = events.length > 1 ? `events.${index}.` : "";
    if (tally.errors.length < 50) tally.errors.push(...parsed.errors.map((e) => ({ ...e, field: prefix + e.field })));
  });
  return carts;
}

/**
 * One RPC and one transaction per cart, at most `PARALLEL` at a time. Throws when any cart could not be reached. A call may
 * be repeated: events are known by their ids.
 */
async function deliver(
  env: Env,
  tenant: Tenant,
  carts: Map<string, { event: CartEvent; index: number }[]>,
  tally: Tally,
  trace: string | null,
): Promise<void> {
  const work = [...carts];
  for (let i = 0; i < work.length; i += PARALLEL) {
    const replies = work.slice(i, i + PARALLEL).map(async ([cartId, list]) => {
      const events = list.map((l) => l.event);
      const reply = await callActor("cart", () =>
        cartStub(env, tenant.storeId, cartId).beacon(events, tenant.rules, trace),
      );
      tally.accepted += reply.accepted;
      tally.duplicates += reply.duplicates;
      tally.due.push(...(reply.offers ?? []).map((due) => ({ cartId, due })));
      for (const { id, code, message } of reply.rejected) {
        const index = list.find((l) => l.event.id === id)?.index ?? 0;
        tally.rejected.push({ index, id, code, message });
        tally.errors.push({ field: carts.size + list.length > 2 ? `events.${index}` : "(body)", message, code });
      }
    });
    await Promise.all(replies);
  }
}

const refused = new Map<string, number>();

/** Events refused before any cart saw them, gathered for a moment so that a flood of rubbish does not heat the store. */
function countRejected(env: Env, ctx: ExecutionContext, storeId: string, count: number): void {
  const waiting = refused.get(storeId);
  refused.set(storeId, (waiting ?? 0) + count);
  if (waiting !== undefined) return;
  const flush = async () => {
    await scheduler.wait(500);
    const total = refused.get(storeId) ?? 0;
    refused.delete(storeId);
    await storeStub(env, storeId)
      .countRejected(total)
      .catch((error) => log("warn", "rejections_uncounted", { storeId, count: total, error }));
  };
  ctx.waitUntil(flush());
}

/** The preflight of `POST /v1/events?key=`. */
export async function preflight(request: Request, env: Env): Promise<Response> {
  const key = new URL(request.url).searchParams.get("key") ?? "";
  const tenant = await tenantOf(env, key, Date.now()).catch(() => null);
  return new Response(null, {
    status: 204,
    headers: {
      ...corsHeaders(request, tenant),
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers": "content-type, x-request-id, traceparent",
      "access-control-max-age": "86400",
    },
  });
}

/** No list of allowed origins means any page may send: the key is public anyway. */
export function originAllowed(request: Request, tenant: Tenant): boolean {
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  return [tenant.allowedOrigins, tenant.keyOrigins].every((list) => list.length === 0 || list.includes(origin));
}

/** CORS per store. An unknown key still gets readable errors: they hold nothing secret. */
export function corsHeaders(request: Request, tenant: Tenant | "secret" | null): Record<string, string> {
  const origin = request.headers.get("origin");
  if (origin === null) return {};
  if (tenant !== null && tenant !== "secret" && !originAllowed(request, tenant)) return { vary: "origin" };
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "retry-after, x-request-id",
    vary: "origin",
  };
}
