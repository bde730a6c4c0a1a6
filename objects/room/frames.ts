/** The frames of `GET /ws` (API.md, "Real time"). Every frame of a client is parsed here or refused. */
import * as z from "zod";

export const MAX_FRAME_BYTES = 16 * 1024;
export const TOPICS = ["carts", "metrics", "deliveries", "system"] as const;
export type Topic = (typeof TOPICS)[number];

/** Close codes: what a client may act on. There is none for idling: a silent socket costs nothing while its room sleeps. */
export const CLOSE = {
  badFrame: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  tooMany: 4409,
  tooFast: 4429,
} as const;

const id = z.string().max(64).optional();
const topic = z.object({ topic: z.enum(TOPICS) });

const frame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("authenticate"), id, payload: z.object({ token: z.string().max(4096) }) }),
  z.object({ type: z.literal("subscribe"), id, payload: topic }),
  z.object({ type: z.literal("unsubscribe"), id, payload: topic }),
  z.object({ type: z.literal("prediction_request"), id, payload: z.object({ cartId: z.string().min(1).max(128) }) }),
  z.object({ type: z.literal("heartbeat"), id, payload: z.unknown().optional() }),
]);

export type ClientFrame = z.infer<typeof frame>;

/** The exact text a dashboard sends as its heartbeat: answered by the platform without waking the room. */
export const HEARTBEAT = '{"type":"heartbeat","payload":{}}';

export function parseFrame(
  message: string | ArrayBuffer,
): { ok: true; frame: ClientFrame } | { ok: false; id: string | null; fatal: boolean; message: string } {
  if (typeof message !== "string") return { ok: false, id: null, fatal: true, message: "frames are text" };
  if (message.length > MAX_FRAME_BYTES)
    return { ok: false, id: null, fatal: true, message: "frames are at most 16 KB" };
  let data: unknown;
  try {
    data = JSON.parse(message);
  } catch {
    return { ok: false, id: null, fatal: true, message: "frames are JSON" };
  }
  const parsed = frame.safeParse(data);
  if (parsed.success) return { ok: true, frame: parsed.data };
  const given =
    typeof data === "object" && data !== null && "id" in data && typeof data.id === "string"
      ? data.id.slice(0, 64)
      : null;
  return { ok: false, id: given, fatal: false, message: parsed.error.issues[0]?.message ?? "unknown frame" };
}

/** The answer to a frame that cannot be obeyed. */
export const errorFrame = (code: string, message: string, id: string | null | undefined): string =>
  serverFrame("error", { code, message, id: id ?? null });

export const serverFrame = (type: string, payload: unknown, id?: string): string =>
  JSON.stringify({ type, payload, timestamp: new Date().toISOString(), ...(id ? { id } : {}) });
