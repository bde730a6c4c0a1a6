import { parseJson } from "../../../shared/http.ts";
import type { CredentialsOf } from "../../../shared/providers.ts";
import { HOUR_MS } from "../../../shared/time.ts";
import { isObject, textOf } from "../providers/api.ts";
import { eventOf, isFresh, isHmac, type Meaning, meaningIn, type Reader } from "./callback.ts";

/** Repeated for eight hours, perhaps with the first signature. Within them a repeat changes nothing: events only move on. */
const TOLERANCE_MS = 9 * HOUR_MS;

const EVENTS: Record<string, Meaning> = {
  delivered: "delivered",
  opened: "opened",
  clicked: "clicked",
  complained: "complaint",
  unsubscribed: "unsubscribe",
  rejected: "softBounce",
};

/** Mailgun signs the timestamp and a token, not the event: HMAC-SHA256 in hexadecimal, inside the body. */
export const mailgunReader =
  ({ webhookSigningKey }: CredentialsOf<"mailgun">): Reader =>
  async ({ body, now }) => {
    const { signature: signed, "event-data": event } = objectIn(parseJson(body));
    if (!webhookSigningKey || !isObject(signed)) return null;
    const { timestamp, token, signature } = signed;
    if (!isFresh(String(timestamp), now, TOLERANCE_MS)) return null;
    const bytes = Buffer.from(String(signature), "hex");
    if (!(await isHmac(bytes, `${timestamp}${token}`, Buffer.from(webhookSigningKey)))) return null;
    if (!isObject(event)) return [];
    return eventOf(objectIn(event["user-variables"]).deliveryId, event.recipient, meaningOf(event), reasonOf(event));
  };

/** Failures for good that do not mean that the address is dead: tried for too long, blocked, or on the account's lists. */
const FAILURES: Record<string, Meaning> = {
  old: "softBounce",
  espblock: "softBounce",
  "suppress-complaint": "complaint",
  "suppress-unsubscribe": "unsubscribe",
};

/** A temporary failure is tried again by Mailgun. */
function meaningOf({ event, severity, reason }: Record<string, unknown>): Meaning | undefined {
  if (event === "failed") return severity === "permanent" ? (meaningIn(FAILURES, reason) ?? "hardBounce") : undefined;
  return meaningIn(EVENTS, event);
}

function reasonOf(event: Record<string, unknown>): string | null {
  const status = objectIn(event["delivery-status"]);
  return textOf(status.message) ?? textOf(status.description) ?? textOf(event.reason);
}

const objectIn = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {});
