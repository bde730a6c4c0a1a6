/**
 * `/health*`. Each check really asks the part it names, by a read that writes nothing, under the reserved name `~/health`
 * (`~` cannot start a store id), within two seconds; all at once. Results are kept for a moment, so that asking often is
 * no load. `unhealthy` (503): D1 or an actor that every request needs fails. `degraded` (200): something else does.
 */
import * as z from "zod";
import {
  breakerStub,
  cartStub,
  keyringStub,
  limiterStub,
  meterStub,
  roomByName,
  shopperStub,
  storeStub,
} from "../../../objects/stubs.ts";
import { parseConfig } from "../../../shared/config.ts";
import { json } from "../../../shared/http.ts";
import { log } from "../../../shared/log.ts";
import { EMPTY_CART } from "../../../shared/model/features.ts";
import { prior } from "../../../shared/model/prior.ts";
import { iso, SECOND_MS } from "../../../shared/time.ts";
import { withTimeout } from "../../../shared/timeout.ts";
import { VERSION } from "../../../shared/version.ts";
import type { Env } from "../../env.ts";
import { type Call, open, type Route } from "../route.ts";

const CHECK_MS = 2 * SECOND_MS;
const KEPT_MS = 3 * SECOND_MS;
/** A probe of the queue that has not arrived by then is lost, or the queue is behind. */
const PROBE_LATE_MS = 30 * SECOND_MS;

const HEALTH_RULE = { name: "health", limit: 1, windowMs: SECOND_MS };

type Status = "healthy" | "degraded" | "unhealthy";

interface Check {
  status: Status;
  latencyMs: number;
  detail?: string;
}

interface Health {
  status: Status;
  services: Record<string, Check & { classes?: Record<string, Check> }>;
  timestamp: string;
  version: string;
}

/** What a check found: nothing to say, or a detail, or that it is not quite well. */
type Finding = string | { degraded: string } | null;

/** Every class of actors. Requests, beacons and messages cannot do without the essential ones. */
const ACTORS: { name: string; essential: boolean; ask(env: Env): Promise<unknown> }[] = [
  { name: "Cart", essential: true, ask: (env) => cartStub(env, "~", "health").view() },
  { name: "Store", essential: true, ask: (env) => storeStub(env, "~/health").settings() },
  { name: "Shopper", essential: true, ask: (env) => shopperStub(env, "~", "health").profile() },
  { name: "Keyring", essential: true, ask: (env) => keyringStub(env).jwks() },
  // Nothing is counted under this name, so nothing is taken back.
  { name: "Limiter", essential: true, ask: (env) => limiterStub(env, "health").takeBack(HEALTH_RULE) },
  { name: "Room", essential: false, ask: (env) => roomByName(env, "~/health").relayed("~", []) },
  { name: "Meter", essential: false, ask: (env) => meterStub(env).vitals() },
  { name: "Breaker", essential: false, ask: (env) => breakerStub(env, "~", "health").state() },
];

const RANK: Record<Status, number> = { healthy: 0, degraded: 1, unhealthy: 2 };
const worst = (all: Status[]): Status => all.reduce((a, b) => (RANK[b] > RANK[a] ? b : a), "healthy");
/** A part that is not essential cannot make the whole unhealthy. */
const softened = (status: Status, essential: boolean): Status =>
  status === "unhealthy" && !essential ? "degraded" : status;

async function check(name: string, work: () => Finding | Promise<Finding>): Promise<Check> {
  const start = performance.now();
  const latencyMs = () => Math.round((performance.now() - start) * 10) / 10;
  try {
    const found = await withTimeout(Promise.resolve().then(work), CHECK_MS, name);
    if (found !== null && typeof found === "object")
      return { status: "degraded", latencyMs: latencyMs(), detail: found.degraded };
    return { status: "healthy", latencyMs: latencyMs(), ...(found ? { detail: found } : {}) };
  } catch (error) {
    // What went wrong is for the log: anybody may ask for this page.
    log("error", "health_check_failed", { check: name, error });
    const late = error instanceof Error && error.name === "TimeoutError";
    return { status: "unhealthy", latencyMs: latencyMs(), detail: late ? "no answer within 2 s" : "failed" };
  }
}

type Vitals = Awaited<ReturnType<ReturnType<typeof meterStub>["vitals"]>>;

/** Breakers of message providers that are not closed, as the meter knows them. The provider itself is not bothered. */
function providers({ breakers: all }: Vitals): Finding {
  const breakers = all.filter(({ provider }) => provider !== "ai");
  if (breakers.length === 0) return "no circuit breaker is open";
  return { degraded: breakers.map((b) => `${b.provider}: ${b.count} ${b.state.replace("_", "-")}`).join(", ") };
}

