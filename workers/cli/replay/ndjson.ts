/** API events, one JSON object a line (API.md, "Storefront"). What the server might refuse is sent: it shall say so. */
import { derivedId } from "../../../shared/ids.ts";
import { occurrences, type Row } from "./events.ts";

/** An event without an `id` gets one of its content, the same at every run. */
export async function* readNdjson(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Row> {
  const occurrence = occurrences();
  for await (const raw of lines) {
    const line = raw.replace(/^\uFEFF/, "").trim();
    if (line !== "") yield toEvent(line, occurrence);
  }
}

function toEvent(line: string, occurrence: (text: string) => number): Row {
  const parsed = parseObject(line);
  if (parsed === null) return { ok: false, reason: "not a JSON object" };
  const { id, occurredAt, ...body } = parsed;
  const at = typeof occurredAt === "string" ? Date.parse(occurredAt) : Number.NaN;
  if (Number.isNaN(at)) return { ok: false, reason: "no readable occurredAt" };
  const session = body.cartId;
  if (typeof session !== "string" || session === "") return { ok: false, reason: "no cartId" };
  const own = typeof id === "string" && id !== "" ? id : derivedId("replay", `${line}#${occurrence(line)}`);
  return { ok: true, event: { id: own, session, at, body } };
}

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
