import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { SECOND_MS } from "../../../shared/time.ts";
import { type ApiReply, isObject, jsonHeaders, type MessageApi, textOf, Unsendable } from "./api.ts";
import { accessToken, forgetToken } from "./google-token.ts";
import type { OutgoingPush } from "./provider.ts";

const HOST = "https://fcm.googleapis.com";
const TOKEN_URL = "https://oauth2.googleapis.com/token";
/** The longest time to live: four weeks. */
const MAX_TTL_SECONDS = 2_419_200;

/** Firebase Cloud Messaging, HTTP v1: `POST /v1/projects/{id}/messages:send` as a service account. */
export function fcm(
  { endpoint, projectId }: SettingsOf<"fcm">,
  account: CredentialsOf<"fcm">,
  timeoutMs: number,
): MessageApi<OutgoingPush> {
  const tokenUrl = endpoint ? `${endpoint}/token` : TOKEN_URL;
  return {
    kind: "fcm",
    channel: "push",
    resumable: false,
    request: async (message) => ({
      url: `${endpoint ?? HOST}/v1/projects/${projectId}/messages:send`,
      headers: { ...jsonHeaders, authorization: `Bearer ${await accessToken(account, tokenUrl, timeoutMs)}` },
      body: JSON.stringify({ message: messageOf(message, Date.now()) }),
    }),
    messageId: ({ body }) => textOf(body.name),
    reason: (reply) => `${codeOf(reply)} ${textOf(errorOf(reply).message) ?? "refused"}`.trim(),
    isGone: (reply) =>
      codeOf(reply) === "UNREGISTERED" ||
      (reply.status === 400 && /registration token/i.test(String(errorOf(reply).message))),
    isForeign: (reply) => codeOf(reply) === "SENDER_ID_MISMATCH",
    special: ({ status }) => {
      if (status === 401) forgetToken(account, tokenUrl);
      return null;
    },
  };
}

function messageOf({ target, title, body, url, imageUrl, ttlSeconds, deliveryId }: OutgoingPush, now: number) {
  if (target.kind !== "fcm") throw new Unsendable("the device is not FCM's");
  const ttl = Math.min(ttlSeconds, MAX_TTL_SECONDS);
  return {
    token: target.token,
    notification: { title, body, ...(imageUrl ? { image: imageUrl } : {}) },
    data: { url, deliveryId },
    android: { ttl: `${ttl}s` },
    apns: { headers: { "apns-expiration": String(Math.floor(now / SECOND_MS) + ttl) } },
    webpush: { headers: { TTL: String(ttl) }, ...(url.startsWith("https:") ? { fcm_options: { link: url } } : {}) },
  };
}

const errorOf = ({ body }: ApiReply): Record<string, unknown> => (isObject(body.error) ? body.error : {});

/** FCM's own code, else that of all Google APIs. */
function codeOf(reply: ApiReply): string {
  const { details, status } = errorOf(reply);
  const own: unknown[] = Array.isArray(details) ? details.filter(isObject).map((detail) => detail.errorCode) : [];
  return own.map(textOf).find((code) => code !== null) ?? textOf(status) ?? "";
}
