/** A template while it is written. Pure. */
import { canonicalLocale } from "../../../../../shared/locale.ts";
import type { Step } from "../../../../../shared/policy/rules.ts";
import type { Channel } from "../../../../../shared/views.ts";
import type { StoredTemplate, TemplateInput, TemplateParts } from "../../api/templates.ts";

export const partsOf = ({ subject, html, text }: TemplateParts): TemplateParts => ({ subject, html, text });

/** What can be sent back of what was read. */
export function inputOf({ name, channel, locale, translations, ...parts }: StoredTemplate): TemplateInput {
  return { name, channel, locale, ...partsOf(parts), translations };
}

const BLANK: Record<Channel, TemplateParts> = {
  email: {
    subject: "Your cart at {{ store.name }}",
    html: "",
    text: "{{ recovery_url }}\n\n{{ unsubscribe_url }}\n",
  },
  sms: { subject: "", html: "", text: "{{ store.name }}: {{ recovery_url }}" },
  push: { subject: "{{ store.name }}", html: "", text: "Your cart is waiting." },
  onsite: { subject: "One moment", html: "", text: "Your cart is waiting." },
};

export const blank = (channel: Channel): TemplateInput => ({
  name: "",
  channel,
  locale: "en",
  ...BLANK[channel],
  translations: {},
});

/** What the channel calls the part that comes first; an SMS has none. */
export const HEADLINES: Record<Channel, string | null> = {
  email: "Subject",
  sms: null,
  push: "Title",
  onsite: "Headline",
};

/** The words of one of its languages; `null`: its own. */
export const partsIn = (draft: TemplateInput, locale: string | null): TemplateParts =>
  partsOf((locale !== null && draft.translations[locale]) || draft);

export function withParts(draft: TemplateInput, locale: string | null, parts: Partial<TemplateParts>): TemplateInput {
  if (locale === null) return { ...draft, ...parts };
  const own = { ...partsIn(draft, locale), ...parts };
  return { ...draft, translations: { ...draft.translations, [locale]: own } };
}

/** How the API names a part of a language: `html`, `translations.de.html`. */
export const pathOf = (locale: string | null, part: keyof TemplateParts): string =>
  locale === null ? part : `translations.${locale}.${part}`;

export const isPart = (path: string): boolean => /(?:^|\.)(?:subject|html|text)$/.test(path);

/** With another language, to be translated from its own; `null` for what is no tag, or is there already. */
export function withLocale(draft: TemplateInput, given: string): { draft: TemplateInput; locale: string } | null {
  const locale = canonicalLocale(given.trim());
  if (locale === null || locale === draft.locale || Object.hasOwn(draft.translations, locale)) return null;
  const translations = { ...draft.translations, [locale]: partsOf(draft) };
  return { draft: { ...draft, translations }, locale };
}

export function withoutLocale(draft: TemplateInput, locale: string): TemplateInput {
  const { [locale]: _gone, ...translations } = draft.translations;
  return { ...draft, translations };
}

/** Whether a campaign's steps send the template. */
export const isSentBy = (id: string, steps: readonly Step[]): boolean =>
  steps.some(({ variants }) =>
    variants.some(({ templateId, templates }) => templateId === id || Object.values(templates ?? {}).includes(id)),
  );

/** `de-AT` → `German (Austria) · de-AT`, in the reader's language. */
export function languageName(tag: string, reader?: string): string {
  try {
    const name = new Intl.DisplayNames(reader, { type: "language", fallback: "none" }).of(tag);
    return name ? `${name} · ${tag}` : tag;
  } catch {
    return tag; // no tag that could be a language
  }
}

/**
 * What a template says, for one line of a list: of what depends on something the first branch only, and values by
 * their names. By pattern: a branch within a branch may be cut short.
 */
export function gist(source: string): string {
  return source
    .slice(0, 2_000)
    .replace(/\{%-?\s*when\b.*?%\}(.*?)(?:\{%-?\s*(?:when|else)\b.*?)?\{%-?\s*endcase\b[^%]*%\}/gs, "$1")
    .replace(/\{%-?\s*(?:else|elsif)\b.*?\{%-?\s*end(?:if|unless)\b[^%]*%\}/gs, "")
    .replace(/\{%.*?%\}/gs, "")
    .replace(/\{\{-?\s*([\w.]+).*?\}\}/gs, "‹$1›")
    .replace(/\s+/g, " ")
    .trim();
}
