/** Days as date fields have them (`2026-11-21`), in the reader's own time zone. Pure but for that zone. */

export function localDate(at: number): string {
  const day = new Date(at);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** When the day begins, as ISO 8601. */
export const dayStart = (day: string): string => new Date(`${day}T00:00:00`).toISOString();

/** When the day is over. A day is not always 24 hours long. */
export function nextDay(day: string): string {
  const start = new Date(`${day}T00:00:00`);
  start.setDate(start.getDate() + 1);
  return start.toISOString();
}
