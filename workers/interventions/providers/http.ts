/**
 * Providers that are spoken to over HTTP: one request a mail, and what its end says about the mail. An adapter is a
 * `MailApi`: how the request is made, and how an answer is read.
 */
import { SECOND_MS } from "../../../shared/time.ts";
import { type MessageProvider, messageOf, type OutgoingMail, type SendOutcome } from "./provider.ts";

const CALL_MS = 30 * SECOND_MS;
/** No API's answer to one mail is longer. */
const MAX_ANSWER = 64 * 1024;

export interface ApiRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

export interface ApiReply {
  status: number;
  headers: Headers;
  /** The JSON of the body; `{}` for anything else. */
  body: Record<string, unknown>;
}

export interface MailApi {
  readonly kind: string;
  /** Honours `deliveryId`: asking twice sends once. */
  readonly resumable: boolean;
  request(mail: OutgoingMail): ApiRequest | Promise<ApiRequest>;
  /** The message's id in a good answer; `null` when the answer is not what the API promises. */
  messageId(reply: ApiReply): string | null;
  /** What a bad answer says, for people. */
  reason(reply: ApiReply): string;
  /** The provider refuses the account, whatever the mail is. 401, 402 and 403 always mean that. */
  isAccountFault?(reply: ApiReply): boolean;
  /** Answers that mean something else here than their status says. */
  special?(reply: ApiReply): SendOutcome | null;
}

/** Said by something between us and the API: whether it took the mail, nobody knows. */
const AMBIGUOUS = new Set([502, 504, 520, 522, 524]);
const ACCOUNT = new Set([401, 402, 403]);

export class HttpProvider implements MessageProvider {
  readonly name: string;
  readonly resumable: boolean;
  readonly #api: MailApi;

  constructor(api: MailApi) {
    this.name = api.kind;
    this.resumable = api.resumable;
    this.#api = api;
  }

  async send(mail: OutgoingMail): Promise<SendOutcome> {
    const progress = { handedOver: false };
    try {
      const request = await this.#api.request(mail);
      if (mail.traceparent) request.headers.traceparent = mail.traceparent;
      const reply = await exchange(request, progress);
      return judged(this.#api, reply, Date.now());
    } catch (error) {
      const reason = messageOf(error);
      return progress.handedOver ? { kind: "unknown", reason } : { kind: "refused", reason, retryable: true };
    }
  }
}

/** What an answer says about the mail. */
export function judged(api: MailApi, reply: ApiReply, now: number): SendOutcome {
  const special = api.special?.(reply);
  if (special) return special;
  const { status, headers } = reply;
  if (status >= 200 && status < 300) {
    const messageId = api.messageId(reply);
    return messageId === null
      ? { kind: "unknown", reason: `${status}: an answer that ${api.kind} does not give` }
      : { kind: "sent", messageId: messageId.slice(0, 200) };
  }
  const reason = `${status} ${anonymous(api.reason(reply))}`.trim();
  if (AMBIGUOUS.has(status)) return { kind: "unknown", reason };
  const retryAfterMs = waitOf(headers.get("retry-after"), now);
  return {
    kind: "refused",
    reason,
    retryable: status === 408 || status === 429 || status >= 500,
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
    ...(ACCOUNT.has(status) || api.isAccountFault?.(reply) ? { account: true } : {}),
  };
}

/** `Retry-After` in milliseconds: seconds, or a date. */
function waitOf(header: string | null, now: number): number | null {
  if (header === null) return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * SECOND_MS : Date.parse(header) - now;
  return ms > 0 ? ms : null;
}

/** Providers repeat addresses; who may see the reason may not see those. */
export const anonymous = (text: string): string => text.replace(/[^\s<>"'(),;:]+@[^\s<>"'(),;]+/g, "…").slice(0, 300);

/**
 * The body goes out in parts, and each is asked for when an earlier one was written: the runtime reads two or three ahead
 * of an open connection, never this many. Only then the last byte is given away (`handedOver`). Whatever fails before that
 * has sent a request that no server can obey; a runtime that read further ahead would only make more failures `unknown`.
 */
const LAST_PARTS = 8;

async function exchange({ url, headers, body }: ApiRequest, progress: { handedOver: boolean }): Promise<ApiReply> {
  const bytes = new TextEncoder().encode(body);
  const { readable, writable } = new FixedLengthStream(bytes.length);
  const abort = AbortSignal.timeout(CALL_MS);
  const answer = fetch(url, { method: "POST", headers, body: readable, redirect: "manual", signal: abort });
  const written = write(writable, bytes, progress);
  // A failed write is told by the answer, which may as well be there before all was written.
  written.catch(() => undefined);
  const response = await answer;
  return { status: response.status, headers: response.headers, body: await readBody(response) };
}

async function write(
  writable: WritableStream<Uint8Array>,
  bytes: Uint8Array,
  progress: { handedOver: boolean },
): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(bytes.subarray(0, -LAST_PARTS));
  for (let left = LAST_PARTS; left > 1; left--) await writer.write(bytes.subarray(-left, bytes.length - left + 1));
  progress.handedOver = true;
  await writer.write(bytes.subarray(-1));
  await writer.close();
}

/** The answer's object. One that breaks off or goes on for ever is read as none: what the status says stays. */
async function readBody(response: Response): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_ANSWER) return {};
      chunks.push(chunk);
    }
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A field of an answer, when it is a text that says something. */
export const textOf = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

export const jsonHeaders = { "content-type": "application/json", accept: "application/json" } as const;
