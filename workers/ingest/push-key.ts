/** `GET /v1/push-key`: what a shop's pages subscribe to Web Push with. */
import { pushKeyOf } from "../../shared/db/providers.ts";
import { AppError } from "../../shared/errors.ts";
import { json, problemResponse } from "../../shared/http.ts";
import { log } from "../../shared/log.ts";
import type { Env } from "../env.ts";
import { corsHeaders, originAllowed } from "./beacons.ts";
import { tenantOf } from "./tenants.ts";

/** A new key reaches shops within this; the old one then works no more anyway. */
const CACHE = "public, max-age=300";

export async function pushKey(request: Request, url: URL, env: Env, requestId: string): Promise<Response> {
  let headers: Record<string, string> = { "x-request-id": requestId };
  try {
    const tenant = await tenantOf(env, url.searchParams.get("key") ?? "", Date.now());
    headers = { ...headers, ...corsHeaders(request, tenant) };
    if (tenant === "secret" || !tenant)
      throw new AppError("UNAUTHORIZED", "Unknown key: use the store's publishable key (cw_pk_…) as ?key=.");
    if (!originAllowed(request, tenant))
      throw new AppError("FORBIDDEN", "This origin is not among the allowed origins of the store and of the key.");
    const publicKey = await pushKeyOf(env.DB, tenant.storeId);
    // Also without an origin: a shared cache must not keep an answer for the pages of one shop only.
    return json({ publicKey }, 200, { ...headers, "cache-control": CACHE, vary: "origin" });
  } catch (error) {
    if (error instanceof AppError) return problemResponse(error, requestId, headers);
    log("error", "push_key_failed", { requestId, error });
    const unavailable = new AppError("SERVICE_UNAVAILABLE", "Please ask again.");
    return problemResponse(unavailable, requestId, { ...headers, "retry-after": "2" });
  }
}
