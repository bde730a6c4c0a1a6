/** What a merchant may send as a template: its shape, and what is wrong with what stands in it. */
import * as z from "zod";
import { AppError } from "../../shared/errors.ts";
import { GALLERY, galleryTemplate } from "../../shared/gallery/index.ts";
import { canonicalLocale } from "../../shared/locale.ts";
import { MESSAGE_LIMITS } from "../../shared/message-limits.ts";
import { faultsOf } from "../../shared/template-check.ts";
import { inLocale, type Parts, type Template } from "../../shared/templates.ts";
import { type Channel, channel } from "../../shared/views.ts";
import { check } from "./validate.ts";

const MAX_TRANSLATIONS = 20;

const subject = z.string().min(1).max(1000);
const body = z.string().max(200_000);
export const localeInput = z
  .string()
  .max(35)
  .refine((tag) => canonicalLocale(tag) !== null, "must be a BCP 47 tag such as de-AT")
  .overwrite((tag) => canonicalLocale(tag) ?? tag);

const name = z.string().min(1).max(200);
const translation = z
  .object({ subject: subject.optional(), html: body.default(""), text: body.default("") })
  .meta({ description: "The same message in another language; nothing is taken from the template's own parts" });
const translations = z.record(z.string().max(35), translation).meta({
  description: "By BCP 47 tag. A shopper with the locale de-AT gets de-AT, else de, else the template's own parts",
});

/** What a channel's parts must be; each says what is wrong with them. A push message's subject is its title, an offer's its headline. */
const ISSUES: Record<Channel, (given: Given) => [field: string, message: string][]> = {
  email: ({ html, text }) => (html === "" && text === "" ? [["html", "needs html or text"]] : []),
  sms: (given) => [
    ...(given.subject === undefined ? [] : ([["subject", "an SMS has no subject"]] as [string, string][])),
    ...textIssues("an SMS", given),
    ...(given.text.length > MESSAGE_LIMITS.sms.text
      ? ([["text", `an SMS has at most ${MESSAGE_LIMITS.sms.text} characters`]] as [string, string][])
      : []),
  ],
  push: (given) => titledIssues("a push message", "title", given),
  onsite: (given) => titledIssues("an offer", "headline", given),
};

/** A whole template. `subject` may be left out of an e-mail: it is the built-in one then. */
export const templateInput = z
  .object({
    name,
    channel: channel.default("email"),
    locale: localeInput.default("en"),
    subject: subject.optional(),
    html: body.default(""),
    text: body.default(""),
    translations: translations.default({}),
  })
  .superRefine((given, context) => {
    const issue = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    const partsIssues = ISSUES[given.channel];
    for (const [field, message] of partsIssues(given)) issue([field], message);
    if (Object.keys(given.translations).length > MAX_TRANSLATIONS)
      issue(["translations"], `may have at most ${MAX_TRANSLATIONS} locales`);
    for (const [tag, parts] of Object.entries(given.translations)) {
      const path = ["translations", tag];
      if (canonicalLocale(tag) !== tag) issue(path, "must be a BCP 47 tag, written like de-AT");
      if (tag === given.locale) issue(path, "is the template's own locale");
      if (given.channel === "email" && parts.subject === undefined) issue([...path, "subject"], "is needed");
      for (const [field, message] of partsIssues(parts)) issue([...path, field], message);
    }
  })
  .meta({
    examples: [{ name: "Reminder", subject: "Your cart at {{ store.name }} is waiting", text: "{{ recovery_url }}" }],
  });
export type TemplateInput = z.infer<typeof templateInput>;

type Given = { subject?: string | undefined; html: string; text: string };

function textIssues(what: string, { html, text }: Given): [string, string][] {
  const issues: [string, string][] = [];
  if (html !== "") issues.push(["html", `${what} has no HTML`]);
  if (text === "") issues.push(["text", `${what} needs a text`]);
  return issues;
}

const titledIssues = (what: string, title: string, given: Given): [string, string][] => [
  ...(given.subject === undefined ? ([["subject", `${what} needs a ${title}`]] as [string, string][]) : []),
  ...textIssues(what, given),
];

/** A template, or what is different from one of the gallery. */
export const templateDraft = z
  .object({
    from: z
      .enum(GALLERY.map(({ id }) => id))
      .optional()
      .describe("Begins with a template of the gallery. With `locale`, in that language only; without, in all it has"),
    name: name.optional(),
    channel: channel.optional(),
    locale: localeInput.optional(),
    subject: subject.optional(),
    html: body.optional(),
    text: body.optional(),
    translations: translations.optional(),
  })
  .meta({ examples: [{ from: "last-call", name: "Second message" }] });
export type TemplateDraft = z.infer<typeof templateDraft>;

/** The whole template that a draft stands for; a 400 when it is none. */
export function completed({ from, ...draft }: TemplateDraft): TemplateInput {
  const begun = from === undefined ? undefined : galleryTemplate(from);
  if (!begun) return check(templateInput, draft, "body");
  const { name, channel, locale, translations } = begun;
  const given = ({ subject, html, text }: Parts) => ({ ...(channel === "sms" ? {} : { subject }), html, text });
  const inOthers = Object.entries(translations).map(([tag, parts]) => [tag, given(parts)] as const);
  const base = draft.locale
    ? { name, channel, ...given(inLocale(begun, draft.locale).parts) }
    : { name, channel, locale, ...given(begun), translations: Object.fromEntries(inOthers) };
  return check(templateInput, { ...base, ...draft }, "body");
}

/** `subject`: the one of an e-mail that came without. */
export function templateOfInput(id: string, given: TemplateInput, subject: string): Template {
  const whole = (parts: Given): Parts => ({
    subject: given.channel === "sms" ? "" : (parts.subject ?? subject),
    html: parts.html,
    text: parts.text,
  });
  const { locale, translations } = given;
  const inOthers = Object.entries(translations).map(([tag, parts]) => [tag, whole(parts)] as const);
  return { id, locale, ...whole(given), translations: Object.fromEntries(inOthers) };
}

/** A 400 that names each wrong part, with line and column. */
export async function refuseFaulty(template: Template, channel: Channel): Promise<void> {
  const faults = await faultsOf(template, MESSAGE_LIMITS[channel]);
  const [first] = faults;
  if (!first) return;
  throw new AppError(
    "VALIDATION_ERROR",
    `${first.field}: ${first.message}`,
    faults.map(({ field, message }) => ({ field, message, code: "template" })),
  );
}
