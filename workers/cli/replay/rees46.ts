/**
 * REES46 clickstreams (CSV): `event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session`.
 * One session is one cart; every purchase row is an order of its own. Amounts are in USD.
 */
import { derivedId } from "../../../shared/ids.ts";
import { occurrences, type Row } from "./events.ts";

const CURRENCY = "USD";
const COLUMNS = [
  "event_time",
  "event_type",
  "product_id",
  "category_code",
  "brand",
  "price",
  "user_id",
  "user_session",
];

const TYPES: Record<string, string> = {
  view: "product_viewed",
  cart: "product_added_to_cart",
  remove_from_cart: "product_removed_from_cart",
  purchase: "checkout_completed",
};

/** Lines (the header first) to rows. Throws when the header lacks a column that is needed. */
export async function* readRees46(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Row> {
  const occurrence = occurrences();
  let columns: string[] | null = null;
  for await (const raw of lines) {
    const line = raw.replace(/^\uFEFF/, "").trimEnd();
    if (line === "") continue;
    const fields = splitCsv(line);
    if (columns === null) {
      columns = fields;
      const missing = COLUMNS.filter((name) => !fields.includes(name));
      if (missing.length > 0) throw new Error(`not a REES46 file: no column ${missing.join(", ")}`);
      continue;
    }
    if (fields.length !== columns.length) yield { ok: false, reason: "wrong number of columns" };
    else yield toEvent(Object.fromEntries(columns.map((name, i) => [name, fields[i]!])), line, occurrence);
  }
}

function toEvent(row: Record<string, string>, line: string, occurrence: (text: string) => number): Row {
  const { product_id: productId, price, user_id: visitorId, user_session: session } = row;
  const type = TYPES[row.event_type ?? ""];
  const at = parseTime(row.event_time ?? "");
  if (!session) return { ok: false, reason: "no session" };
  if (!productId) return { ok: false, reason: "no product" };
  if (type === undefined) return { ok: false, reason: `unknown event type ${row.event_type || "(empty)"}` };
  if (at === null) return { ok: false, reason: "unreadable time" };
  if (!price || !/^\d{1,12}(\.\d{1,20})?$/.test(price)) return { ok: false, reason: "unreadable price" };
  const name = `${line}#${occurrence(line)}`;
  const item = {
    productId,
    name: nameOf(row, productId),
    price,
    currency: CURRENCY,
    quantity: 1,
    ...(row.category_code ? { category: row.category_code } : {}),
  };
  const order = { id: derivedId("order", name), total: price, currency: CURRENCY, items: [item] };
  const data = type === "checkout_completed" ? { order } : { item };
  const ids = { cartId: session, ...(visitorId ? { visitorId } : {}), sessionId: session };
  return { ok: true, event: { id: derivedId("rees46", name), session, at, body: { type, version: 1, ...ids, data } } };
}

/** `apple smartphone 1004237`: the set has no product names. */
const nameOf = (row: Record<string, string>, productId: string): string =>
  [row.brand, row.category_code?.split(".").at(-1)?.replaceAll("_", " "), productId].filter(Boolean).join(" ");

/** `2019-10-01 00:00:00 UTC` to ms. */
export function parseTime(text: string): number | null {
  const found = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(?: ?UTC|Z)?$/.exec(text);
  const at = found ? Date.parse(`${found[1]}T${found[2]}Z`) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

/** One line of CSV to its fields; a quoted field may hold commas and doubled quotes. */
export function splitCsv(line: string): string[] {
  if (!line.includes('"')) return line.split(",");
  const fields: string[] = [];
  let field = "";
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (c === '"' && quoted && line[i + 1] === '"') field += line[++i];
    else if (c === '"') quoted = !quoted;
    else if (c === "," && !quoted) {
      fields.push(field);
      field = "";
    } else field += c;
  }
  return [...fields, field];
}
