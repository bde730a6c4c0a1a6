/** Postmark's `POST /email` and its webhooks, which carry a secret instead of a signature. */
import { type Checker, isAddress, isMailbox, isText, jsonOf, ProviderServer, pairs } from "./server.ts";

export const SERVER_TOKEN = "postmark-server-token-of-the-test-c3d4";
export const WEBHOOK_SECRET = "postmark-webhook-secret";
const STREAMS = ["outbound", "recovery"];
const KNOWN = new Set(["From", "To", "Subject", "HtmlBody", "TextBody", "Headers", "Metadata", "MessageStream"]);

const no = (status: number, ErrorCode: number, Message: string) => ({ status, body: { ErrorCode, Message } });

const checker: Checker = {
  check(asked) {
    if (asked.path !== "/email" || asked.method !== "POST") return no(404, 404, "not found");
    if (asked.headers.accept !== "application/json") return no(406, 0, "The Accept header must be application/json");
    if (asked.headers["x-postmark-server-token"] !== SERVER_TOKEN)
      return no(401, 10, "Request does not contain a valid Server token.");
    const sent = jsonOf(asked);
    if (!sent) return no(415, 0, "Unsupported media type");
    const { From, To, Subject, HtmlBody = "", TextBody = "", Headers, Metadata, MessageStream } = sent;
    if (Object.keys(sent).some((name) => !KNOWN.has(name))) return no(422, 402, "Invalid JSON");
    if (!isMailbox(From)) return no(422, 300, "Invalid 'From' address.");
    if (!isAddress(To)) return no(422, 300, `Invalid 'To' address: '${To}'.`);
    if (!isText(Subject)) return no(422, 300, "Invalid 'Subject'.");
    if (!isText(HtmlBody) && !isText(TextBody))
      return no(422, 300, "Provide either email TextBody or HtmlBody or both.");
    if (!STREAMS.includes(String(MessageStream))) return no(422, 1235, "The 'MessageStream' does not exist.");
    const headers = pairs(Headers);
    if (!headers) return no(422, 300, "Invalid headers");
    const { deliveryId } = Metadata as Record<string, unknown>;
    if (!isText(deliveryId) || deliveryId.length > 80) return no(422, 300, "Invalid metadata");
    const [html, text] = [String(HtmlBody), String(TextBody)];
    return { to: To, from: From, subject: Subject, html, text, headers, deliveryId };
  },
  accept: (MessageID) => ({
    status: 200,
    body: { ErrorCode: 0, Message: "OK", MessageID, SubmittedAt: new Date().toISOString() },
  }),
};

export const postmarkServer = () => new ProviderServer(checker);

export const postmarkCallback = (event: Record<string, unknown>, secret = WEBHOOK_SECRET): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", authorization: `Basic ${btoa(`cartwake:${secret}`)}` },
  body: JSON.stringify(event),
});
