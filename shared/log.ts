/**
 * One JSON line per event. The only place that may touch `console`.
 * Fields whose names look like secrets or personal data are redacted: logs are read by more people than the database.
 */
export type Level = "debug" | "info" | "warn" | "error";

const SECRET = /pass|secret|token|authorization|cookie|apikey|email|phone|^to$|^name$/i;
let threshold: Level = "info";
const ORDER: Level[] = ["debug", "info", "warn", "error"];

export function setLogLevel(level: Level): void {
  threshold = level;
}

export function log(level: Level, event: string, fields: Record<string, unknown> = {}): void {
  if (ORDER.indexOf(level) < ORDER.indexOf(threshold)) return;
  const safe: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) safe[key] = SECRET.test(key) ? "[redacted]" : plain(value);
  const line = JSON.stringify({ at: new Date().toISOString(), level, event, ...safe });
  if (level === "error") console.error(line);
  else console.log(line);
}

function plain(value: unknown): unknown {
  if (value instanceof Error)
    return {
      name: value.name,
      message: value.message.slice(0, 500),
      stack: value.stack?.split("\n").slice(1, 4).join(" | "),
    };
  return value;
}
