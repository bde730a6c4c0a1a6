/** The templates that messages are written from, and how they look before they are sent. */
import type { SmsSegments } from "../../../../shared/sms-segments.ts";
import type { Channel } from "../../../../shared/views.ts";
import { call, get, one, type Page } from "./client.ts";

export interface TemplateParts {
  subject: string;
  html: string;
  text: string;
}

/** What is written. */
export interface TemplateInput extends TemplateParts {
  name: string;
  channel: Channel;
  /** Of its own parts. */
  locale: string;
  translations: Record<string, TemplateParts>;
}

export interface Template extends TemplateInput {
  id: string;
  version?: number;
}

/** The store's own, or one that comes with Cartwake: its version is 0. */
export type StoredTemplate = Template & { version: number; updatedAt: string };
export type GalleryTemplate = Template & { description: string };

export interface Rendered extends TemplateParts, Partial<SmsSegments> {
  locale: string;
}

const PATH = "/v1/templates";

/** What a channel has no place for is refused, even empty: a text message has no subject, only a mail has HTML. */
const filled = ({ subject, html, text }: TemplateParts) => ({
  text,
  ...(subject === "" ? {} : { subject }),
  ...(html === "" ? {} : { html }),
});

function bodyOf({ name, channel, locale, translations, ...parts }: TemplateInput) {
  const others = Object.entries(translations).map(([tag, own]) => [tag, filled(own)] as const);
  return { name, channel, locale, ...filled(parts), translations: Object.fromEntries(others) };
}

export const listTemplates = () => get<Page<StoredTemplate>>(PATH);
export const listGallery = () => get<{ items: GalleryTemplate[] }>(`${PATH}/gallery`);
export const getTemplate = (id: string) => get<StoredTemplate>(one(PATH, id));
export const createTemplate = (given: TemplateInput) => call<StoredTemplate>("POST", PATH, bodyOf(given));
export const replaceTemplate = (id: string, given: TemplateInput, version: number) =>
  call<StoredTemplate>("PUT", one(PATH, id), bodyOf(given), version);
export const deleteTemplate = (id: string) => call("DELETE", one(PATH, id));

export interface As {
  /** `null`: a sample cart. */
  cartId: string | null;
  /** Whose words; the cart's when nothing is said. */
  shopperLocale?: string | undefined;
}

const asked = ({ cartId, shopperLocale }: As) => ({
  ...(cartId && { cartId }),
  ...(shopperLocale && { shopperLocale }),
});

export const previewTemplate = (template: TemplateInput, as: As) =>
  call<Rendered>("POST", `${PATH}/preview`, { ...bodyOf(template), ...asked(as) });
/** A mail, as it is stored. */
export const testTemplate = (id: string, to: string, as: As) =>
  call("POST", `${one(PATH, id)}/test`, { to, ...asked(as) });
