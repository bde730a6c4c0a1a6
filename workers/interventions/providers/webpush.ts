import { SignJWT } from "jose";
import type { PushTarget } from "../../../shared/events/types.ts";
import { hashOf } from "../../../shared/ids.ts";
import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { isPushEndpoint } from "../../../shared/push-target.ts";
import { vapidSigner } from "../../../shared/vapid.ts";
import { type ApiReply, isObject, type MessageApi, textOf, Unsendable } from "./api.ts";
import type { OutgoingPush } from "./provider.ts";
import { encryptPush, MAX_PUSH_BYTES, newEphemeral } from "./push-encryption.ts";

/** The longest time to live that services keep to: four weeks. */
const MAX_TTL_SECONDS = 2_419_200;
/** Of the signature; RFC 8292 allows a day. */
const SIGNED_FOR = "12h";

type Target = Extract<PushTarget, { kind: "webpush" }>;

/**
 * Web Push (RFC 8030), to whatever service the browser named, encrypted for it (RFC 8291) and signed by the store
 * (RFC 8292). `loopback`: may be on this machine.
 */
export function webpush(
  settings: SettingsOf<"webpush">,
  { privateKey }: CredentialsOf<"webpush">,
  loopback: boolean,
): MessageApi<OutgoingPush> {
  return {
    kind: "webpush",
    channel: "push",
    resumable: false,
    request: async (message) => {
      const { target } = message;
      if (target.kind !== "webpush") throw new Unsendable("the device is no browser");
      if (!isPushEndpoint(target.endpoint, loopback))
        throw new Unsendable("the endpoint is not a public address", { gone: true });
      return {
        url: target.endpoint,
        headers: {
          authorization: await vapid(target.endpoint, settings, privateKey ?? ""),
          ttl: String(Math.min(message.ttlSeconds, MAX_TTL_SECONDS)),
          // Sent again, it takes the place of one that still waits.
          topic: hashOf(message.deliveryId).slice(0, 32),
          urgency: "normal",
          "content-encoding": "aes128gcm",
          "content-type": "application/octet-stream",
        },
        body: await sealed(message, target),
      };
    },
    messageId: ({ status, headers }) => (status === 201 || status === 202 ? idIn(headers) : null),
    reason: reasonOf,
    isGone: ({ status }) => status === 404 || status === 410,
    isForeign: ({ status, text }) => isRefusal(status) && ANOTHERS.test(text),
  };
}

/** The subscription was made with another key than this provider's. */
const ANOTHERS = /do not correspond|mismatch/i;
const isRefusal = (status: number): boolean => status === 400 || status === 401 || status === 403;

async function vapid(endpoint: string, { subject, publicKey }: SettingsOf<"webpush">, privateKey: string) {
  const key = await vapidSigner({ publicKey: publicKey ?? "", privateKey });
  if (!key) throw new Unsendable("the provider's key pair is not whole", { account: true });
  const token = await new SignJWT()
    .setProtectedHeader({ alg: "ES256", typ: "JWT" })
    .setAudience(new URL(endpoint).origin)
    .setSubject(subject)
    .setExpirationTime(SIGNED_FOR)
    .sign(key);
  return `vapid t=${token}, k=${publicKey}`;
}

/** What the shop's service worker gets. The picture stays behind when there is no room for it. */
async function sealed({ title, body, url, imageUrl, deliveryId }: OutgoingPush, target: Target): Promise<Uint8Array> {
  const bytes = (image: string | null) =>
    new TextEncoder().encode(JSON.stringify({ title, body, url, imageUrl: image, deliveryId }));
  const plain = bytes(imageUrl).length > MAX_PUSH_BYTES ? bytes(null) : bytes(imageUrl);
  if (plain.length > MAX_PUSH_BYTES) throw new Unsendable(`longer than ${MAX_PUSH_BYTES} bytes`);
  try {
    return await encryptPush(plain, target, await newEphemeral());
  } catch {
    // Not a point of the curve: no browser made this subscription.
    throw new Unsendable("the subscription's keys are none", { gone: true });
  }
}

/** Services name a message by its address, or in a header of their own; some by nothing. */
function idIn(headers: Headers): string {
  const name = headers.get("location") ?? headers.get("apns-id") ?? headers.get("x-wns-msg-id") ?? "";
  return /[\w.:%=~-]{1,100}$/.exec(name)?.[0] ?? "accepted";
}

/** Apple says `reason`, Mozilla `message`, Google a line of text. */
function reasonOf({ body, text }: ApiReply): string {
  const said = isObject(body) && (textOf(body.reason) ?? textOf(body.message));
  return said || text.replace(/<[^>]*>/g, " ").trim() || "refused";
}
