/** Frames of the live socket, checked before anything trusts them, and the waits between two attempts to connect. */
import type { TopicNews } from "../../../../shared/views.ts";

export interface Frame {
  type: string;
  payload: unknown;
}

export function parseFrame(data: unknown): Frame | null {
  if (typeof data !== "string") return null;
  try {
    const frame: unknown = JSON.parse(data);
    if (typeof frame !== "object" || frame === null || !("type" in frame) || typeof frame.type !== "string")
      return null;
    return { type: frame.type, payload: "payload" in frame ? frame.payload : null };
  } catch {
    return null;
  }
}

/** News of a topic we know, with the list it promises; `null` otherwise, so that a newer server does not break an older page. */
export function parseNews(payload: unknown): TopicNews | null {
  if (typeof payload !== "object" || payload === null || !("topic" in payload)) return null;
  const news = payload as Record<string, unknown>;
  switch (news.topic) {
    case "carts":
      return Array.isArray(news.carts) ? (news as TopicNews) : null;
    case "deliveries":
      return Array.isArray(news.deliveries) ? (news as TopicNews) : null;
    case "metrics":
      return typeof news.metrics === "object" && news.metrics !== null ? (news as TopicNews) : null;
    case "system":
      return typeof news.message === "string" ? (news as TopicNews) : null;
    default:
      return null;
  }
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** Exponential with full jitter, so that a restart does not bring every dashboard back in the same second. */
export function backoffMs(attempt: number, random: number): number {
  return Math.round(random * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt));
}

/** What to do after a close: try again, get a new token first, or give up until the next login. */
export function afterClose(code: number): "retry" | "refresh" | "stop" {
  if (code === 4401) return "refresh";
  return code === 4403 ? "stop" : "retry";
}
