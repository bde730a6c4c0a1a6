/** Requests and responses as every route handles them. */
import { AppError, problem, STATUS } from "./errors.ts";

const JSON_HEADERS = {
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { ...JSON_HEADERS, ...headers } });

export const problemResponse = (error: AppError, requestId: string, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(problem(error, requestId)), {
    status: STATUS[error.code],
    headers: { ...JSON_HEADERS, "content-type": "application/problem+json; charset=utf-8", ...headers },
  });

/** The request's own id when it is sane, else a new one. */
export function requestIdOf(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given && /^[\w.-]{1,64}$/.test(given) ? given : crypto.randomUUID();
}

const tooLarge = (limit: number): AppError =>
  new AppError("PAYLOAD_TOO_LARGE", `The body may have at most ${limit} bytes.`);

/** Whether the body's length was announced; a longer one than `limit` bytes is refused without reading it. */
async function isAnnounced(request: Request, limit: number): Promise<boolean> {
  const length = request.headers.get("content-length");
  if (Number(length) > limit) {
    await request.body?.cancel();
    throw tooLarge(limit);
  }
  return length !== null;
}

/** The body as text, read no further than `limit` bytes. */
export async function readText(request: Request, limit: number): Promise<string> {
  // The runtime reads no further than the length that was announced, and much faster than a reader does.
  if (await isAnnounced(request, limit)) return request.text();
  return new TextDecoder().decode(await readStream(request, limit));
}

/** The body as it is, read no further than `limit` bytes. */
export async function readBytes(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  if (await isAnnounced(request, limit)) return new Uint8Array(await request.arrayBuffer());
  return readStream(request, limit);
}

async function readStream({ body }: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  if (!body) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > limit) {
      await reader.cancel();
      throw tooLarge(limit);
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError("VALIDATION_ERROR", "The body is not valid JSON.", [
      { field: "(body)", message: "malformed JSON", code: "malformed" },
    ]);
  }
}

/** Deeper bodies would exhaust the stack of whatever walks them. */
const MAX_DEPTH = 32;

function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((inner) => (typeof inner === "object" && inner !== null ? Object.values(inner) : []));
  }
  return false;
}

/** Bytes of a body of the merchant surface. */
export const MAX_BODY = 256 * 1024;

/** A JSON body for the merchant surface. */
export async function readJson(request: Request, limit = MAX_BODY): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "application/json";
  if (!/^application\/json\b/i.test(type)) throw new AppError("UNSUPPORTED_MEDIA_TYPE", "Send application/json.");
  const text = await readText(request, limit);
  const value = text === "" ? {} : parseJson(text);
  if (isTooDeep(value))
    throw new AppError("VALIDATION_ERROR", `The body is nested deeper than ${MAX_DEPTH} levels.`, [
      { field: "(body)", message: `nested deeper than ${MAX_DEPTH} levels`, code: "too_deep" },
    ]);
  return value;
}
