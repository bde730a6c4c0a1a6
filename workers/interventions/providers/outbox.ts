import type { PushTarget } from "../../../shared/events/types.ts";
import { hashOf } from "../../../shared/ids.ts";
import { type DeliveryMessage, messageOf, type Provider, type SendOutcome } from "./provider.ts";

/** The local default: the message is kept and shown in the dashboard's outbox instead of being sent. */
export class OutboxProvider implements Provider {
  readonly name = "outbox";
  readonly resumable = true;
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async send(message: DeliveryMessage): Promise<SendOutcome> {
    const { storeId, deliveryId, channel, recoveryUrl, unsubscribeUrl } = message;
    const { recipient, subject, html, text, imageUrl } = shown(message);
    try {
      await this.#db
        .prepare(
          `INSERT INTO outbox (store_id, delivery_id, at, channel, recipient, subject, html, text, image_url, recovery_url, unsubscribe_url)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        )
        .bind(
          ...[storeId, deliveryId, Date.now(), channel, recipient, subject, html, text, imageUrl],
          ...[recoveryUrl, unsubscribeUrl],
        )
        .run();
      return { kind: "sent" };
    } catch (error) {
      return { kind: "unknown", reason: messageOf(error) };
    }
  }
}

/** The columns of a message: a push's title is its subject, its body the text. */
function shown(message: DeliveryMessage) {
  switch (message.channel) {
    case "email":
      return { recipient: message.to, ...message, imageUrl: null };
    case "sms":
      return { recipient: message.to, subject: "", html: "", text: message.text, imageUrl: null };
    case "push": {
      const { target, title, body, imageUrl } = message;
      return { recipient: deviceName(target), subject: title, html: "", text: body, imageUrl };
    }
  }
}

/** A device as people may see it. Its endpoint or token is a credential: whoever has it can write to the device. */
function deviceName(target: PushTarget): string {
  switch (target.kind) {
    case "webpush":
      return `${hostOf(target.endpoint)} ${hashOf(target.endpoint).slice(0, 8)}`;
    case "fcm":
      return `fcm ${hashOf(target.token).slice(0, 8)}`;
    case "onesignal":
      return `onesignal ${hashOf(target.subscriptionId).slice(0, 8)}`;
  }
}

const hostOf = (endpoint: string): string => (URL.canParse(endpoint) ? new URL(endpoint).host : "nowhere");
