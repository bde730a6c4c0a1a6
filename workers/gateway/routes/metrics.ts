/** `GET /metrics`: Prometheus' text format. Where `METRICS_TOKEN` is set, only for who brings it as a bearer token. */
import { createHash, timingSafeEqual } from "node:crypto";
import { meterStub } from "../../../objects/stubs.ts";
import { parseConfig } from "../../../shared/config.ts";
import { AppError } from "../../../shared/errors.ts";
import { log } from "../../../shared/log.ts";
import { sendMetrics } from "../../../shared/metrics.ts";
import { callActor } from "../../../shared/retry.ts";
import { type Call, open, type Route } from "../route.ts";

const HEADERS = { "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" };

/** What this isolate gathered is told first; other isolates are up to five seconds behind. */
async function metrics({ request, env }: Call): Promise<Response> {
  const wanted = parseConfig(env).METRICS_TOKEN;
  if (wanted !== "" && !isToken(request.headers.get("authorization"), wanted))
    throw new AppError("UNAUTHORIZED", "Send Authorization: Bearer <METRICS_TOKEN>.");
  await sendMetrics(meterStub(env)).catch((error) => log("warn", "metrics_unsent", { error }));
  return new Response(await callActor("meter", () => meterStub(env).expose()), { headers: HEADERS });
}

/** Compares hashes, which are of one length: the time taken tells neither the token nor how long it is. */
function isToken(header: string | null, wanted: string): boolean {
  const given = /^Bearer\s+(\S+)$/i.exec(header ?? "")?.[1] ?? "";
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(wanted));
}

export const routes: Route[] = [
  open(
    {
      method: "GET",
      path: "/metrics",
      tag: "Operations",
      unlimited: true,
      summary: "Read the metrics",
      description: "Where `METRICS_TOKEN` is set, only with it as the bearer token.",
      answers: { 200: { description: "Prometheus' text format 0.0.4", type: "text/plain" } },
    },
    metrics,
  ),
];
