/** Conditions as rows of field, operator and value, and back. What rows cannot say is `null`: JSON says it. Pure. */
import type { Conditions, Json } from "../../../../../shared/policy/rules.ts";

type Kind = "number" | "text" | "flag";

/** What conditions may ask about, as people call it. Others may be named too; their values are what they look like. */
export const FIELDS: Readonly<Record<string, { label: string; kind: Kind }>> = {
  "total.amount": { label: "Cart total", kind: "number" },
  itemCount: { label: "Number of items", kind: "number" },
  "items.productId": { label: "A product in the cart", kind: "text" },
  "items.category": { label: "A category in the cart", kind: "text" },
  coupons: { label: "A coupon on the cart", kind: "text" },
  stage: { label: "Checkout stage", kind: "text" },
  paymentFailures: { label: "Failed payments", kind: "number" },
  "prediction.abandonmentRisk": { label: "Abandonment risk (0 to 1)", kind: "number" },
  "shopper.email": { label: "Shopper’s e-mail", kind: "text" },
  "shopper.phone": { label: "Shopper’s number", kind: "text" },
  "shopper.name": { label: "Shopper’s name", kind: "text" },
  "shopper.locale": { label: "Shopper’s language", kind: "text" },
  "shopper.timezone": { label: "Shopper’s time zone", kind: "text" },
  device: { label: "Device", kind: "text" },
  "journey.sent": { label: "Messages sent so far", kind: "number" },
  "journey.opened": { label: "A message was opened", kind: "flag" },
  "journey.clicked": { label: "A message was clicked", kind: "flag" },
  "journey.returned": { label: "The shopper came back", kind: "flag" },
};

const OPERATORS = {
  is: { label: "is", code: "$eq", kinds: ["number", "text", "flag"] },
  is_not: { label: "is not", code: "$ne", kinds: ["number", "text"] },
  above: { label: "is above", code: "$gt", kinds: ["number"] },
  at_least: { label: "is at least", code: "$gte", kinds: ["number"] },
  below: { label: "is below", code: "$lt", kinds: ["number"] },
  at_most: { label: "is at most", code: "$lte", kinds: ["number"] },
  one_of: { label: "is one of", code: "$in", kinds: ["text"] },
  none_of: { label: "is none of", code: "$nin", kinds: ["text"] },
  known: { label: "is known", code: "$ne", kinds: ["text"] },
  unknown: { label: "is not known", code: "$eq", kinds: ["text"] },
} as const satisfies Record<string, { label: string; code: string; kinds: readonly Kind[] }>;

export type Operator = keyof typeof OPERATORS;
export interface Row {
  field: string;
  operator: Operator;
  /** As it is typed; lists between commas. */
  value: string;
}
export interface Rows {
  join: "all" | "any";
  rows: Row[];
}

const ALL_OPERATORS = Object.keys(OPERATORS) as Operator[];
export const operatorLabel = (operator: Operator): string => OPERATORS[operator].label;
export const takesValue = (operator: Operator): boolean => operator !== "known" && operator !== "unknown";
export const isList = (operator: Operator): boolean => operator === "one_of" || operator === "none_of";
export const kindOf = (field: string): Kind | null => FIELDS[field]?.kind ?? null;

/** Those that make sense for the field; all of them for a field that we do not know. */
export function operatorsOf(field: string): Operator[] {
  const kind = kindOf(field);
  return ALL_OPERATORS.filter((name) => kind === null || (OPERATORS[name].kinds as readonly Kind[]).includes(kind));
}

export function conditionsOf({ join, rows }: Rows): Conditions {
  const tests = rows.map(({ field, operator, value }) => ({ field, test: testOf(field, operator, value) }));
  if (join === "any" && tests.length > 1) return { $or: tests.map(({ field, test }) => ({ [field]: test })) };
  const merged = new Map<string, Json>();
  for (const { field, test } of tests) {
    const both = merged.has(field) ? together(merged.get(field)!, test) : test;
    // The same thing said twice of one field has no place in one object.
    if (both === null) return { $and: tests.map((one) => ({ [one.field]: one.test })) };
    merged.set(field, both);
  }
  return Object.fromEntries(merged);
}

