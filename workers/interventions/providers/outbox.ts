import { type Mail, messageOf, type Provider, type SendOutcome } from "./provider.ts";

/** The local default: the message is kept and shown in the dashboard's outbox instead of being sent. */
export class OutboxProvider implements Provider {
  readonly name = "outbox";
  readonly resumable = true;
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async send(mail: Mail): Promise<SendOutcome> {
    try {
      await this.#db
        .prepare(
          `INSERT INTO outbox (store_id, delivery_id, at, recipient, subject, html, text, recovery_url, unsubscribe_url)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        )
        .bind(
          mail.storeId,
          mail.deliveryId,
          Date.now(),
          mail.to,
          mail.subject,
          mail.html,
          mail.text,
          mail.recoveryUrl,
          mail.unsubscribeUrl,
        )
        .run();
      return { kind: "sent" };
    } catch (error) {
      return { kind: "unknown", reason: messageOf(error) };
    }
  }
}
