import { parseJson } from "../../../shared/http.ts";
import type { CredentialsOf } from "../../../shared/providers.ts";
import { isObject } from "../providers/api.ts";
import { eventOf, isSame, type Meaning, meaningIn, type Reader, secretIn } from "./callback.ts";

/** Kinds of the event streams, and of the older webhooks of web push. */
const EVENTS: Record<string, Meaning> = {
  "message.push.received": "delivered",
  "message.push.clicked": "clicked",
  "message.push.failed": "softBounce",
  "message.push.unsubscribed": "unsubscribe",
  "notification.displayed": "delivered",
  "notification.clicked": "clicked",
};

/**
 * OneSignal signs nothing: the event stream carries the secret that the store has set, as basic auth or in a header. Its body
 * is the store's to write: `event.kind` and `message.name` as they are, or as `event` and `deliveryId`.
 */
export const onesignalReader =
  ({ webhookSecret }: CredentialsOf<"onesignal">): Reader =>
  async ({ headers, body }) => {
    if (!webhookSecret || !isSame(secretIn(headers), webhookSecret)) return null;
    const told = parseJson(body);
    if (!isObject(told)) return [];
    const { event, message, data, deliveryId } = told;
    const kind = isObject(event) ? event.kind : event;
    const id = deliveryId ?? (isObject(message) ? message.name : null) ?? (isObject(data) ? data.deliveryId : null);
    return eventOf(id, null, meaningIn(EVENTS, kind));
  };
