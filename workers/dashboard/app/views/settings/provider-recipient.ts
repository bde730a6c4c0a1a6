/** Whom a test goes to: an address, a number, or a device as its push service names it. Pure. */
import { Problem } from "../../api/http.ts";
import type { Provider, TestRecipient } from "../../api/providers.ts";

interface Asked {
  label: string;
  type: "email" | "text";
  recipient: (text: string) => TestRecipient;
}

export function recipientOf({ kind, channel }: Pick<Provider, "kind" | "channel">): Asked {
  if (channel === "email") return { label: "Send a test to", type: "email", recipient: (to) => ({ to }) };
  if (channel === "sms") return { label: "Send a test to the number", type: "text", recipient: (to) => ({ to }) };
  if (kind === "webpush") return { label: "The browser’s subscription (JSON)", type: "text", recipient: subscription };
  if (kind === "fcm")
    return { label: "The device’s token", type: "text", recipient: (token) => ({ target: { kind, token } }) };
  return {
    label: "The subscription’s id",
    type: "text",
    recipient: (subscriptionId) => ({ target: { kind, subscriptionId } }),
  };
}

/** As `JSON.stringify(await registration.pushManager.getSubscription())` shows it in the browser. */
function subscription(text: string): TestRecipient {
  const { endpoint, keys } = parsed(text);
  if (typeof endpoint !== "string" || typeof keys?.p256dh !== "string" || typeof keys.auth !== "string")
    throw new Problem({
      status: 400,
      code: "VALIDATION_ERROR",
      title: "This is no push subscription",
      detail: "It must be JSON with endpoint, keys.p256dh and keys.auth.",
    });
  return { target: { kind: "webpush", endpoint, p256dh: keys.p256dh, auth: keys.auth } };
}

function parsed(text: string): { endpoint?: unknown; keys?: { p256dh?: unknown; auth?: unknown } | null } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
