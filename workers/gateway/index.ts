/** The gateway: every request's way in. It finds the route; `pipeline.ts` does what happens to every one of them. */
import { type IRequest, Router } from "itty-router";
import { AppError } from "../../shared/errors.ts";
import { framed, type Incoming, run } from "./pipeline.ts";
import type { Route } from "./route.ts";
import { allRoutes } from "./routes/index.ts";
import type { Neighbours } from "./routes/storefront.ts";

export function createGateway(neighbours: Neighbours) {
  const router = routerOf(allRoutes(neighbours), neighbours);
  return framed(async (incoming) => {
    const { request, env, ctx, url, requestId } = incoming;
    if (url.pathname === "/v1/events") {
      incoming.pattern = "/v1/events";
      // Most of the traffic: it takes the shortest way.
      if (request.method === "POST") return neighbours.postEvents(request, url, env, ctx, requestId);
      if (request.method === "OPTIONS") return neighbours.preflight(request, env);
      throw refusedMethod("POST, OPTIONS");
    }
    const answer: Response | undefined = await router.fetch(request, incoming);
    return answer ?? asset(incoming);
  });
}

function routerOf(routes: Route[], neighbours: Neighbours) {
  const router = Router<IRequest, [Incoming]>();
  for (const route of routes) {
    // The runtime sends no body in answer to HEAD.
    for (const verb of route.method === "GET" ? ["get", "head"] : [route.method.toLowerCase()])
      router[verb as "get"](route.path, (request, incoming) => {
        incoming.pattern = route.path;
        return run(route, incoming, decoded(request.params), neighbours.forgetTenant);
      });
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods: string[] = routes.filter((route) => route.path === path).map((route) => route.method);
    const allow = (methods.includes("GET") ? [...methods, "HEAD"] : methods).join(", ");
    router.all(path, (_request, incoming) => {
      incoming.pattern = path;
      throw refusedMethod(allow);
    });
  }
  return router;
}

const refusedMethod = (allow: string): AppError =>
  new AppError("METHOD_NOT_ALLOWED", `This address takes ${allow}.`).with({ allow });

const nothingHere = (): AppError => new AppError("NOT_FOUND", "There is nothing at this address.");

/** The pages, scripts and pictures that the build laid out. */
async function asset(incoming: Incoming): Promise<Response> {
  const { request, env } = incoming;
  if (request.method !== "GET" && request.method !== "HEAD") throw nothingHere();
  const found = await env.ASSETS.fetch(request);
  if (found.status === 404) throw nothingHere();
  incoming.pattern = "(asset)";
  return found;
}

/** Path parameters as they were before encoding; a broken encoding names nothing. */
function decoded(params: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([key, value]) => [key, decodeURIComponent(value)]));
  } catch {
    throw nothingHere();
  }
}