/** Sends a probe through the queue `events`, at most one a minute, and judges by the last ones. */
async function queues(env: Env, { probe }: Vitals): Promise<Finding> {
  const due = await meterStub(env).probeDue();
  if (due !== null) await env.EVENTS.send({ probe: due }, { contentType: "json" });
  if (probe.sentAt === null) return "the first probe of the events queue is on its way";
  const { arrived } = probe;
  const now = Date.now();
  if ((arrived?.sentAt ?? 0) < probe.sentAt && now - probe.sentAt > PROBE_LATE_MS)
    return {
      degraded: `a probe sent ${Math.round((now - probe.sentAt) / SECOND_MS)} s ago has not come out of events`,
    };
  return arrived
    ? `the last probe of ${iso(arrived.sentAt)} took ${arrived.at - arrived.sentAt} ms through events`
    : "the first probe of the events queue is on its way";
}

/** The model runs inside each cart: that it computes a probability is all there is to ask. */
function prediction(): Finding {
  const { purchaseProbability, model } = prior(EMPTY_CART, { now: 0, history: null, timeZone: "UTC" });
  return purchaseProbability >= 0 && purchaseProbability <= 1
    ? model
    : { degraded: `${model} computes no probability` };
}

/** Workers AI only advises: without it the rules answer, which is well. The service itself is not bothered. */
async function advisor(env: Env): Promise<Finding> {
  if (!env.AI) return "not configured: rules answer";
  const { phase, until } = await breakerStub(env, "~", "ai").state();
  if (phase === "open" && Date.now() < until)
    return { degraded: `its circuit breaker is open until ${iso(until)}: rules answer` };
  return phase === "closed" ? parseConfig(env).AI_MODEL : "failed lately: the next cart at risk tries it again";
}

async function examine(env: Env): Promise<Health> {
  const vitals = meterStub(env).vitals();
  vitals.catch(() => undefined); // whoever awaits it says so
  const asking = ACTORS.map(async ({ name, essential, ask }) => {
    const found = await check(name, () => ask(env).then(() => null));
    return { name, found: { ...found, status: softened(found.status, essential) } };
  });
  const [databases, queued, provided, predicted, ai, asked] = await Promise.all([
    check("databases", () =>
      env.DB.prepare("SELECT 1 FROM stores LIMIT 1")
        .first()
        .then(() => null),
    ),
    check("queues", async () => queues(env, await vitals)),
    check("providers", async () => providers(await vitals)),
    check("prediction", prediction),
    check("aiEngine", () => advisor(env)),
    Promise.all(asking),
  ]);
  const classes = Object.fromEntries(asked.map(({ name, found }) => [name, found]));
  const of = (...names: string[]): Check => {
    const parts = names.flatMap((name) => classes[name] ?? []);
    return { status: worst(parts.map((p) => p.status)), latencyMs: Math.max(...parts.map((p) => p.latencyMs)) };
  };
  const soft = (found: Check): Check => ({ ...found, status: softened(found.status, false) });
  const services = {
    ingestion: of("Cart", "Store"),
    prediction: soft(predicted),
    aiEngine: soft(ai),
    intervention: {
      ...of("Shopper", "Breaker"),
      status: worst([of("Shopper", "Breaker").status, soft(provided).status]),
    },
    databases,
    actors: { ...of(...asked.map((a) => a.name)), classes },
    queues: soft(queued),
    providers: soft(provided),
  };
  const status = worst(Object.values(services).map((s) => s.status));
  return { status, services, timestamp: iso(Date.now()), version: VERSION };
}

let last: { health: Health; at: number } | null = null;
let examining = 0;

/** The last result while it is fresh, or just was and another request is finding out a newer one. */
async function recent(env: Env): Promise<Health> {
  const now = Date.now();
  const kept = now - examining < CHECK_MS ? KEPT_MS + CHECK_MS : KEPT_MS;
  if (last && now >= last.at && now - last.at < kept) return last.health;
  examining = now;
  try {
    const health = await examine(env);
    last = { health, at: Date.now() };
    return health;
  } finally {
    examining = 0;
  }
}

const live = (): Response => json({ status: "healthy", timestamp: iso(Date.now()) });

export async function health({ env }: Pick<Call, "env">): Promise<Response> {
  const found = await recent(env);
  return json(found, found.status === "unhealthy" ? 503 : 200);
}

const state = z.enum(["healthy", "degraded", "unhealthy"]);
const checkView = z.object({ status: state, latencyMs: z.number(), detail: z.string().optional() });
const healthView = z
  .object({
    status: state,
    services: z.record(
      z.string(),
      checkView.extend({ classes: z.record(z.string(), checkView).optional().describe("By class of actors") }),
    ),
    timestamp: z.iso.datetime(),
    version: z.string(),
  })
  .meta({ id: "Health" });

const probe = { method: "GET", tag: "Operations", unlimited: true } as const;
const answers = {
  200: { description: "`healthy`, or `degraded`: something that is not essential fails", schema: healthView },
  503: { description: "`unhealthy`: D1 or an actor that every request needs fails", schema: healthView },
};

export const routes: Route[] = [
  open({ ...probe, path: "/health", summary: "Check every part, with latencies", answers }, health),
  open({ ...probe, path: "/health/ready", summary: "Ask whether to send requests here", answers }, health),
  open(
    {
      ...probe,
      path: "/health/live",
      summary: "Ask whether the Worker runs",
      answers: {
        200: { description: "It does", schema: z.object({ status: state, timestamp: z.iso.datetime() }) },
      },
    },
    live,
  ),
];
