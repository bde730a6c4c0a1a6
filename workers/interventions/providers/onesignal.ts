import { hashOf } from "../../../shared/ids.ts";
import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { type ApiReply, isObject, jsonHeaders, type MessageApi, textOf, Unsendable } from "./api.ts";
import type { OutgoingPush } from "./provider.ts";

const HOST = "https://api.onesignal.com";
/** The longest time to live: 28 days. */
const MAX_TTL_SECONDS = 2_419_200;

/** OneSignal, `POST /notifications`: honours `idempotency_key`; says with 200 that nobody was there to be written to. */
export function onesignal(
  settings: SettingsOf<"onesignal">,
  { apiKey }: CredentialsOf<"onesignal">,
): MessageApi<OutgoingPush> {
  return {
    kind: "onesignal",
    channel: "push",
    resumable: true,
    request: ({ target, title, body, url, imageUrl, ttlSeconds, deliveryId }) => {
      if (target.kind !== "onesignal") throw new Unsendable("the device is not OneSignal's");
      return {
        url: `${settings.endpoint ?? HOST}/notifications`,
        headers: { ...jsonHeaders, authorization: `Key ${apiKey}` },
        body: JSON.stringify({
          app_id: settings.appId,
          target_channel: "push",
          include_subscription_ids: [target.subscriptionId],
          // Without `en` nothing is sent, whatever the language.
          headings: { en: title },
          contents: { en: body },
          url,
          ...(imageUrl
            ? { big_picture: imageUrl, chrome_web_image: imageUrl, ios_attachments: { image: imageUrl } }
            : {}),
          ttl: Math.min(ttlSeconds, MAX_TTL_SECONDS),
          // Its events say the name again.
          name: deliveryId,
          data: { deliveryId },
          idempotency_key: uuidOf(deliveryId),
        }),
      };
    },
    messageId: ({ body }) => textOf(body.id),
    reason: ({ body }) => errorsOf(body).join("; ") || "refused",
    isGone: ({ status, body }) =>
      status === 200 && !textOf(body.id) && errorsOf(body).some((error) => GONE.test(error)),
  };
}

const GONE = /^invalid_player_ids$|not subscribed/i;

/** Texts, or the names of lists of ids. */
function errorsOf({ errors }: ApiReply["body"]): string[] {
  if (Array.isArray(errors)) return errors.map((error) => (isObject(error) ? String(error.title) : String(error)));
  return isObject(errors) ? Object.keys(errors) : [];
}

/** The delivery's id in the form the API wants: a UUID (version 4 by its looks). */
function uuidOf(deliveryId: string): string {
  const bytes = Buffer.from(hashOf(`onesignal\n${deliveryId}`), "base64url").subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
