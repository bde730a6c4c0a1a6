/**
 * `/u/…`: the page on which a shopper decides by which channels they are written to, and the mail program's one-click.
 * Only POST changes anything, because link scanners GET everything (RFC 8058).
 */
import { shopperStub, storeStub } from "../../objects/stubs.ts";
import { type LinkClaims, readLink } from "../../shared/auth/links.ts";
import { parseConfig } from "../../shared/config.ts";
import { readText } from "../../shared/http.ts";
import { isConsented } from "../../shared/policy/permit.ts";
import { MESSAGE_CHANNELS, type MessageChannel } from "../../shared/policy/rules.ts";
import type { Env } from "../env.ts";
import { type Choices, page } from "./page.ts";
import { type PageWords, wordsFor } from "./page-words.ts";

/** Bytes of a form; a mail program's has 26. */
const MAX_FORM = 4 * 1024;

type Claims = Extract<LinkClaims, { kind: "u" }>;

interface ChannelState {
  channel: MessageChannel;
  on: boolean;
  /** Messages came back, or were complained of: that is not undone here. */
  closed: boolean;
  /** The shopper stopped it already. */
  stopped: boolean;
}

interface Reader {
  claims: Claims;
  lang: string;
  words: PageWords;
  /** The store's name. */
  store: string;
  channels: ChannelState[];
}

/** `GET /u/{token}`: what is on, and the forms to change it. */
export async function unsubscribePage(request: Request, env: Env, token: string): Promise<Response> {
  const reader = await readerOf(request, env, token);
  if (reader instanceof Response) return reader;
  const { words, store, channels } = reader;
  const { title, text } = isAnyOn(channels) ? words.ask : words.off;
  return page(200, reader.lang, title, text(store), choicesOf(reader, token));
}

/** `POST /u/{token}`: `choice=none` stops everything, `choice=these` what is not ticked, and anything else this channel. */
export async function unsubscribe(request: Request, env: Env, token: string): Promise<Response> {
  const form = await formOf(request);
  const reader = await readerOf(request, env, token);
  if (reader instanceof Response) return reader;
  const { claims, words } = reader;
  const choice = form.get("choice");
  const shopper = shopperStub(env, claims.store, claims.shopper);
  const channels = await Promise.all(
    reader.channels.map(async (state) => {
      const on = wanted(form, claims, state);
      if (on === null) return state;
      await shopper.consent(state.channel, {
        value: on ? "granted" : "denied",
        at: Date.now(),
        source: "shopper",
        url: new URL("/u", request.url).href, // without the token: it opens the page
        text: proof(reader, choice, state.channel),
      });
      return { ...state, on: on && !state.closed };
    }),
  );
  const { title, text, chosen } = words.done;
  return page(200, reader.lang, title, isAnyOn(channels) ? chosen : text, choicesOf({ ...reader, channels }, token));
}

/** What the form says of a channel; `null` when that is what holds already. */
function wanted(form: URLSearchParams, claims: Claims, { channel, on, closed, stopped }: ChannelState): boolean | null {
  const choice = form.get("choice");
  if (choice === "these") return closed || form.has(channel) === on ? null : !on;
  // A stop is heard also when nothing is on: a consent may still be on its way here.
  return !stopped && (choice === "none" || channel === claims.channel) ? false : null;
}

/** The words that the shopper answered to. */
function proof(
  { words: { ask, choose, stop }, store }: Reader,
  choice: string | null,
  channel: MessageChannel,
): string {
  if (choice === "these") return `${ask.text(store)} ${choose.legend}: ${choose.channels[channel].label}`;
  return choice === "none" ? `${ask.text(store)} ${stop.all}` : "List-Unsubscribe=One-Click";
}

const isAnyOn = (channels: readonly ChannelState[]): boolean => channels.some(({ on }) => on);

/** Who reads, and what is on for them; a page that says why not when the link is not valid. */
async function readerOf(request: Request, env: Env, token: string): Promise<Reader | Response> {
  const claims = await readLink(token, "u", parseConfig(env).LINK_SECRET, Date.now());
  const { lang, words } = wordsFor(request, claims?.locale);
  if (!claims) return page(404, lang, words.invalid.title, words.invalid.cutOff);
  const [settings, profile] = await Promise.all([
    storeStub(env, claims.store).settings(),
    shopperStub(env, claims.store, claims.shopper).profile(),
  ]);
  const has = { email: profile.email !== null, sms: profile.phone !== null, push: profile.push };
  const required = settings.ok ? settings.value.requireConsent : [];
  const channels = MESSAGE_CHANNELS.filter((channel) => has[channel] || channel === claims.channel).map((channel) => {
    const suppressed = profile.suppressed[channel]?.reason;
    return {
      channel,
      on: suppressed === undefined && isConsented(profile, channel, required),
      closed: suppressed !== undefined && suppressed !== "unsubscribed" && suppressed !== "stop",
      stopped: suppressed !== undefined && profile.consent[channel]?.value === "denied",
    };
  });
  return { claims, lang, words, store: settings.ok ? settings.value.name : words.thisShop, channels };
}

function choicesOf({ words, store, channels }: Reader, token: string): Choices {
  const { stop, choose } = words;
  return {
    action: `/u/${token}`,
    stop: isAnyOn(channels) ? (channels.length > 1 ? stop.all : stop.one) : null,
    legend: choose.legend,
    save: choose.save,
    switches: channels.map(({ channel, on, closed }) => {
      const { label, note } = choose.channels[channel];
      return { name: channel, label, note: closed ? choose.locked(store) : note, on, locked: closed };
    }),
  };
}

/** The fields of the page's own forms. Mail programs may also post `multipart/form-data`: what they say is always the same. */
async function formOf(request: Request): Promise<URLSearchParams> {
  const text = await readText(request, MAX_FORM);
  const type = request.headers.get("content-type") ?? "";
  return new URLSearchParams(/^application\/x-www-form-urlencoded\b/i.test(type) ? text : "");
}
