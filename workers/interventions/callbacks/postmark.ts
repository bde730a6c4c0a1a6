import { parseJson } from "../../../shared/http.ts";
import type { CredentialsOf } from "../../../shared/providers.ts";
import { isObject, textOf } from "../providers/api.ts";
import { eventOf, isSame, type Meaning, meaningIn, type Reader, secretIn } from "./callback.ts";

const EVENTS: Record<string, Meaning> = {
  Delivery: "delivered",
  Open: "opened",
  Click: "clicked",
  SpamComplaint: "complaint",
};

/** Types of bounces after which Postmark itself writes to the address no more. */
const HARD = new Set(["HardBounce", "BadEmailAddress", "ManuallyDeactivated"]);
/** It may still arrive. */
const PENDING = new Set([
  "Transient",
  "AutoResponder",
  "DnsError",
  "AddressChange",
  "VirusNotification",
  "OpenRelayTest",
]);

const SUPPRESSIONS: Record<string, Meaning> = {
  HardBounce: "hardBounce",
  SpamComplaint: "complaint",
  ManualSuppression: "unsubscribe",
};

/** Postmark signs nothing: the callback carries the secret that the store has set, as basic auth or in a header. */
export const postmarkReader =
  ({ webhookSecret }: CredentialsOf<"postmark">): Reader =>
  async ({ headers, body }) => {
    if (!webhookSecret || !isSame(secretIn(headers), webhookSecret)) return null;
    const event = parseJson(body);
    if (!isObject(event) || !isObject(event.Metadata)) return [];
    return eventOf(
      event.Metadata.deliveryId,
      event.Recipient ?? event.Email,
      meaningOf(event),
      textOf(event.Description),
    );
  };

function meaningOf({ RecordType, Type, SuppressSending, SuppressionReason }: Record<string, unknown>) {
  if (RecordType === "SubscriptionChange")
    return SuppressSending === true ? meaningIn(SUPPRESSIONS, SuppressionReason) : undefined;
  if (RecordType !== "Bounce") return meaningIn(EVENTS, RecordType);
  const type = String(Type);
  if (type === "SpamComplaint" || type === "SpamNotification") return "complaint";
  if (type === "Unsubscribe") return "unsubscribe";
  if (PENDING.has(type)) return undefined;
  return HARD.has(type) ? "hardBounce" : "softBounce";
}
