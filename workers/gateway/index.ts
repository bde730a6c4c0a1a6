/**
 * The gateway: every request's way in. Request id → route → authentication → permission → handler → one error handler.
 * Beacons are taken before the router: they are most of the traffic.
 */
import { type IRequest, Router } from "itty-router";
import { liveRoom, lobbyRoom, storeStub } from "../../objects/stubs.ts";
import { type Principal, verifyAccessToken } from "../../shared/auth/tokens.ts";
import { AppError } from "../../shared/errors.ts";
import { problemResponse, requestIdOf } from "../../shared/http.ts";
import { stableHash } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { countRequest } from "../../shared/metrics.ts";
import { traceOf } from "../../shared/trace.ts";
import type { Env } from "../env.ts";
import { authenticate, publicKeys } from "./authenticate.ts";
import type { Call, MemberCall } from "./context.ts";
import * as auth from "./routes/auth.ts";
import * as campaigns from "./routes/campaigns.ts";
import * as carts from "./routes/carts.ts";
import * as deliveries from "./routes/deliveries.ts";
import * as health from "./routes/health.ts";
import { metrics } from "./routes/metrics.ts";
import * as operations from "./routes/operations.ts";
import * as stores from "./routes/stores.ts";

/** Routes of other folders, handed in by the entry point: worker folders do not import each other. */
export interface Neighbours {
  postEvents(request: Request, url: URL, env: Env, ctx: ExecutionContext, requestId: string): Promise<Response>;
  preflight(request: Request, env: Env): Promise<Response>;
  forgetTenant(storeId: string): void;
  followRecoveryLink(request: Request, env: Env, token: string): Promise<Response>;
  restoreCart(env: Env, token: string, requestId: string): Promise<Response>;
  unsubscribePage(env: Env, token: string): Promise<Response>;
  unsubscribe(env: Env, token: string): Promise<Response>;
}

type Handler = (call: Call) => Response | Promise<Response>;

/** For members with a permission, or any member when it is `null`. */
const member =
  (permission: string | null, handler: (call: MemberCall) => Promise<Response>): Handler =>
  async (call) => {
    const principal: Principal = await authenticate(call.request, call.env);
    if (permission && !principal.permissions.includes(permission))
      throw new AppError("FORBIDDEN", `This needs the permission ${permission}.`);
    return handler({ ...call, principal });
  };

/** Every route of the gateway: method, path, handler. */
function routes(neighbours: Neighbours): [method: string, path: string, handler: Handler][] {
  const settingsChange = (handler: (call: MemberCall) => Promise<Response>) => async (call: MemberCall) => {
    const response = await handler(call);
    neighbours.forgetTenant(call.principal.storeId);
    return response;
  };
  return [
    ["GET", "/health", health.health],
    ["GET", "/health/ready", health.health],
    ["GET", "/health/live", health.live],
    ["GET", "/metrics", metrics],
    ["GET", "/.well-known/jwks.json", operations.jwks],
    ["POST", "/auth/register", auth.register],
    ["POST", "/auth/login", auth.login],
    ["POST", "/auth/refresh", auth.refresh],
    ["POST", "/auth/logout", auth.logout],
    ["GET", "/auth/me", member(null, auth.me)],
    ["GET", "/v1/stores", member(null, stores.listStores)],
    ["GET", "/v1/stores/:id", member(null, stores.getStore)],
    ["PATCH", "/v1/stores/:id", member("stores:write", settingsChange(stores.patchStore))],
    ["GET", "/v1/api-keys", member("members:write", stores.listKeys)],
    ["POST", "/v1/api-keys", member("members:write", stores.createKey)],
    ["DELETE", "/v1/api-keys/:id", member("members:write", stores.revokeKey)],
    ["GET", "/v1/usage", member("analytics:read", stores.usage)],
    ["GET", "/v1/carts", member("carts:read", carts.listCarts)],
    ["GET", "/v1/carts/:id", member("carts:read", carts.getCart)],
    ["GET", "/v1/carts/:id/timeline", member("carts:read", carts.getTimeline)],
    ["GET", "/v1/carts/:id/explain", member("carts:read", carts.explainCart)],
    ["DELETE", "/v1/carts/:id/links", member("carts:write", carts.revokeLinks)],
    ["GET", "/v1/campaigns", member("carts:read", campaigns.listCampaigns)],
    ["POST", "/v1/campaigns", member("campaigns:write", settingsChange(campaigns.createCampaign))],
    ["GET", "/v1/campaigns/:id", member("carts:read", campaigns.getCampaign)],
    ["PUT", "/v1/campaigns/:id", member("campaigns:write", settingsChange(campaigns.updateCampaign))],
    ["PATCH", "/v1/campaigns/:id", member("campaigns:write", settingsChange(campaigns.patchCampaign))],
    ["DELETE", "/v1/campaigns/:id", member("campaigns:write", settingsChange(campaigns.deleteCampaign))],
    ["GET", "/v1/templates", member("carts:read", campaigns.listTemplates)],
    ["POST", "/v1/templates", member("campaigns:write", campaigns.createTemplate)],
    ["POST", "/v1/templates/preview", member("carts:read", campaigns.previewTemplate)],
    ["GET", "/v1/templates/:id", member("carts:read", campaigns.getTemplate)],
    ["DELETE", "/v1/templates/:id", member("campaigns:write", campaigns.deleteTemplate)],
    ["PUT", "/v1/templates/:id", member("campaigns:write", campaigns.updateTemplate)],
    ["GET", "/v1/deliveries", member("carts:read", deliveries.listDeliveries)],
    ["GET", "/v1/deliveries/:id", member("carts:read", deliveries.getDelivery)],
    ["GET", "/v1/analytics/realtime", member("analytics:read", operations.realtime)],
    ["GET", "/v1/analytics/rollups", member("analytics:read", operations.rollups)],
    ["GET", "/r/:token", ({ request, env, params }) => neighbours.followRecoveryLink(request, env, params.token ?? "")],
    [
      "GET",
      "/r/:token/cart",
      ({ env, params, requestId }) => neighbours.restoreCart(env, params.token ?? "", requestId),
    ],
    ["GET", "/u/:token", ({ env, params }) => neighbours.unsubscribePage(env, params.token ?? "")],
    ["POST", "/u/:token", ({ env, params }) => neighbours.unsubscribe(env, params.token ?? "")],
    ["GET", "/ws", openSocket],
    ["GET", "/", ({ url }) => Response.redirect(new URL("/app/", url).href, 302)],
  ];
}

