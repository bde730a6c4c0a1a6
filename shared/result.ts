/** An expected no is data, not an exception: it crosses RPC unharmed and the compiler makes the caller look. */
export type Result<T, R extends string = string> = { ok: true; value: T } | { ok: false; reason: R };

export const ok = <T>(value: T): { ok: true; value: T } => ({ ok: true, value });
export const no = <R extends string>(reason: R): { ok: false; reason: R } => ({ ok: false, reason });
