/** What a provider's callback is made of, and what is read from it. */
import { createHash, timingSafeEqual } from "node:crypto";
import { MINUTE_MS, SECOND_MS } from "../../../shared/time.ts";
import { textOf } from "../providers/api.ts";

/** A callback as it came. */
export interface Callback {
  headers: Headers;
  /** Exactly what was signed. */
  body: string;
  /** When it came (ms). */
  now: number;
  /** The addresses it may have been sent to, as its sender knows them. */
  urls: readonly string[];
}

/** What an event says about one message. */
export interface DeliveryEvent {
  deliveryId: string;
  /** Whom it was sent to: by now the cart may be somebody else's. */
  recipient: string | null;
  status: "delivered" | "opened" | "clicked" | "bounced" | "complained" | null;
  /** Why this shopper must not be written to again. */
  suppress: "bounced" | "complained" | "unsubscribed" | null;
  reason?: string;
}

/** What somebody answered to a message. */
export interface NumberEvent {
  /** The provider's name for the answer. */
  replyId: string;
  /** Whose, in E.164. */
  number: string;
  says: "stop" | "start";
}

export type CallbackEvent = DeliveryEvent | NumberEvent;

/** Reads a callback; `null` when it is not authentic. An event that says nothing of use is left out. */
export type Reader = (callback: Callback) => Promise<CallbackEvent[] | null>;

/** Signed anew for each attempt: older ones are somebody's recording. */
export const FRESH_MS = 5 * MINUTE_MS;

/** Whether a time in seconds, or an ISO time, is within `tolerance` of now. */
export function isFresh(time: string | null, now: number, tolerance: number): boolean {
  if (time === null) return false;
  const ms = /^\d{1,12}$/.test(time) ? Number(time) * SECOND_MS : Date.parse(time);
  return Math.abs(now - ms) <= tolerance;
}

const encoder = new TextEncoder();

/** Whether `signature` is the HMAC-SHA256 of the text. Constant time. */
export async function isHmac(signature: Uint8Array, text: string, key: Uint8Array): Promise<boolean> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key as BufferSource, hmac, false, ["verify"]);
  return crypto.subtle.verify("HMAC", imported, signature as BufferSource, encoder.encode(text));
}

/** Compares in constant time, also when the lengths differ. */
export function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** The secret that a callback without a signature carries: basic auth's password, or a header. */
export function secretIn(headers: Headers): string {
  const basic = /^Basic ([A-Za-z\d+/]+={0,2})$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (!basic) return headers.get("x-webhook-token") ?? "";
  const pair = Buffer.from(basic, "base64").toString("utf8");
  return pair.slice(pair.indexOf(":") + 1);
}

type Kind = Omit<DeliveryEvent, "deliveryId" | "recipient">;

/** Every kind of event, by what it means for the message and its shopper. */
export const MEANING = {
  delivered: { status: "delivered", suppress: null },
  opened: { status: "opened", suppress: null },
  clicked: { status: "clicked", suppress: null },
  /** The address does not exist, or never takes mail. */
  hardBounce: { status: "bounced", suppress: "bounced" },
  /** This message was lost; the next may arrive. */
  softBounce: { status: "bounced", suppress: null },
  /** It was not delivered because its receiver wants none. */
  optedOut: { status: "bounced", suppress: "unsubscribed" },
  complaint: { status: "complained", suppress: "complained" },
  unsubscribe: { status: null, suppress: "unsubscribed" },
} as const satisfies Record<string, Kind>;

export type Meaning = keyof typeof MEANING;

/** What a provider's word means; a word that it does not have means nothing. */
export const meaningIn = (words: Record<string, Meaning>, word: unknown): Meaning | undefined =>
  typeof word === "string" && Object.hasOwn(words, word) ? words[word] : undefined;

/** An event about a message of ours, if it is one. `id` comes back as it was given to the provider. */
export function eventOf(
  id: unknown,
  recipient: unknown,
  meaning: Meaning | undefined,
  reason: string | null = null,
): DeliveryEvent[] {
  if (!meaning || typeof id !== "string" || !/^[\w-]{1,80}$/.test(id)) return [];
  return [{ deliveryId: id, recipient: textOf(recipient), ...MEANING[meaning], ...(reason ? { reason } : {}) }];
}
