import { BUILT_INS, builtInFor, type GalleryTemplate } from "../gallery/index.ts";
import type { Trigger } from "../policy/rules.ts";
import type { Parts, Template } from "../templates.ts";
import type { Channel } from "../views.ts";

/** A row of `templates`. `translations` is JSON: parts by locale. */
export interface TemplateRow extends Parts {
  id: string;
  name: string;
  channel: Channel;
  locale: string;
  translations: string;
  version: number;
  updated_at: number;
}

const rowOf = (built: GalleryTemplate): TemplateRow => ({
  ...built,
  translations: JSON.stringify(built.translations),
  version: 0,
  updated_at: 0,
});

/** What every store begins with: a template of each channel. */
export const BUILT_IN_ROWS: readonly TemplateRow[] = BUILT_INS.map(rowOf);

const builtIn = (id: string): TemplateRow | undefined => BUILT_IN_ROWS.find((row) => row.id === id);
export const isBuiltIn = (id: string): boolean => builtIn(id) !== undefined;

export const templateOf = ({ id, locale, subject, html, text, translations }: TemplateRow): Template => ({
  id,
  locale,
  subject,
  html,
  text,
  translations: JSON.parse(translations) as Template["translations"],
});

/** A template of the store, or a built-in one; `null` when there is none of that id. */
export async function templateRow(db: D1Database, storeId: string, id: string): Promise<TemplateRow | null> {
  const known = builtIn(id);
  if (known) return known;
  return db.prepare("SELECT * FROM templates WHERE store_id = ? AND id = ?").bind(storeId, id).first<TemplateRow>();
}

/**
 * What a message of this channel is rendered from: the channel's built-in one in place of a template that is none of the
 * store's own, was deleted, or is of another channel. `trigger`: the built-in one about it, where there is one.
 */
export async function findTemplate(
  db: D1Database,
  storeId: string,
  id: string,
  channel: Channel,
  trigger?: Trigger,
): Promise<Template> {
  const row = isBuiltIn(id) ? null : await templateRow(db, storeId, id);
  return row?.channel === channel ? templateOf(row) : builtInFor(channel, trigger);
}
