/** W3C Trace Context, version 00: who called says which trace this request belongs to. Pure. */
export interface Trace {
  /** 32 hex digits. */
  traceId: string;
  /** What this Worker answers as: its own span in that trace. */
  traceparent: string;
}

const HEADER = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** A header that names a trace, or `null`. */
export const traceparentOf = (header: string | null): string | null =>
  header !== null && HEADER.test(header) ? header : null;

/** The id of the trace, for log lines. */
export const traceIdOf = (traceparent: string | null | undefined): string | undefined =>
  HEADER.exec(traceparent ?? "")?.[1];

/** The trace of a `traceparent` header, continued; a new one when it is absent or invalid. `random`: 24 bytes, not all zero. */
export function traceOf(header: string | null, random: Uint8Array): Trace {
  const [, given, flags = "00"] = HEADER.exec(header ?? "") ?? [];
  const traceId = given ?? hex(random.subarray(0, 16));
  return { traceId, traceparent: `00-${traceId}-${hex(random.subarray(16, 24))}-${flags}` };
}
