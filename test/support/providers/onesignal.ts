/** OneSignal's `POST /notifications`, with idempotency keys, and its event stream. */
import { type Checker, isText, jsonOf, ProviderServer } from "./server.ts";

export const APP_ID = "6f1b2c3d-0000-4000-8000-000000000001";
export const API_KEY = "os_v2_app_key_of_the_test_v1w2";
export const WEBHOOK_SECRET = "onesignal-stream-secret";
const UUID = /^[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const UUID_V4 = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const KNOWN = new Set([
  ...["app_id", "target_channel", "include_subscription_ids", "headings", "contents", "url", "ttl", "name", "data"],
  ...["idempotency_key", "big_picture", "chrome_web_image", "ios_attachments"],
]);

const no = (status: number, ...errors: string[]) => ({ status, body: { errors } });

export function onesignalServer(): ProviderServer {
  const checker: Checker = {
    check(asked) {
      if (asked.path !== "/notifications" || asked.method !== "POST") return no(404, "not found");
      if (asked.headers.authorization !== `Key ${API_KEY}`)
        return no(403, "Access denied.  Please include an 'Authorization: ...' header with a valid API key");
      const sent = jsonOf(asked) as Record<string, Record<string, unknown>> | null;
      if (!sent) return no(400, "Unsupported Content-Type");
      const strange = Object.keys(sent).find((name) => !KNOWN.has(name));
      if (strange) return no(400, `Unknown field ${strange}`);
      const { include_subscription_ids: ids, headings, contents, data, ttl, url, name } = sent;
      const key = String(sent.idempotency_key);
      if (String(sent.app_id) !== APP_ID) return no(400, "app_id not found");
      if (String(sent.target_channel) !== "push") return no(400, "target_channel");
      if (!Array.isArray(ids) || ids.length !== 1) return no(400, "include_subscription_ids");
      if (!UUID.test(String(ids[0])))
        return no(400, "Incorrect subscription_id format in include_subscription_ids (not a valid UUID)");
      if (!isText(contents?.en) || !isText(headings?.en))
        return no(400, "Message Notifications must have English language content");
      if (!Number.isInteger(ttl) || Number(ttl) > 2_419_200) return no(400, "ttl");
      if (!URL.canParse(String(url))) return no(400, "url");
      if (!UUID_V4.test(key)) return no(400, "idempotency_key must be a valid UUID");
      const before = server.taken.find(({ more }) => more?.key === key);
      if (before) return { status: 200, body: { id: before.id, external_id: null } };
      const deliveryId = String(data?.deliveryId);
      const parts = { subject: headings.en, html: "", text: contents.en };
      return {
        to: String(ids[0]),
        from: "",
        ...parts,
        headers: {},
        deliveryId,
        more: { key, name: String(name), url: String(url) },
      };
    },
    accept: (id) => ({ status: 200, body: { id, external_id: null } }),
  };
  const server = new ProviderServer(checker);
  return server;
}

export const onesignalCallback = (event: Record<string, unknown>, secret = WEBHOOK_SECRET): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", "x-webhook-token": secret },
  body: JSON.stringify(event),
});
