/** The port every provider is spoken to through. */

/** A mail as it goes out. */
export interface OutgoingMail {
  /** The idempotency key. */
  deliveryId: string;
  from: { name: string; email: string };
  to: string;
  subject: string;
  html: string;
  text: string;
  headers: Record<string, string>;
  /** The trace it belongs to (W3C `traceparent`), for providers that are spoken to over HTTP. */
  traceparent?: string;
}

/** The mail of a delivery, with what the outbox shows beside it. */
export interface Mail extends OutgoingMail {
  storeId: string;
  recoveryUrl: string;
  unsubscribeUrl: string;
}

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
    }
  | { kind: "unknown"; reason: string };

export interface Provider {
  readonly name: string;
  /** Honours `deliveryId`: asking twice sends once, so that an unanswered call may be repeated. */
  readonly resumable: boolean;
  /** Never throws for what the other side says or fails to say. */
  send(mail: Mail): Promise<SendOutcome>;
}

/** A provider that can send any mail. */
export interface MessageProvider extends Provider {
  send(mail: OutgoingMail): Promise<SendOutcome>;
}

/** What an error says. Servers repeat the recipient's address; who may see the reason may not see that. */
export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .slice(0, 300)
    .replace(/<?[^<>\s]{1,64}@[^<>\s]{1,255}>?/g, "<…>")
    .trim();
