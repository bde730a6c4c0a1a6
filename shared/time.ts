/** Durations are milliseconds and end in `Ms`; instants are milliseconds since the epoch. */
export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export const iso = (ms: number): string => new Date(ms).toISOString();
export const isoOrNull = (ms: number | null | undefined): string | null => (ms == null ? null : iso(ms));

export type Grain = "minute" | "hour" | "day";
export const GRAIN_MS: Record<Grain, number> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };
export const floorTo = (ms: number, grain: Grain): number => ms - (ms % GRAIN_MS[grain]);
