import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { isPublicHttps } from "../../../shared/public-url.ts";
import { type MessageApi, textOf } from "./api.ts";
import type { OutgoingSms } from "./provider.ts";

const HOST = "https://api.twilio.com";

/** Nobody can be reached there: opted out, no number, no mobile. */
const GONE_CODES = new Set([21610, 21211, 21614]);
/** The sender's number, its reach or its limits are at fault; another account may send. */
const ACCOUNT_CODES = new Set([20003, 21212, 21408, 21603, 21606, 21612, 21659, 63038]);

/** Twilio, `POST /2010-04-01/Accounts/{sid}/Messages.json`: a form, basic auth with the account or one of its API keys. */
export function twilio(
  settings: SettingsOf<"twilio">,
  credentials: CredentialsOf<"twilio">,
  callbackUrl: string | null,
): MessageApi<OutgoingSms> {
  const { accountSid, messagingServiceSid, from, endpoint } = settings;
  const { authToken, apiKeySid, apiKeySecret } = credentials;
  const user = apiKeySid && apiKeySecret ? `${apiKeySid}:${apiKeySecret}` : `${accountSid}:${authToken}`;
  // Twilio refuses a message whose callback it could not reach.
  const told = authToken && callbackUrl && (endpoint || isPublicHttps(callbackUrl)) ? callbackUrl : null;
  return {
    kind: "twilio",
    channel: "sms",
    resumable: false,
    request: ({ to, text, deliveryId }) => {
      const form = new URLSearchParams({ To: to, Body: text });
      if (messagingServiceSid) form.set("MessagingServiceSid", messagingServiceSid);
      if (from) form.set("From", from);
      // It names the message when it comes back; the signature covers it.
      if (told) form.set("StatusCallback", `${told}?delivery=${encodeURIComponent(deliveryId)}`);
      return {
        url: `${endpoint ?? HOST}/2010-04-01/Accounts/${accountSid}/Messages.json`,
        headers: {
          authorization: `Basic ${btoa(user)}`,
          "content-type": "application/x-www-form-urlencoded",
          accept: "application/json",
        },
        body: form.toString(),
      };
    },
    messageId: ({ body }) => textOf(body.sid),
    reason: ({ body }) => `${body.code ?? ""} ${textOf(body.message) ?? "refused"}`.trim(),
    isAccountFault: ({ body }) => ACCOUNT_CODES.has(Number(body.code)),
    isGone: ({ status, body }) => status === 400 && GONE_CODES.has(Number(body.code)),
  };
}
