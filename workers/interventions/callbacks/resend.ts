import { parseJson } from "../../../shared/http.ts";
import type { CredentialsOf } from "../../../shared/providers.ts";
import { isObject, textOf } from "../providers/api.ts";
import { type Callback, eventOf, FRESH_MS, isFresh, isHmac, type Meaning, meaningIn, type Reader } from "./callback.ts";

const EVENTS: Record<string, Meaning> = {
  "email.delivered": "delivered",
  "email.opened": "opened",
  "email.clicked": "clicked",
  "email.complained": "complaint",
  "email.failed": "softBounce",
};

/** Resend signs by Standard Webhooks (Svix): HMAC-SHA256 over id, timestamp and raw body; the secret is base64. */
export const resendReader =
  ({ webhookSecret }: CredentialsOf<"resend">): Reader =>
  async (callback) => {
    if (!webhookSecret || !(await isSigned(callback, webhookSecret))) return null;
    const event = parseJson(callback.body);
    if (!isObject(event) || !isObject(event.data)) return [];
    const { tags, to, bounce } = event.data;
    const permanent = isObject(bounce) && bounce.type === "Permanent";
    const meaning =
      event.type === "email.bounced" ? (permanent ? "hardBounce" : "softBounce") : meaningIn(EVENTS, event.type);
    return eventOf(
      deliveryIn(tags),
      Array.isArray(to) ? to[0] : to,
      meaning,
      isObject(bounce) ? textOf(bounce.message) : null,
    );
  };

async function isSigned({ headers, body, now }: Callback, secret: string): Promise<boolean> {
  const header = (name: string) => headers.get(`svix-${name}`) ?? headers.get(`webhook-${name}`);
  const timestamp = header("timestamp");
  if (!isFresh(timestamp, now, FRESH_MS)) return false;
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const text = `${header("id")}.${timestamp}.${body}`;
  // While a secret is being replaced there are two signatures.
  const signatures = (header("signature") ?? "").split(" ").filter((part) => part.startsWith("v1,"));
  const checks = signatures.slice(0, 5).map((part) => isHmac(Buffer.from(part.slice(3), "base64"), text, key));
  return (await Promise.all(checks)).includes(true);
}

/** Tags come back as an object; as a list they are what was sent. */
function deliveryIn(tags: unknown): unknown {
  if (Array.isArray(tags)) return tags.filter(isObject).find((tag) => tag.name === "deliveryId")?.value;
  return isObject(tags) ? tags.deliveryId : null;
}
