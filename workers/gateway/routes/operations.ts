/** `/health*`, `/.well-known/jwks.json`. */
import * as z from "zod";
import { json } from "../../../shared/http.ts";
import { iso } from "../../../shared/time.ts";
import { publicKeys } from "../authenticate.ts";
import { type Call, open, type Route } from "../route.ts";

const live = (): Response => json({ status: "healthy", timestamp: iso(Date.now()) });

/** 200 when the parts every request needs answer, else 503. Each with its latency in ms. */
async function health({ env }: Call): Promise<Response> {
  const checks = {
    databases: () => env.DB.prepare("SELECT count(*) FROM stores").first(),
    actors: () => publicKeys(env, true),
  };
  const services = Object.fromEntries(
    await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        const start = performance.now();
        const ok = await check().then(
          () => true,
          () => false,
        );
        return [
          name,
          { status: ok ? "healthy" : "unhealthy", latencyMs: Math.round((performance.now() - start) * 10) / 10 },
        ] as const;
      }),
    ),
  );
  const well = Object.values(services).every((s) => s.status === "healthy");
  return json({ status: well ? "healthy" : "unhealthy", services, timestamp: iso(Date.now()) }, well ? 200 : 503);
}

async function jwks({ env }: Call): Promise<Response> {
  return json(await publicKeys(env), 200, { "cache-control": "public, max-age=60" });
}

const state = z.enum(["healthy", "degraded", "unhealthy"]);
const healthView = z
  .object({
    status: state,
    services: z.record(z.string(), z.object({ status: state, latencyMs: z.number() })),
    timestamp: z.iso.datetime(),
  })
  .meta({ id: "Health" });
const tag = "Operations";
const answers = {
  200: { description: "All that every request needs answers", schema: healthView },
  503: { description: "Some of it does not", schema: healthView },
};

export const routes: Route[] = [
  open({ method: "GET", path: "/health", tag, summary: "Check every part, with latencies", answers }, health),
  open({ method: "GET", path: "/health/ready", tag, summary: "Ask whether to send requests here", answers }, health),
  open(
    {
      method: "GET",
      path: "/health/live",
      tag,
      summary: "Ask whether the process answers",
      answers: {
        200: { description: "It does", schema: z.object({ status: state, timestamp: z.iso.datetime() }) },
      },
    },
    live,
  ),
  open(
    {
      method: "GET",
      path: "/.well-known/jwks.json",
      operationId: "getPublicKeys",
      tag: "Auth",
      summary: "Read the public keys that access tokens are signed with",
      answers: {
        200: {
          description: "The current and the previous keys (RFC 7517)",
          schema: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }),
        },
      },
    },
    jwks,
  ),
];
