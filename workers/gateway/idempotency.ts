/**
 * `Idempotency-Key` on the writes of members; a call that changes nothing (`Route.reads`) does not heed it. The first request with a key claims its row before it is carried out; a
 * repeat gets the answer that was kept. A refusal changed nothing: it frees the key, and its repeat is judged anew. So
 * does a failure of ours. Answers may hold a secret that is shown once, so they are kept sealed.
 */
import { seal, unseal } from "../../shared/auth/sealing.ts";
import type { Principal } from "../../shared/auth/tokens.ts";
import { AppError } from "../../shared/errors.ts";
import { readBytes } from "../../shared/http.ts";
import { sha256 } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { DAY_MS, MINUTE_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { invalid } from "./context.ts";
import type { Call, Route } from "./route.ts";

const KEY = /^[\x20-\x7e]{1,255}$/;
/** A claim without an answer after this long belongs to a request that died: the next one may take it over. */
const CRASHED_MS = MINUTE_MS;
export const KEPT_MS = DAY_MS;
/** The body of a request with a key is held in memory: it is hashed before it is handled. */
const MAX_REQUEST = 1024 * 1024;
const MAX_ANSWER = 256 * 1024;
/** What of an answer's headers is kept. Cookies are not. */
const HEADERS = ["content-type", "cache-control", "etag", "location"];

type Carry = (call: Call) => Promise<Response>;

/** Whether a route obeys the header: what a member's call changes. */
export const takesIdempotencyKey = ({ method, access, reads }: Pick<Route, "method" | "access" | "reads">): boolean =>
  method !== "GET" && !reads && access !== "public" && access !== "publishable";

interface Row {
  fingerprint: string;
  status: number | null;
  headers: string | null;
  body: string | null;
}

/** One key of one caller, as this request claimed it. */
interface Claim {
  env: Env;
  subject: string;
  key: string;
  /** Tells this claim from one that took it over. */
  at: number;
}

/** Carries a call out, unless its key says that this was done before. `limit`: bytes that the route's body may have. */
export async function once(call: Call, principal: Principal, carry: Carry, limit = MAX_REQUEST): Promise<Response> {
  const key = call.request.headers.get("idempotency-key");
  if (key === null) return carry(call);
  if (!KEY.test(key)) throw invalid("Idempotency-Key", "must have 1 to 255 printable ASCII characters");
  const { request, env, url } = call;
  const body = await readBytes(request, Math.max(limit, MAX_REQUEST));
  const fingerprint = await sha256(JSON.stringify([request.method, url.pathname, url.search, await sha256(body)]));
  const claim: Claim = { env, subject: `${principal.storeId}/${principal.userId}`, key, at: Date.now() };
  if (!(await take(claim, fingerprint))) return replay(claim, fingerprint);
  const { method, headers } = request;
  const again = new Request(request.url, { method, headers, ...(body.byteLength === 0 ? {} : { body }) });
  try {
    const response = await carry({ ...call, request: again });
    return response.status < 400 ? await keep(claim, response) : await release(claim, response);
  } catch (error) {
    await release(claim, null);
    throw error;
  }
}

/** True for exactly one request at a time. */
async function take({ env, subject, key, at }: Claim, fingerprint: string): Promise<boolean> {
  const { meta } = await env.DB.prepare(
    `INSERT INTO idempotency_keys (subject, key, fingerprint, created_at) VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT (subject, key) DO UPDATE SET fingerprint = ?3, created_at = ?4, status = NULL, headers = NULL, body = NULL
     WHERE created_at <= ?5 OR (status IS NULL AND fingerprint = ?3 AND created_at <= ?6)`,
  )
    .bind(subject, key, fingerprint, at, at - KEPT_MS, at - CRASHED_MS)
    .run();
  return meta.changes > 0;
}

async function replay({ env, subject, key }: Claim, fingerprint: string): Promise<Response> {
  const row = await env.DB.prepare(
    "SELECT fingerprint, status, headers, body FROM idempotency_keys WHERE subject = ? AND key = ?",
  )
    .bind(subject, key)
    .first<Row>();
  if (row && row.fingerprint !== fingerprint)
    throw new AppError("CONFLICT", "This Idempotency-Key was used for another request: take a new one.");
  // No row: the request before this one was refused just now.
  if (!row || row.status === null)
    throw new AppError("CONFLICT", "The request with this Idempotency-Key is still being carried out.").with({
      "retry-after": "1",
    });
  const body = row.body === null ? null : await unseal(row.body, nameOf(subject, key), env.AUTH_SECRET);
  if (body === null || row.headers === null)
    throw new AppError("CONFLICT", "The request with this Idempotency-Key was carried out; its answer was not kept.");
  const headers = new Headers(JSON.parse(row.headers) as Record<string, string>);
  headers.set("idempotency-replayed", "true");
  return new Response(row.status === 204 ? null : body, { status: row.status, headers });
}

/**
 * Keeps the answer before it is given. When that fails the call was still carried out: the claim stays, and its repeats
 * are refused until it counts as crashed.
 */
async function keep({ env, subject, key, at }: Claim, response: Response): Promise<Response> {
  const [kept, given] = response.body ? response.body.tee() : [null, null];
  try {
    const text = await readUpTo(kept, MAX_ANSWER);
    const headers = Object.fromEntries(HEADERS.flatMap((name) => pair(name, response.headers.get(name))));
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const body = text === null ? null : await seal(text, nameOf(subject, key), env.AUTH_SECRET, iv);
    await env.DB.prepare(
      "UPDATE idempotency_keys SET status = ?, headers = ?, body = ? WHERE subject = ? AND key = ? AND created_at = ? AND status IS NULL",
    )
      .bind(response.status, JSON.stringify(headers), body, subject, key, at)
      .run();
  } catch (error) {
    log("error", "idempotency_unkept", { subject, error });
  }
  return new Response(given, response);
}

const pair = (name: string, value: string | null): [string, string][] => (value === null ? [] : [[name, value]]);

async function release<R>({ env, subject, key, at }: Claim, response: R): Promise<R> {
  try {
    await env.DB.prepare(
      "DELETE FROM idempotency_keys WHERE subject = ? AND key = ? AND created_at = ? AND status IS NULL",
    )
      .bind(subject, key, at)
      .run();
  } catch (error) {
    log("error", "idempotency_unreleased", { subject, error });
  }
  return response;
}

/** The text of a stream, or `null` when it is longer. */
async function readUpTo(stream: ReadableStream<Uint8Array> | null, limit: number): Promise<string | null> {
  if (!stream) return "";
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > limit) {
      // Not awaited: a branch of a tee is only cancelled together with the other one.
      reader.cancel().catch(() => {});
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}

const nameOf = (subject: string, key: string): string => `idempotency/${subject}/${key}`;
