/** `/health*`, `/.well-known/jwks.json`, `/v1/analytics/realtime`, rollups. */
import { storeStub } from "../../../objects/stubs.ts";
import { json } from "../../../shared/http.ts";
import { GRAIN_MS, type Grain, iso } from "../../../shared/time.ts";
import { publicKeys } from "../authenticate.ts";
import { badQuery, type Call, type MemberCall } from "../context.ts";

export const live = (): Response => json({ status: "healthy", timestamp: iso(Date.now()) });

/** 200 when the parts every request needs answer, else 503. Each with its latency in ms. */
export async function health({ env }: Call): Promise<Response> {
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

export async function jwks({ env }: Call): Promise<Response> {
  return json(await publicKeys(env), 200, { "cache-control": "public, max-age=60" });
}

export async function realtime({ env, principal }: MemberCall): Promise<Response> {
  return json(await storeStub(env, principal.storeId).realtime());
}

/** `GET /v1/analytics/rollups?grain=minute|hour|day&from=&to=`: exact counters per bucket, oldest first. Money in minor units. */
export async function rollups({ env, principal, url }: MemberCall): Promise<Response> {
  const grain = url.searchParams.get("grain") ?? "hour";
  if (!Object.hasOwn(GRAIN_MS, grain)) throw badQuery("grain", "must be minute, hour or day");
  const time = (name: string, standard: number): number => {
    const given = url.searchParams.get(name);
    const ms = given === null ? standard : Date.parse(given);
    if (Number.isNaN(ms)) throw badQuery(name, "must be an ISO 8601 time");
    return ms;
  };
  const to = time("to", Date.now() + 1);
  const from = time("from", to - 1000 * GRAIN_MS[grain as Grain]);
  const buckets = await storeStub(env, principal.storeId).rollups(grain as Grain, from, to);
  return json({ items: buckets.map(({ start, delta }) => ({ start: iso(start), ...delta })), nextCursor: null });
}
