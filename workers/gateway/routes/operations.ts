/** `/.well-known/jwks.json`, `/v1/analytics/realtime`, rollups. */
import { storeStub } from "../../../objects/stubs.ts";
import { json } from "../../../shared/http.ts";
import { GRAIN_MS, type Grain, iso } from "../../../shared/time.ts";
import { publicKeys } from "../authenticate.ts";
import { badQuery, type Call, type MemberCall } from "../context.ts";

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
