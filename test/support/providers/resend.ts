/** Resend's `POST /emails` with idempotency keys, and its webhooks, signed as Svix signs. */
import { createHmac } from "node:crypto";
import { type Checker, isAddress, isMailbox, isText, jsonOf, lower, ProviderServer } from "./server.ts";

export const API_KEY = "re_resend_key_of_the_test_e5f6";
const SECRET = Buffer.from("resend signs with these bytes!!!");
export const WEBHOOK_SECRET = `whsec_${SECRET.toString("base64")}`;
const KNOWN = new Set(["from", "to", "subject", "html", "text", "headers", "tags"]);

const no = (statusCode: number, name: string, message: string) => ({
  status: statusCode,
  body: { statusCode, name, message },
});

/** Remembers the keys of what it took, as the real one does for a day. */
export function resendServer(): ProviderServer {
  const checker: Checker = {
    check(asked) {
      if (asked.path !== "/emails" || asked.method !== "POST") return no(404, "not_found", "not found");
      if (asked.headers.authorization === undefined) return no(401, "missing_api_key", "Missing API key");
      if (asked.headers.authorization !== `Bearer ${API_KEY}`) return no(403, "invalid_api_key", "API key is invalid");
      const key = asked.headers["idempotency-key"];
      if (!key || key.length > 256) return no(400, "invalid_idempotency_key", "The key must be 1 to 256 characters");
      const sent = jsonOf(asked);
      if (!sent) return no(422, "validation_error", "Unsupported media type");
      const { from, to, subject, html = "", text = "", headers = {}, tags } = sent;
      const [first, ...more] = Array.isArray(to) ? to : [to];
      if (Object.keys(sent).some((name) => !KNOWN.has(name))) return no(422, "validation_error", "unknown field");
      if (!isMailbox(from)) return no(422, "validation_error", "Invalid `from` field.");
      if (!isAddress(first) || more.length > 0) return no(422, "validation_error", "Invalid `to` field.");
      if (!isText(subject)) return no(422, "missing_required_field", "Missing `subject` field.");
      if (!isText(html) && !isText(text)) return no(422, "missing_required_field", "Missing `html` or `text` field.");
      const [tag] = tags as { name?: unknown; value?: unknown }[];
      if (!/^[\w-]{1,256}$/.test(String(tag?.value))) return no(422, "validation_error", "Tags are ASCII letters");
      if (server.taken.some((mail) => mail.asked.headers["idempotency-key"] === key))
        return no(409, "invalid_idempotent_request", "Same idempotency key used with a different request payload.");
      const own = lower(headers as Record<string, string>);
      const parts = { html: String(html), text: String(text) };
      return { to: first, from, subject, ...parts, headers: own, deliveryId: String(tag?.value) };
    },
    accept: (id) => ({ status: 200, body: { id } }),
  };
  const server = new ProviderServer(checker);
  return server;
}

export function resendCallback(event: Record<string, unknown>, at = Date.now(), secret = SECRET): RequestInit {
  const body = JSON.stringify(event);
  const id = `msg_${at}`;
  const timestamp = String(Math.floor(at / 1000));
  const signature = createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "svix-id": id,
      "svix-timestamp": timestamp,
      "svix-signature": `v1,${btoa("another secret's signature......")} v1,${signature}`,
    },
    body,
  };
}
