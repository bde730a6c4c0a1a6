import { DEFAULT_TEMPLATE } from "../gallery/index.ts";
import type { Parts, Template } from "../templates.ts";

/** A row of `templates`. `translations` is JSON: parts by locale. */
export interface TemplateRow extends Parts {
  id: string;
  name: string;
  channel: "email" | "sms";
  locale: string;
  translations: string;
  version: number;
  updated_at: number;
}

/** The reminder every store begins with. */
export const BUILT_IN: TemplateRow = {
  ...DEFAULT_TEMPLATE,
  translations: JSON.stringify(DEFAULT_TEMPLATE.translations),
  version: 0,
  updated_at: 0,
};

export const templateOf = ({ id, locale, subject, html, text, translations }: TemplateRow): Template => ({
  id,
  locale,
  subject,
  html,
  text,
  translations: JSON.parse(translations) as Template["translations"],
});

/** A template of the store, or the built-in one; `null` when there is none of that id. */
export async function templateRow(db: D1Database, storeId: string, id: string): Promise<TemplateRow | null> {
  if (id === BUILT_IN.id) return BUILT_IN;
  return db.prepare("SELECT * FROM templates WHERE store_id = ? AND id = ?").bind(storeId, id).first<TemplateRow>();
}

/** What an e-mail is rendered from: the built-in reminder in place of a template that was deleted, or is of another channel. */
export async function findTemplate(db: D1Database, storeId: string, id: string): Promise<Template> {
  const row = await templateRow(db, storeId, id);
  return row?.channel === "email" ? templateOf(row) : DEFAULT_TEMPLATE;
}
