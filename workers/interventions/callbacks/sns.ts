/** Messages of Amazon SNS: signed with a certificate that they name themselves, which must be Amazon's. */
import { verify, X509Certificate } from "node:crypto";
import { AppError } from "../../../shared/errors.ts";
import { log } from "../../../shared/log.ts";
import { HOUR_MS, SECOND_MS } from "../../../shared/time.ts";
import { withTimeout } from "../../../shared/timeout.ts";
import { textOf } from "../providers/api.ts";
import { isFresh } from "./callback.ts";

/** SNS repeats a message for an hour, as it was signed first. */
const TOLERANCE_MS = 2 * HOUR_MS;
const FETCH_MS = 5 * SECOND_MS;
const MAX_CACHED = 8;

const HOST = String.raw`https://sns\.[a-z\d-]{3,30}\.amazonaws\.com(?:\.cn)?`;
const CERTIFICATE = new RegExp(`^${HOST}/SimpleNotificationService-[\\da-zA-Z]{1,64}\\.pem$`);
const CONFIRMATION = new RegExp(`^${HOST}/\\?Action=ConfirmSubscription&[\\w=&:%.-]{1,2000}$`);

/** What the signature covers, by type, in this order. */
const SIGNED = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
  UnsubscribeConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
} as const;
export type SnsType = keyof typeof SIGNED;

const isType = (type: unknown): type is SnsType => typeof type === "string" && Object.hasOwn(SIGNED, type);

/** Where certificates may come from besides Amazon: the `endpoint` of a local or test deployment. */
export interface Trust {
  endpoint: string | undefined;
}

/** The type of a message that is authentic and of this topic; `null` otherwise. 503 when the certificate is out of reach. */
export async function verified(
  message: Record<string, unknown>,
  topicArn: string,
  now: number,
  trust: Trust,
): Promise<SnsType | null> {
  const { Type, TopicArn, Timestamp, SignatureVersion, Signature } = message;
  if (!isType(Type) || TopicArn !== topicArn || !isFresh(textOf(Timestamp), now, TOLERANCE_MS)) return null;
  const algorithm = SignatureVersion === "1" ? "RSA-SHA1" : SignatureVersion === "2" ? "RSA-SHA256" : null;
  const url = String(message.SigningCertURL);
  if (!algorithm || !allowed(url, CERTIFICATE, trust)) return null;
  const text = SIGNED[Type]
    .filter((name) => typeof message[name] === "string")
    .map((name) => `${name}\n${message[name]}\n`)
    .join("");
  const certificate = await certificateAt(url);
  if (Date.parse(certificate.validTo) < now || Date.parse(certificate.validFrom) > now) return null;
  try {
    const signature = Buffer.from(String(Signature), "base64");
    return verify(algorithm, Buffer.from(text), certificate.publicKey, signature) ? Type : null;
  } catch {
    // Not a signature of this kind of key.
    return null;
  }
}

/** Answers a `SubscriptionConfirmation`: from then on the topic sends its messages here. */
export async function confirm(message: Record<string, unknown>, trust: Trust): Promise<void> {
  const url = String(message.SubscribeURL);
  if (allowed(url, CONFIRMATION, trust)) await fetched(url);
  else log("warn", "sns_strange_address", { url: url.slice(0, 200) });
}

/** What Amazon says at this address. 503 when it does not: SNS sends its message again. */
async function fetched(url: string): Promise<string> {
  try {
    const response = await withTimeout(fetch(url, { redirect: "manual" }), FETCH_MS, "sns");
    const text = await withTimeout(response.text(), FETCH_MS, "sns");
    if (!response.ok) throw new Error(`sns: ${response.status}`);
    return text;
  } catch (error) {
    log("warn", "sns_unavailable", { error });
    throw new AppError("SERVICE_UNAVAILABLE", "Amazon SNS could not be asked.");
  }
}

const allowed = (url: string, amazon: RegExp, { endpoint }: Trust): boolean =>
  amazon.test(url) || (endpoint !== undefined && URL.canParse(url) && new URL(url).origin === new URL(endpoint).origin);

const certificates = new Map<string, X509Certificate>();

async function certificateAt(url: string): Promise<X509Certificate> {
  const known = certificates.get(url);
  if (known) return known;
  const certificate = new X509Certificate(await fetched(url));
  if (certificates.size >= MAX_CACHED) certificates.clear();
  certificates.set(url, certificate);
  return certificate;
}
