/** D1's training examples: written from carts' news, read by training and drift. */
import type { CartNews } from "../events/messages.ts";
import { stableHash } from "../ids.ts";
import type { Ending } from "../model/example.ts";
import { chunks, type Row } from "./index-carts.ts";

const COLUMNS = "store_id, closed_at, cart_id, incarnation, generation, shopper, moments";
const VALUES = COLUMNS.split(", ")
  .map((_, i) => `json_extract(value, '$[${i}]')`)
  .join(", ");

/** No personal data: whose it is only tells one shopper's rows from another's. */
export const shopperNumber = (storeId: string, shopperId: string): number => stableHash(`${storeId}/${shopperId}`, 17);

/**
 * What the endings of carts' news add to and take from the examples. Telling them twice changes nothing. What is taken back
 * comes last: the end that it names may stand in the same batch.
 */
export function exampleStatements(db: D1Database, news: readonly CartNews[]): D1PreparedStatement[] {
  const rows = news.flatMap((told) => (told.endings ?? []).flatMap((ending) => rowsOf(told, ending)));
  const voids = news.flatMap((told) =>
    (told.endings ?? []).filter(({ how }) => how === "void").map((ending) => voidStatement(db, told, ending)),
  );
  const insert = `INSERT INTO training_examples (${COLUMNS}) SELECT ${VALUES} FROM json_each(?) WHERE true ON CONFLICT DO NOTHING`;
  return [...chunks(rows).map((json) => db.prepare(insert).bind(json)), ...voids];
}

const voidStatement = (db: D1Database, { storeId, cartId, incarnation }: CartNews, { at, generation }: Ending) =>
  db
    .prepare(
      "DELETE FROM training_examples WHERE store_id = ? AND closed_at = ? AND cart_id = ? AND incarnation = ? AND generation = ?",
    )
    .bind(storeId, at, cartId, incarnation, generation);

/** In the order of `COLUMNS`; nothing of an end that taught nothing. */
function rowsOf({ storeId, cartId, incarnation }: CartNews, ending: Ending): Row[] {
  const { generation, at: closedAt, shopperId, examples } = ending;
  if (examples.length === 0) return [];
  const shopper = shopperNumber(storeId, shopperId);
  return [[storeId, closedAt, cartId, incarnation, generation, shopper, JSON.stringify(examples)]];
}