export function createGateway(neighbours: Neighbours) {
  const table = routes(neighbours);
  const router = Router<IRequest, [Routed]>();
  for (const [method, path, handler] of table) {
    // The runtime sends no body in answer to HEAD.
    for (const verb of method === "GET" ? ["get", "head"] : [method.toLowerCase()])
      router[verb as "get"](path, (request, call) => {
        call.matched.route = path;
        return handler({ ...call, params: decoded(request.params) });
      });
  }
  for (const path of new Set(table.map(([, path]) => path))) {
    const methods = table.filter((route) => route[1] === path).map(([method]) => method);
    const allow = (methods.includes("GET") ? [...methods, "HEAD"] : methods).join(", ");
    router.all(path, (_request, { requestId, matched }) => {
      matched.route = path;
      return refuseMethod(allow, requestId);
    });
  }
  return async function handle(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const url = new URL(request.url);
    const requestId = requestIdOf(request);
    const started = Date.now();
    const isBeacon = url.pathname === "/v1/events";
    const parent = request.headers.get("traceparent");
    // Beacons are most of the traffic: they take part in a trace only when somebody began one.
    const trace = isBeacon && parent === null ? null : traceOf(parent, crypto.getRandomValues(new Uint8Array(24)));
    const matched = { route: isBeacon ? "/v1/events" : "(none)" };
    const response = await respond(router, neighbours, request, env, ctx, url, requestId, matched);
    countRequest(matched.route, request.method, response.status, (Date.now() - started) / 1000);
    if (response.status !== 101) {
      response.headers.set("x-request-id", requestId);
      if (trace) response.headers.set("traceparent", trace.traceparent);
    }
    if (response.status >= 500 || !isBeacon) {
      const level = response.status >= 500 ? "error" : "info";
      log(level, "request", {
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

const refuseMethod = (allow: string, requestId: string): Response =>
  problemResponse(new AppError("METHOD_NOT_ALLOWED", `This address takes ${allow}.`), requestId, { allow });

/** A call on its way through the router, which notes the pattern that matched: what is counted names no path. */
type Routed = Omit<Call, "params"> & { matched: { route: string } };
type GatewayRouter = ReturnType<typeof Router<IRequest, [Routed]>>;

async function respond(
  router: GatewayRouter,
  neighbours: Neighbours,
  request: Request,
  env: Env,
  ctx: ExecutionContext,
  url: URL,
  requestId: string,
  matched: Routed["matched"],
): Promise<Response> {
  try {
    if (url.pathname === "/v1/events") {
      if (request.method === "POST") return await neighbours.postEvents(request, url, env, ctx, requestId);
      if (request.method === "OPTIONS") return await neighbours.preflight(request, env);
      return refuseMethod("POST, OPTIONS", requestId);
    }
    const found: Response | undefined = await router.fetch(request, {
      request,
      env,
      ctx,
      url,
      requestId,
      matched,
    });
    if (found)
      return found.headers.get("content-type")?.includes("json") || found.status < 200
        ? found
        : new Response(found.body, found);
    if (request.method === "GET" || request.method === "HEAD") {
      const asset = await env.ASSETS.fetch(request);
      matched.route = "(asset)";
      if (asset.status !== 404) return asset;
      matched.route = "(none)";
    }
    throw new AppError("NOT_FOUND", "There is nothing at this address.");
  } catch (error) {
    if (error instanceof AppError) return problemResponse(error, requestId);
    log("error", "unhandled", { requestId, path: redacted(url.pathname), error });
    return problemResponse(
      new AppError("INTERNAL_ERROR", "Please try again; the request id helps us find what happened."),
      requestId,
    );
  }
}

/** Path parameters as they were before encoding; a broken encoding names nothing. */
function decoded(params: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([key, value]) => [key, decodeURIComponent(value)]));
  } catch {
    throw new AppError("NOT_FOUND", "There is nothing at this address.");
  }
}

/** Tokens stand in these paths. */
const redacted = (path: string): string => path.replace(/^\/(r|u)\/[^/]+/, "/$1/…");

/** `GET /ws`: to the store's own room when the token comes with the upgrade, else to a lobby that waits for it. */
async function openSocket({ request, env }: Call): Promise<Response> {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket")
    throw new AppError("VALIDATION_ERROR", "This is a WebSocket: send an upgrade.");
  const token = /cartwake\.bearer\.([^\s,]+)/.exec(request.headers.get("sec-websocket-protocol") ?? "")?.[1];
  const principal = token ? await verifyAccessToken(token, await publicKeys(env)) : null;
  if (principal && (await storeStub(env, principal.storeId).settings()).ok)
    return liveRoom(env, principal.storeId).fetch(request);
  return lobbyRoom(env, stableHash(request.headers.get("cf-connecting-ip") ?? crypto.randomUUID())).fetch(request);
}
