/** Devices that push messages go to, as they come from outside: everything in them is a stranger's. Pure. */
import * as z from "zod";
import { fromBase64url } from "./ids.ts";
import { isPublicHttps } from "./public-url.ts";

/** The services behind the browsers, by the ends of their hosts' names. */
const SERVICES = {
  google: ["fcm.googleapis.com", "android.googleapis.com", "jmt17.google.com"],
  mozilla: ["push.services.mozilla.com"],
  apple: ["push.apple.com"],
  microsoft: ["notify.windows.com"],
} as const;
export type PushService = keyof typeof SERVICES | "other";

const isUnder = (host: string, end: string): boolean => host === end || host.endsWith(`.${end}`);

/** Which service an endpoint belongs to. Who names an endpoint of their own fails, and is failed, apart from these. */
export function pushServiceOf(endpoint: string): PushService {
  const host = URL.canParse(endpoint) ? new URL(endpoint).hostname : "";
  const known = Object.entries(SERVICES).find(([, ends]) => ends.some((end) => isUnder(host, end)));
  return (known?.[0] as PushService | undefined) ?? "other";
}

/**
 * Whether the Worker may post to this address, which anybody may have made up: only in public. `loopback`: local and test
 * deployments also speak to their own machine.
 */
export function isPushEndpoint(endpoint: string, loopback: boolean): boolean {
  if (endpoint.length > 1000) return false;
  return isPublicHttps(endpoint) || (loopback && /^http:\/\/127\.0\.0\.1(:\d{1,5})?\//.test(endpoint));
}

const bytesOf = (length: number, first?: number) => (text: string) => {
  const bytes = fromBase64url(text.replace(/=+$/, ""));
  return bytes?.length === length && (first === undefined || bytes[0] === first);
};

/** A device. `endpoint` is checked for its form only: where it may lead is `isPushEndpoint`'s to say. */
export const pushTargetSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("webpush"),
    endpoint: z.url({ protocol: /^https?$/ }).max(1000),
    p256dh: z.string().max(100).refine(bytesOf(65, 4), "must be an uncompressed P-256 point in base64url"),
    auth: z.string().max(30).refine(bytesOf(16), "must be 16 bytes in base64url"),
  }),
  z.strictObject({ kind: z.literal("fcm"), token: z.string().regex(/^[\w:.-]{20,1000}$/) }),
  z.strictObject({ kind: z.literal("onesignal"), subscriptionId: z.uuid() }),
]);
