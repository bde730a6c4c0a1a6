/** The port every provider is spoken to through. */

export interface Mail {
  storeId: string;
  /** The idempotency key. */
  deliveryId: string;
  from: { name: string; email: string };
  to: string;
  subject: string;
  html: string;
  text: string;
  recoveryUrl: string;
  unsubscribeUrl: string;
  headers: Record<string, string>;
}

/** How a call ended. `refused`: surely not sent. `unknown`: the answer was lost; it is never sent again by itself. */
export type SendOutcome =
  | { kind: "sent" }
  | { kind: "refused"; reason: string; retryable: boolean }
  | { kind: "unknown"; reason: string };

export interface Provider {
  readonly name: string;
  /** Honours `deliveryId`: asking twice sends once, so that an unanswered call may be repeated. */
  readonly resumable: boolean;
  /** Never throws for what the other side says or fails to say. */
  send(mail: Mail): Promise<SendOutcome>;
}

export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 300);