function together(a: Json, b: Json): Json {
  if (!isObject(a) || !isObject(b)) return null;
  return Object.keys(a).some((operator) => operator in b) ? null : { ...a, ...b };
}

/** Always an object, so that two tests of a field can be put together. */
function testOf(field: string, operator: Operator, value: string): { [operator: string]: Json } {
  const { code } = OPERATORS[operator];
  if (!takesValue(operator)) return { [code]: null };
  if (!isList(operator)) return { [code]: jsonOf(field, value) };
  const parts = value.split(",").map((part) => part.trim());
  return { [code]: parts.filter((part) => part !== "").map((part) => jsonOf(field, part)) };
}

function jsonOf(field: string, text: string): Json {
  const kind = kindOf(field);
  if (kind === "text") return text;
  if (text === "true" || text === "false") return text === "true";
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The rows that say the same; `null` when none do. */
export function rowsOf(conditions: Conditions): Rows | null {
  const keys = Object.keys(conditions);
  const [only] = keys;
  if (keys.length === 1 && (only === "$or" || only === "$and")) {
    const parts = conditions[only];
    if (!Array.isArray(parts)) return null;
    const rows = parts.map((part) => (isObject(part) && Object.keys(part).length === 1 ? plainRows(part) : null));
    // An "or" of "and"s is more than rows can say.
    if (rows.some((found) => found === null || (only === "$or" && found.length !== 1))) return null;
    return { join: only === "$or" ? "any" : "all", rows: rows.flatMap((found) => found ?? []) };
  }
  const rows = plainRows(conditions);
  return rows && { join: "all", rows };
}

function plainRows(conditions: Conditions): Row[] | null {
  const found = Object.entries(conditions).map(([field, test]) =>
    field.startsWith("$") ? null : rowsOfField(field, test),
  );
  return found.some((rows) => rows === null) ? null : found.flatMap((rows) => rows ?? []);
}

function rowsOfField(field: string, test: Json): Row[] | null {
  if (!isObject(test)) return rowsOfField(field, { $eq: test });
  const rows = Object.entries(test).map(([code, value]) => rowOf(field, code, value));
  return rows.length === 0 || rows.includes(null) ? null : rows.filter((row) => row !== null);
}

function rowOf(field: string, code: string, value: Json): Row | null {
  const fits = ALL_OPERATORS.filter((name) => OPERATORS[name].code === code);
  const operator = fits.find((name) => takesValue(name) === (value !== null));
  if (!operator) return null;
  if (value === null) return { field, operator, value: "" };
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  // What a row would write must be what is there: a number in quotes, say, or a comma within a word is not.
  const written = testOf(field, operator, text)[code];
  return JSON.stringify(written) === JSON.stringify(value) ? { field, operator, value: text } : null;
}

const isObject = (value: Json): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `Cart total is above 50, and shopper’s e-mail is known`; `""` for no condition. */
export function conditionWords(conditions: Conditions | undefined): string {
  if (!conditions || Object.keys(conditions).length === 0) return "";
  const found = rowsOf(conditions);
  if (!found) return "conditions in JSON hold";
  return found.rows.map(rowWords).join(found.join === "any" ? ", or " : ", and ");
}

function rowWords({ field, operator, value }: Row): string {
  const name = FIELDS[field]?.label ?? field;
  const label = operatorLabel(operator);
  if (kindOf(field) === "flag") return `${lowered(name)}${value === "false" ? ": no" : ""}`;
  return `${lowered(name)} ${label}${takesValue(operator) ? ` ${value}` : ""}`;
}

const lowered = (text: string): string => `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
