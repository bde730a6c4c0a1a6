/**
 * One JSON line per event. The only place that may touch `console`.
 * Fields whose names look like secrets or personal data are redacted, however deep they are, and so is every mail address
 * in a text, for other systems repeat them: logs are read by more people than the database.
 */
type Level = "info" | "warn" | "error";

const SECRET = /pass|secret|token|authorization|cookie|apikey|email|phone|^to$|^name$/i;
/** Also the password in a URL. Bounded, so that a long text costs no more than its length. */
const ADDRESS = /[^\s<>"'(),:;/@]{1,64}@[^\s<>"'(),:;/@]{1,255}/g;
const HIDDEN = "[redacted]";

export function log(level: Level, event: string, fields: Record<string, unknown> = {}): void {
  const line = JSON.stringify({ at: new Date().toISOString(), level, event, ...safe(fields) });
  if (level === "error") console.error(line);
  else console.log(line);
}

const safe = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, SECRET.test(key) ? HIDDEN : plain(value)]));

function plain(value: unknown): unknown {
  if (typeof value === "string") return value.replace(ADDRESS, HIDDEN);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Error)
    return {
      name: value.name,
      message: plain(value.message.slice(0, 500)),
      stack: plain(value.stack?.split("\n").slice(1, 4).join(" | ")),
    };
  return typeof value === "object" && value !== null ? safe(value) : value;
}
