/** What a provider's HTTP API is to us: how a request for one mail is made, and what an answer says about the mail. Pure. */
import { SECOND_MS } from "../../../shared/time.ts";
import type { OutgoingMail, SendOutcome } from "./provider.ts";

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

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A field of an answer, when it is a text that says something. */
export const textOf = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

export const jsonHeaders = { "content-type": "application/json", accept: "application/json" } as const;
