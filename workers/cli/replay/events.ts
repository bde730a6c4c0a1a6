/** A clickstream read from a file: events that can be sent, and a count of the rows that cannot. */
export interface ReplayEvent {
  id: string;
  /** What is sent, in order, one after the other: the events of one cart. */
  session: string;
  /** When it happened in the data, ms. */
  at: number;
  /** The API event without `id` and `occurredAt`. */
  body: Record<string, unknown>;
}

/** One row of a file: an event, or why it is none. */
export type Row = { ok: true; event: ReplayEvent } | { ok: false; reason: string };

export interface Clickstream {
  events: ReplayEvent[];
  /** Rows that no event could be made of, by reason. */
  skipped: Record<string, number>;
}

/** Reads rows until `limit` events are found; the unusable ones before that are counted, never dropped silently. */
export async function collect(
  rows: AsyncIterable<Row> | Iterable<Row>,
  limit = Number.POSITIVE_INFINITY,
): Promise<Clickstream> {
  const stream: Clickstream = { events: [], skipped: {} };
  if (limit <= 0) return stream;
  for await (const row of rows) {
    if (!row.ok) stream.skipped[row.reason] = (stream.skipped[row.reason] ?? 0) + 1;
    else if (stream.events.push(row.event) >= limit) break;
  }
  return stream;
}

/** Numbers equal texts from 0, so that rows with the same content stay distinct and keep their ids in a second run. */
export function occurrences(): (text: string) => number {
  const seen = new Map<string, number>();
  return (text) => {
    const count = seen.get(text) ?? 0;
    seen.set(text, count + 1);
    return count;
  };
}
