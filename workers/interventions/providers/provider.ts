/** The port every provider is spoken to through. */
import type { PushTarget } from "../../../shared/events/types.ts";

interface Outgoing {
  /** The idempotency key. */
  deliveryId: string;
  /** The trace it belongs to (W3C `traceparent`), for providers that are spoken to over HTTP. */
  traceparent?: string;
}

/** A mail as it goes out. */
export interface OutgoingMail extends Outgoing {
  channel: "email";
  from: { name: string; email: string };
  to: string;
  subject: string;
  html: string;
  text: string;
  headers: Record<string, string>;
}

export interface OutgoingSms extends Outgoing {
  channel: "sms";
  /** E.164. */
  to: string;
  text: string;
}

export interface OutgoingPush extends Outgoing {
  channel: "push";
  target: PushTarget;
  title: string;
  body: string;
  /** Where a tap leads. */
  url: string;
  imageUrl: string | null;
  /** For so long the push service keeps it for a device that is away. */
  ttlSeconds: number;
}

export type OutgoingMessage = OutgoingMail | OutgoingSms | OutgoingPush;

/** Of a delivery: whose it is, and what the outbox shows beside the message. */
export interface DeliveryPart {
  storeId: string;
  shopperId: string;
  recoveryUrl: string;
  unsubscribeUrl: string;
}

export type Mail = OutgoingMail & DeliveryPart;
/** The message of a delivery. */
export type DeliveryMessage = OutgoingMessage & DeliveryPart;

/** How a call ended. `refused`: surely not sent. `unknown`: the answer was lost; it is never sent again by itself. */
export type SendOutcome =
  | { kind: "sent"; messageId?: string }
  | {
      kind: "refused";
      reason: string;
      retryable: boolean;
      /** How long the provider wants to be left alone. */
      retryAfterMs?: number;
      /** What was wrong is the account, not the message: another provider may take it. */
      account?: true;
      /** Nothing will ever reach this number or device again: forget it, or write to it no more. With `account`: by this one. */
      gone?: true;
    }
  | { kind: "unknown"; reason: string };

export interface Provider {
  readonly name: string;
  /** Honours `deliveryId`: asking twice sends once, so that an unanswered call may be repeated. */
  readonly resumable: boolean;
  /** Never throws for what the other side says or fails to say. Takes the messages of its own channel only. */
  send(message: DeliveryMessage): Promise<SendOutcome>;
}

/** A provider that can send any message of its channel, whether it is a delivery's or not. */
export interface MessageProvider extends Provider {
  send(message: OutgoingMessage): Promise<SendOutcome>;
}

/** Phone numbers as E.164 writes them. */
export const PHONE_NUMBERS = /\+\d{6,15}/g;

/** What an error says. Servers repeat the recipient's address; who may see the reason may not see that. */
export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .slice(0, 300)
    .replace(/<?[^<>\s]{1,64}@[^<>\s]{1,255}>?/g, "<…>")
    .replace(PHONE_NUMBERS, "<…>")
    .trim();
