import { createPublicKey, verify } from "node:crypto";
import { parseJson } from "../../../shared/http.ts";
import type { SettingsOf } from "../../../shared/providers.ts";
import { isObject, textOf } from "../providers/api.ts";
import { type Callback, eventOf, FRESH_MS, isFresh, type Meaning, meaningIn, type Reader } from "./callback.ts";

const EVENTS: Record<string, Meaning> = {
  delivered: "delivered",
  open: "opened",
  click: "clicked",
  spamreport: "complaint",
  unsubscribe: "unsubscribe",
  group_unsubscribe: "unsubscribe",
};

/** SendGrid's signed event webhook: ECDSA (P-256, SHA-256) over the timestamp and the raw body; a batch of events. */
export const sendgridReader =
  ({ webhookPublicKey }: SettingsOf<"sendgrid">): Reader =>
  async (callback) => {
    if (!webhookPublicKey || !isSigned(callback, webhookPublicKey)) return null;
    const events = parseJson(callback.body);
    return (Array.isArray(events) ? events : [events])
      .filter(isObject)
      .flatMap((event) => eventOf(event.deliveryId, event.email, meaningOf(event), textOf(event.reason)));
  };

function isSigned({ headers, body, now }: Callback, publicKey: string): boolean {
  const timestamp = headers.get("x-twilio-email-event-webhook-timestamp");
  const signature = headers.get("x-twilio-email-event-webhook-signature") ?? "";
  if (!isFresh(timestamp, now, FRESH_MS)) return false;
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
    return verify("sha256", Buffer.from(timestamp + body), key, Buffer.from(signature, "base64"));
  } catch {
    // Neither a key nor a signature: nothing that could be authentic.
    return false;
  }
}

function meaningOf({ event, type, reason }: Record<string, unknown>): Meaning | undefined {
  // `blocked` is a bounce that says nothing about the address.
  if (event === "bounce") return type === "blocked" ? "softBounce" : "hardBounce";
  if (event === "dropped") return droppedFor(String(reason));
  return meaningIn(EVENTS, event);
}

/** Not even tried: the account's own lists say no. */
function droppedFor(reason: string): Meaning {
  if (/spam report/i.test(reason)) return "complaint";
  if (/^(bounced address|invalid)$/i.test(reason)) return "hardBounce";
  return "softBounce";
}
