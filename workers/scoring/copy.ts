/**
 * Message copy in the store's voice. The model writes words; what they are put into (tables, links, the way to unsubscribe) is
 * the gallery's, and of Liquid they may have a handful of placeholders and nothing else. What does not keep to that is not
 * used: the built-in words stand in.
 */
import * as z from "zod";
import type { DraftInput, DraftView } from "../../shared/drafts.ts";
import { builtInFor } from "../../shared/gallery/index.ts";
import { partsOf } from "../../shared/gallery/layout.ts";
import { LANGUAGES, type Language, MAX_ITEMS } from "../../shared/gallery/words.ts";
import { languageOf } from "../../shared/locale.ts";
import { MESSAGE_LIMITS } from "../../shared/message-limits.ts";
import { withoutDomains } from "../../shared/names.ts";
import { faultsOf } from "../../shared/template-check.ts";
import { inLocale, type Parts } from "../../shared/templates.ts";
import type { Channel } from "../../shared/views.ts";
import type { Env } from "../env.ts";
import { jsonObjectIn } from "./answers.ts";
import { copyMessages } from "./prompts.ts";
import { adviserOf, write } from "./writing.ts";

/** All of them have a value in every message: a hole in a sentence is worse than no name in it. */
export const PLACEHOLDERS = [
  "{{ store.name }}",
  "{{ cart.count }}",
  "{{ cart.total | money }}",
  "{{ cart.items.first.name | truncate: 60 }}",
] as const;

/** What is asked for, and how long each may be. */
const FIELDS = {
  email: { subject: 120, preheader: 120, title: 80, lead: 400, button: 40 },
  sms: { text: 200 },
  push: { title: 60, text: 150 },
  onsite: { title: 60, text: 200 },
} as const satisfies Record<Channel, Record<string, number>>;
/** What every mail and SMS says besides, where the gallery does not know the language. */
const OWN_WORDS = {
  email: { total: 20, code: 30, because: 200, unsubscribe: 40 },
  sms: { optOut: 40 },
  push: {},
  onsite: {},
} as const satisfies Record<Channel, Record<string, number>>;

export async function draftCopy(env: Env, storeId: string, wish: DraftInput): Promise<DraftView> {
  const adviser = await adviserOf(env, storeId);
  const locale = wish.locale ?? adviser?.settings.language ?? "en";
  if (!adviser) return builtIn(wish, locale, "ai_off");
  const fields = fieldsOf(wish.channel, locale);
  const messages = copyMessages({
    channel: wish.channel,
    language: locale,
    purpose: wish.purpose ?? `A message that follows ${wish.trigger.replaceAll("_", " ")}`,
    tone: wish.tone ?? adviser.settings.tone,
    placeholders: PLACEHOLDERS,
    fields,
  });
  const drafted = await write(env, storeId, adviser.ai, "draft", messages, (text) =>
    partsIn(text, wish.channel, locale),
  );
  if (!drafted.ok) return builtIn(wish, locale, drafted.reason);
  const { value, model } = drafted;
  return { channel: wish.channel, locale, ...value, source: "model", model, reason: null };
}

function builtIn({ channel, trigger }: DraftInput, wanted: string, reason: string): DraftView {
  const template = builtInFor(channel, trigger);
  const { parts, locale } = inLocale(template, wanted);
  return { channel, locale, ...parts, source: "built_in", model: null, reason };
}

const known = (locale: string): Language | null => {
  const language = languageOf(locale);
  return language === "en" || language === "de" ? LANGUAGES[language] : null;
};
const fieldsOf = (channel: Channel, locale: string): Record<string, number> => ({
  ...FIELDS[channel],
  ...(known(locale) ? {} : OWN_WORDS[channel]),
});

/** The message that a model's words make; `null` when they cannot be used. */
export async function partsIn(text: string, channel: Channel, locale: string): Promise<Parts | null> {
  const fields = fieldsOf(channel, locale);
  const shape = z.object(
    Object.fromEntries(
      Object.entries(fields).map(([name, max]) => [name, z.string().transform(line).pipe(z.string().min(1).max(max))]),
    ),
  );
  const parsed = shape.safeParse(jsonObjectIn(text));
  if (!parsed.success || !Object.values(parsed.data).every(isPlain)) return null;
  const parts = composed(channel, locale, parsed.data);
  if (!parts) return null;
  const faults = await faultsOf({ id: "draft", locale, translations: {}, ...parts }, MESSAGE_LIMITS[channel]);
  return faults.length === 0 ? parts : null;
}

/** What no word of a message may have: markup, other Liquid, what becomes a link, and what only the merchant can promise. */
const FORBIDDEN = /[{}<>\p{Cc}\p{Cf}]|&#?\w+;|https?:|www\.|@|[%€$£¥]/iu;
/** On one line, and fit to stand in an attribute. */
const line = (text: string): string => text.replace(/\s+/g, " ").replaceAll('"', "”").trim();

/** Words and the placeholders above, written as they are. */
function isPlain(text: string): boolean {
  const bare = PLACEHOLDERS.reduce<string>((left, placeholder) => left.replaceAll(placeholder, "X"), text);
  return !FORBIDDEN.test(bare) && withoutDomains(bare) === bare.split(/\s+/).join(" ").trim();
}

type Given = Record<string, string>;

function composed(channel: Channel, locale: string, given: Given): Parts | null {
  const { subject = "", title = "", text = "", preheader = "", lead = "", button = "" } = given;
  if (channel === "email")
    return partsOf({ subject, preheader, title, lead, button, code: true }, known(locale) ?? languageFrom(given));
  if (channel !== "sms") return { subject: title, html: "", text };
  const optOut = known(locale) ? STOP[languageOf(locale) as keyof typeof STOP] : (given.optOut ?? "");
  // Without the word that stops them no SMS may go out.
  return /\bSTOP\b/.test(optOut) ? { subject: "", html: "", text: `${text} {{ recovery_url }} ${optOut}` } : null;
}

const STOP = { en: "Reply STOP to opt out.", de: "Abmelden mit STOP." } as const;

const languageFrom = ({ total = "", code = "", because = "", unsubscribe = "" }: Given): Language => ({
  total,
  code,
  because,
  unsubscribe,
  more: `+ {{ cart.items.size | minus: ${MAX_ITEMS} }}`,
  until: "{{ coupon.expires_at | date }}",
});
