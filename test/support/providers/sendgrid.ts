/** SendGrid v3 `mail/send` and its signed event webhook. */
import { createSign, generateKeyPairSync } from "node:crypto";
import { type Asked, type Checker, isAddress, isText, jsonOf, lower, ProviderServer, type Taken } from "./server.ts";

export const API_KEY = "SG.sendgrid-key-of-the-test-a1b2";

const no = (status: number, message: string, field: string | null = null) => ({
  status,
  body: { errors: [{ message, field, help: null }] },
});

interface Sent {
  personalizations?: { to?: { email?: string }[]; custom_args?: Record<string, unknown> }[];
  from?: { email?: string; name?: string };
  subject?: string;
  content?: { type?: string; value?: string }[];
  headers?: Record<string, string>;
}
const KNOWN = new Set(["personalizations", "from", "subject", "content", "headers"]);
const RESERVED =
  /^(x-sg-id|received|dkim-signature|content-type|content-transfer-encoding|to|from|subject|reply-to|cc|bcc)$/i;

const checker: Checker = {
  check(asked: Asked): Taken | ReturnType<typeof no> {
    if (asked.path !== "/v3/mail/send" || asked.method !== "POST") return no(404, "not found");
    if (asked.headers.authorization !== `Bearer ${API_KEY}`)
      return no(401, "The provided authorization grant is invalid, expired, or revoked");
    const sent = jsonOf(asked) as Sent | null;
    if (!sent) return no(415, "Content-Type should be application/json.");
    const unknown = Object.keys(sent).find((name) => !KNOWN.has(name));
    if (unknown) return no(400, "Additional property not allowed", unknown);
    const { personalizations = [], from, subject, content = [], headers = {} } = sent;
    const [first] = personalizations;
    const to = first?.to?.[0]?.email;
    if (!isAddress(to)) return no(400, "The to array is required for all personalization objects", "personalizations");
    if (!isAddress(from?.email)) return no(400, "The from object must be provided", "from");
    if (!isText(subject)) return no(400, "The subject is required", "subject");
    const types = content.map(({ type }) => type);
    if (content.length === 0 || content.some(({ value }) => !isText(value))) return no(400, "content", "content");
    if (types.indexOf("text/plain") > 0)
      return no(400, "If present, text/plain must be first, then text/html", "content");
    if (Object.values(first?.custom_args ?? {}).some((value) => typeof value !== "string"))
      return no(400, "custom_args");
    if (Object.keys(headers).some((name) => RESERVED.test(name))) return no(400, "The header is reserved", "headers");
    const part = (type: string) => content.find((c) => c.type === type)?.value ?? "";
    return {
      to,
      from: `${from.name ?? ""} <${from.email}>`,
      subject,
      html: part("text/html"),
      text: part("text/plain"),
      headers: lower(headers),
      deliveryId: String(first?.custom_args?.deliveryId),
    };
  },
  accept: (id) => ({ status: 202, headers: { "x-message-id": id } }),
};

export const sendgridServer = () => new ProviderServer(checker);

const keys = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
/** What the store enters as `webhookPublicKey`. */
export const PUBLIC_KEY = keys.publicKey.export({ format: "der", type: "spki" }).toString("base64");

/** A batch of events as SendGrid posts it; `at`: when it was signed. */
export function sendgridCallback(events: Record<string, unknown>[], at = Date.now()): RequestInit {
  const body = JSON.stringify(events);
  const timestamp = String(Math.floor(at / 1000));
  const signature = createSign("sha256")
    .update(timestamp + body)
    .sign(keys.privateKey, "base64");
  return {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-twilio-email-event-webhook-signature": signature,
      "x-twilio-email-event-webhook-timestamp": timestamp,
    },
    body,
  };
}
