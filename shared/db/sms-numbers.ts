/** Which shoppers were written to at a phone number, and which of its replies were obeyed. The number itself is not kept. */
import { hashOf } from "../ids.ts";

/** One number is rarely more than a family's. */
const MAX_SHOPPERS = 20;

const nameOf = (storeId: string, number: string): string => hashOf(`${storeId}\n${number}`);

/** Before the number is written to: whoever answers STOP must be found. */
export async function rememberNumber(db: D1Database, storeId: string, number: string, shopperId: string, now: number) {
  await db
    .prepare(
      `INSERT INTO sms_numbers (store_id, number, shopper_id, at) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET at = excluded.at`,
    )
    .bind(storeId, nameOf(storeId, number), shopperId, now)
    .run();
}

/** The last ones who were. */
export async function shoppersAt(db: D1Database, storeId: string, number: string): Promise<string[]> {
  const { results } = await db
    .prepare(
      `SELECT shopper_id FROM sms_numbers WHERE store_id = ? AND number = ? ORDER BY at DESC LIMIT ${MAX_SHOPPERS}`,
    )
    .bind(storeId, nameOf(storeId, number))
    .all<{ shopper_id: string }>();
  return results.map((row) => row.shopper_id);
}

export async function isReplyKnown(db: D1Database, storeId: string, id: string): Promise<boolean> {
  return (
    (await db.prepare("SELECT 1 FROM sms_replies WHERE store_id = ? AND id = ?").bind(storeId, id).first()) !== null
  );
}

export async function rememberReply(db: D1Database, storeId: string, id: string, now: number): Promise<void> {
  await db
    .prepare("INSERT INTO sms_replies (store_id, id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
    .bind(storeId, id, now)
    .run();
}
