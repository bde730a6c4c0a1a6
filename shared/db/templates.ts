import { DEFAULT_TEMPLATE, type Template } from "../templates.ts";

/** The store's template, or the built-in one for `default` and for one that was deleted meanwhile. */
export async function findTemplate(db: D1Database, storeId: string, id: string): Promise<Template> {
  const row = await db
    .prepare("SELECT id, subject, html, text FROM templates WHERE store_id = ? AND id = ?")
    .bind(storeId, id)
    .first<Template>();
  return row ?? DEFAULT_TEMPLATE;
}
