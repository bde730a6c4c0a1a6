/**
 * Links in messages. `/r/…` leads back to exactly the cart it was sent for; `/u/…` unsubscribes, on POST only, because
 * link scanners GET everything (RFC 8058).
 */
import { cartStub, shopperStub, storeStub } from "../../objects/stubs.ts";
import { readLink } from "../../shared/auth/links.ts";
import { parseConfig } from "../../shared/config.ts";
import { AppError } from "../../shared/errors.ts";
import { json, problemResponse } from "../../shared/http.ts";
import type { Env } from "../env.ts";
import { page } from "./page.ts";
import { wordsFor } from "./page-words.ts";

const PUBLIC = { "access-control-allow-origin": "*", "referrer-policy": "no-referrer", "x-robots-tag": "noindex" };

/** Scanners and previews that follow links without a person behind them: not a click. */
const ROBOT = /bot|crawl|spider|preview|scan|monitor|facebookexternalhit|slurp/i;

/** `GET /r/{token}`: to the storefront, with the token for the snippet to restore the cart by. */
export async function followRecoveryLink(request: Request, env: Env, token: string): Promise<Response> {
  const claims = await readLink(token, "r", parseConfig(env).LINK_SECRET, Date.now());
  const { lang, words } = wordsFor(request);
  if (!claims) return page(404, lang, words.invalid.title, words.invalid.cutOffOrOld);
  const settings = await storeStub(env, claims.store).settings();
  if (!settings.ok) return page(404, lang, words.invalid.title, words.invalid.gone);
  const target = new URL(settings.value.url);
  target.searchParams.set("cartwake", token);
  const person = request.method === "GET" && !ROBOT.test(request.headers.get("user-agent") ?? "");
  if (person) await cartStub(env, claims.store, claims.cart).report(claims.delivery, "clicked");
  return new Response(null, {
    status: 302,
    headers: { location: target.href, "cache-control": "no-store", "referrer-policy": "no-referrer" },
  });
}

/** `GET /r/{token}/cart`: the live cart, for the snippet on any origin. 404 for a forged, foreign, expired or revoked link, or one whose cart was bought. */
export async function restoreCart(env: Env, token: string, requestId: string): Promise<Response> {
  const refuse = (detail: string) => problemResponse(new AppError("NOT_FOUND", detail), requestId, PUBLIC);
  const claims = await readLink(token, "r", parseConfig(env).LINK_SECRET, Date.now());
  if (!claims) return refuse("This recovery link is not valid.");
  const cart = await cartStub(env, claims.store, claims.cart).restore(claims.generation, claims.at);
  if (!cart.ok)
    return refuse(
      cart.reason === "closed" ? "This cart was already bought." : "This recovery link is no longer valid.",
    );
  return json({ ...cart.value, deliveryId: claims.delivery }, 200, PUBLIC);
}

/** `GET /u/{token}`: a page with a button; following the link alone changes nothing. */
export async function unsubscribePage(request: Request, env: Env, token: string): Promise<Response> {
  const claims = await readLink(token, "u", parseConfig(env).LINK_SECRET, Date.now());
  const { lang, words } = wordsFor(request, claims?.locale);
  if (!claims) return page(404, lang, words.invalid.title, words.invalid.cutOff);
  const settings = await storeStub(env, claims.store).settings();
  const name = settings.ok ? settings.value.name : words.thisShop;
  const button = { label: words.ask.button, action: `/u/${token}` };
  return page(200, lang, words.ask.title, words.ask.text(name), button);
}

/** `POST /u/{token}`: the button, and the mail program's one-click. */
export async function unsubscribe(request: Request, env: Env, token: string): Promise<Response> {
  const claims = await readLink(token, "u", parseConfig(env).LINK_SECRET, Date.now());
  const { lang, words } = wordsFor(request, claims?.locale);
  if (!claims) return page(404, lang, words.invalid.title, words.invalid.cutOff);
  await shopperStub(env, claims.store, claims.shopper).suppress(claims.channel, "unsubscribed");
  return page(200, lang, words.done.title, words.done.text);
}
