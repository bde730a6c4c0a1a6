/** Recovery links in messages: `/r/…`, long or short, leads back to exactly the cart it was sent for. */
import { cartStub, shopperStub, storeStub } from "../../objects/stubs.ts";
import { type LinkClaims, readLink } from "../../shared/auth/links.ts";
import { parseConfig } from "../../shared/config.ts";
import { readShortLink } from "../../shared/db/short-links.ts";
import { AppError } from "../../shared/errors.ts";
import { json, problemResponse } from "../../shared/http.ts";
import { log } from "../../shared/log.ts";
import type { Channel } from "../../shared/views.ts";
import type { Env } from "../env.ts";
import { page } from "./page.ts";
import { wordsFor } from "./page-words.ts";

const PUBLIC = { "access-control-allow-origin": "*", "referrer-policy": "no-referrer", "x-robots-tag": "noindex" };

/** Scanners and previews that follow links without a person behind them: not a click. */
const ROBOT = /bot|crawl|spider|preview|scan|monitor|facebookexternalhit|slurp/i;

/** What a genuine link says that has not expired, or `null`. Long ones have a dot, and cost no question to the database. */
const claimsOf = (env: Env, token: string): Promise<Extract<LinkClaims, { kind: "r" }> | null> =>
  token.includes(".")
    ? readLink(token, "r", parseConfig(env).LINK_SECRET, Date.now())
    : readShortLink(env.DB, token, Date.now());

/** `GET /r/{token}`: to the storefront, with the token for the snippet to restore the cart by. */
export async function followRecoveryLink(request: Request, env: Env, token: string): Promise<Response> {
  const claims = await claimsOf(env, token);
  const { lang, words } = wordsFor(request);
  if (!claims) return page(404, lang, words.invalid.title, words.invalid.cutOffOrOld);
  const settings = await storeStub(env, claims.store).settings();
  if (!settings.ok) return page(404, lang, words.invalid.title, words.invalid.gone);
  const target = new URL(settings.value.url);
  target.searchParams.set("cartwake", token);
  const person = request.method === "GET" && !ROBOT.test(request.headers.get("user-agent") ?? "");
  if (person) {
    await cartStub(env, claims.store, claims.cart).report(claims.delivery, "clicked");
    await noteAnswer(env, claims.store, claims.delivery);
  }
  return new Response(null, {
    status: 302,
    headers: { location: target.href, "cache-control": "no-store", "referrer-policy": "no-referrer" },
  });
}

/** The channel that was answered is preferred from now on; who follows the link gets there also when that fails. */
async function noteAnswer(env: Env, storeId: string, deliveryId: string): Promise<void> {
  try {
    const row = await env.DB.prepare("SELECT shopper_id, channel FROM deliveries WHERE store_id = ? AND id = ?")
      .bind(storeId, deliveryId)
      .first<{ shopper_id: string; channel: Channel }>();
    if (row && row.channel !== "onsite")
      await shopperStub(env, storeId, row.shopper_id).answered(row.channel, deliveryId);
  } catch (error) {
    log("warn", "answer_not_noted", { storeId, deliveryId, error });
  }
}

/** `GET /r/{token}/cart`: the live cart, for the snippet on any origin. 404 for a forged, foreign, expired or revoked link, or one whose cart was bought. */
export async function restoreCart(env: Env, token: string, requestId: string): Promise<Response> {
  const refuse = (detail: string) => problemResponse(new AppError("NOT_FOUND", detail), requestId, PUBLIC);
  const claims = await claimsOf(env, token);
  if (!claims) return refuse("This recovery link is not valid.");
  const cart = await cartStub(env, claims.store, claims.cart).restore(claims.generation, claims.at);
  if (!cart.ok)
    return refuse(
      cart.reason === "closed" ? "This cart was already bought." : "This recovery link is no longer valid.",
    );
  return json({ ...cart.value, deliveryId: claims.delivery }, 200, PUBLIC);
}
