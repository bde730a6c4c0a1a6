/** Mailgun's `POST /v3/{domain}/messages` and its webhooks, whose signature stands in the body. */
import { createHmac, randomBytes } from "node:crypto";
import { type Checker, isAddress, isMailbox, isText, ProviderServer } from "./server.ts";

export const API_KEY = "mailgun-key-of-the-test-g7h8";
export const DOMAIN = "mg.kiln.example";
export const SIGNING_KEY = "mailgun-signing-key";

const no = (status: number, message: string) => ({ status, body: { message } });

const checker: Checker = {
  async check(asked) {
    const authorized = `Basic ${Buffer.from(`api:${API_KEY}`).toString("base64")}`;
    if (asked.headers.authorization !== authorized) return no(401, "Forbidden");
    if (asked.path !== `/v3/${DOMAIN}/messages` || asked.method !== "POST") return no(404, "Domain not found");
    const type = asked.headers["content-type"] ?? "";
    if (!type.startsWith("multipart/form-data; boundary=")) return no(400, "unsupported content type");
    const form = await new Response(new Uint8Array(asked.body), { headers: { "content-type": type } }).formData();
    const field = (name: string) => String(form.get(name) ?? "");
    const [from, to, subject] = [field("from"), field("to"), field("subject")];
    if (!isMailbox(from)) return no(400, "from parameter is not a valid address. please check documentation");
    if (!isAddress(to)) return no(400, "to parameter is not a valid address. please check documentation");
    if (!isText(field("text")) && !isText(field("html"))) return no(400, "Need at least one of 'text' or 'html'");
    const headers: Record<string, string> = {};
    for (const [name, value] of form) if (name.startsWith("h:")) headers[name.slice(2).toLowerCase()] = String(value);
    const deliveryId = field("v:deliveryId");
    return { to, from, subject, html: field("html"), text: field("text"), headers, deliveryId };
  },
  accept: (id) => ({ status: 200, body: { id: `<${id}@${DOMAIN}>`, message: "Queued. Thank you." } }),
};

export const mailgunServer = () => new ProviderServer(checker);

export function mailgunCallback(event: Record<string, unknown>, at = Date.now(), key = SIGNING_KEY): RequestInit {
  const timestamp = String(Math.floor(at / 1000));
  const token = randomBytes(25).toString("hex");
  const signature = createHmac("sha256", key)
    .update(timestamp + token)
    .digest("hex");
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ signature: { timestamp, token, signature }, "event-data": event }),
  };
}
