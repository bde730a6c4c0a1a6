import { parseJson } from "../../../shared/http.ts";
import type { SettingsOf } from "../../../shared/providers.ts";
import { isObject, textOf } from "../providers/api.ts";
import { type DeliveryEvent, eventOf, type Meaning, meaningIn, type Reader } from "./callback.ts";
import { confirm, verified } from "./sns.ts";

const EVENTS: Record<string, Meaning> = {
  Delivery: "delivered",
  Open: "opened",
  Click: "clicked",
  Complaint: "complaint",
  Reject: "softBounce",
  Subscription: "unsubscribe",
};

/** SES publishes the events of a configuration set to an SNS topic; who else has a topic must not speak for this one. */
export const sesReader =
  ({ topicArn, endpoint }: SettingsOf<"ses">): Reader =>
  async ({ body, now }) => {
    const message = parseJson(body);
    if (!topicArn || !isObject(message)) return null;
    const type = await verified(message, topicArn, now, { endpoint });
    if (type === "SubscriptionConfirmation") await confirm(message, { endpoint });
    if (type !== "Notification") return type && [];
    return eventsIn(String(message.Message));
  };

/** What a notification carries is JSON; SES also sends a plain line once, to say that it may. */
function eventsIn(text: string): DeliveryEvent[] {
  if (!text.startsWith("{")) return [];
  const event = parseJson(text);
  if (!isObject(event) || !isObject(event.mail) || !isObject(event.mail.tags)) return [];
  const { deliveryId } = event.mail.tags;
  const { destination } = event.mail;
  const bounce = isObject(event.bounce) ? event.bounce : {};
  const permanent = bounce.bounceType === "Permanent";
  const meaning =
    event.eventType === "Bounce" ? (permanent ? "hardBounce" : "softBounce") : meaningIn(EVENTS, event.eventType);
  return eventOf(first(deliveryId), first(destination), meaning, textOf(bounce.bounceSubType));
}

const first = (list: unknown): unknown => (Array.isArray(list) ? list[0] : null);
