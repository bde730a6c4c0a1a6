/** What a provider's HTTP API is to us: how a request for one message is made, and what an answer says about it. */
import { SECOND_MS } from "../../../shared/time.ts";
import { type OutgoingMessage, PHONE_NUMBERS, type SendOutcome } from "./provider.ts";

export interface ApiRequest {
  url: string;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

export interface ApiReply {
  status: number;
  headers: Headers;
  text: string;
  /** The JSON of the text; `{}` for anything else. */
  body: Record<string, unknown>;
}

/** Thrown while a request is made: how the send ended, although nothing was sent. */
export class Unsendable extends Error {
  readonly outcome: SendOutcome & { kind: "refused" };

  constructor(reason: string, more: { retryable?: boolean; account?: true; gone?: true } = {}) {
    super(reason);
    this.name = "Unsendable";
    this.outcome = { kind: "refused", reason, retryable: false, ...more };
  }
}

export interface MessageApi<M extends OutgoingMessage = OutgoingMessage> {
  readonly kind: string;
  /** A message of another is never asked of it: `HttpProvider` sees to that. */
  readonly channel: M["channel"];
  /** Honours `deliveryId`: asking twice sends once. */
  readonly resumable: boolean;
  request(message: M): ApiRequest | Promise<ApiRequest>;
  /** The message's id in a good answer; `null` when the answer is not what the API promises. */
  messageId(reply: ApiReply): string | null;
  /** What a bad answer says, for people. */
  reason(reply: ApiReply): string;
  /** The provider refuses the account, whatever the message is. 401, 402 and 403 mean that, unless the target is gone. */
  isAccountFault?(reply: ApiReply): boolean;
  /** Nothing will ever reach this number or device again. */
  isGone?(reply: ApiReply): boolean;
  /**
   * The device is another account's: to this one it is gone, the store's next may know it. It must not count against the
   * account, for shops' pages tell devices, and so may anybody.
   */
  isForeign?(reply: ApiReply): boolean;
  /** Answers that mean something else here than their status says. */
  special?(reply: ApiReply): SendOutcome | null;
}

/** Said by something between us and the API: whether it took the message, nobody knows. */
const AMBIGUOUS = new Set([502, 504, 520, 522, 524]);
const ACCOUNT = new Set([401, 402, 403]);

/** What an answer says about the message. */
export function judged(api: MessageApi, reply: ApiReply, now: number): SendOutcome {
  const special = api.special?.(reply);
  if (special) return special;
  const { status, headers } = reply;
  const reason = `${status} ${anonymous(api.reason(reply))}`.trim();
  if (api.isForeign?.(reply)) return { kind: "refused", reason, retryable: false, account: true, gone: true };
  if (api.isGone?.(reply)) return { kind: "refused", reason, retryable: false, gone: true };
  if (status >= 200 && status < 300) {
    const messageId = api.messageId(reply);
    return messageId === null
      ? { kind: "unknown", reason: `${status}: an answer that ${api.kind} does not give` }
      : { kind: "sent", messageId: messageId.slice(0, 200) };
  }
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

/** No API's answer to one message is longer. */
const MAX_ANSWER = 64 * 1024;

/** The answer's text. One that breaks off or goes on for ever is read as none: what the status says stays. */
export async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_ANSWER) return "";
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  } catch {
    return "";
  }
}

/** The object that a text is in JSON; `{}` for anything else. */
export function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** `Retry-After` in milliseconds: seconds, or a date. */
function waitOf(header: string | null, now: number): number | null {
  if (header === null) return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * SECOND_MS : Date.parse(header) - now;
  return ms > 0 ? ms : null;
}

/** Providers repeat addresses and numbers; who may see the reason may not see those. */
export const anonymous = (text: string): string =>
  text
    .replace(/[^\s<>"'(),;:]+@[^\s<>"'(),;]+/g, "…")
    .replace(PHONE_NUMBERS, "…")
    .slice(0, 300);

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A field of an answer, when it is a text that says something. */
export const textOf = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** The first part of an XML document between these tags. */
export const tagIn = (xml: string, name: string): string | null =>
  textOf(new RegExp(`<${name}>([^<]{1,1000})</${name}>`).exec(xml)?.[1]);

export const jsonHeaders = { "content-type": "application/json", accept: "application/json" } as const;
