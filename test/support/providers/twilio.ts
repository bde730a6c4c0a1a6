/** Twilio's `Messages`, and its signed callbacks. */
import { createHmac } from "node:crypto";
import { type Checker, formOf, isE164, isText, ProviderServer } from "./server.ts";

export const ACCOUNT_SID = `AC${"0a".repeat(16)}`;
export const AUTH_TOKEN = "twilio-auth-token-of-the-test-m3n4";
export const API_KEY_SID = `SK${"1b".repeat(16)}`;
export const API_KEY_SECRET = "twilio-api-key-secret-of-the-test";
export const SERVICE_SID = `MG${"2c".repeat(16)}`;
export const FROM = "+15005550006";
const KNOWN = new Set(["To", "Body", "From", "MessagingServiceSid", "StatusCallback"]);

const no = (status: number, code: number, message: string) => ({
  status,
  body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
});

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
const ACCOUNTS = [basic(ACCOUNT_SID, AUTH_TOKEN), basic(API_KEY_SID, API_KEY_SECRET)];

const checker: Checker = {
  check(asked) {
    if (!ACCOUNTS.includes(asked.headers.authorization ?? "")) return no(401, 20003, "Authenticate");
    if (asked.path !== `/2010-04-01/Accounts/${ACCOUNT_SID}/Messages.json` || asked.method !== "POST")
      return no(404, 20404, "The requested resource was not found");
    const form = formOf(asked);
    if (!form) return no(400, 21602, "Message body is required.");
    const { To, Body, From, MessagingServiceSid, StatusCallback } = form;
    const strange = Object.keys(form).find((name) => !KNOWN.has(name));
    if (strange) return no(400, 20001, `Unknown parameter ${strange}`);
    if (!isE164(To)) return no(400, 21211, `Invalid 'To' Phone Number: ${To}`);
    if (!isText(Body)) return no(400, 21602, "Message body is required.");
    if (Body.length > 1600) return no(400, 21617, "The concatenated message body exceeds the 1600 character limit.");
    if (!From && !MessagingServiceSid) return no(400, 21603, "A 'From' phone number is required.");
    if (From && From !== FROM)
      return no(400, 21606, `The 'From' phone number ${From} is not a valid, SMS-capable number`);
    if (MessagingServiceSid && MessagingServiceSid !== SERVICE_SID)
      return no(404, 20404, "The Messaging Service was not found");
    if (StatusCallback !== undefined && !URL.canParse(StatusCallback))
      return no(400, 21609, "The StatusCallback URL is not a valid URL.");
    const deliveryId = StatusCallback ? (new URL(StatusCallback).searchParams.get("delivery") ?? "") : "";
    const more = { StatusCallback };
    return {
      to: To,
      from: From ?? MessagingServiceSid ?? "",
      subject: "",
      html: "",
      text: Body,
      headers: {},
      deliveryId,
      more,
    };
  },
  accept: (id) => ({ status: 201, body: { sid: `SM-${id}`, status: "queued", error_code: null } }),
};

export const twilioServer = () => new ProviderServer(checker);

/** A callback as Twilio posts it to `url`. */
export function twilioCallback(url: string, fields: Record<string, string>, token = AUTH_TOKEN): RequestInit {
  const form: Record<string, string> = { AccountSid: ACCOUNT_SID, ApiVersion: "2010-04-01", ...fields };
  const text = Object.keys(form)
    .sort()
    .reduce((all, name) => all + name + form[name], url);
  return {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded; charset=utf-8",
      "x-twilio-signature": createHmac("sha1", token).update(text).digest("base64"),
    },
    body: new URLSearchParams(form).toString(),
  };
}

/** A message of a shopper, as it comes in. */
export const twilioReply = (url: string, from: string, body: string, more: Record<string, string> = {}): RequestInit =>
  twilioCallback(url, { MessageSid: "SM0001", SmsStatus: "received", From: from, To: FROM, Body: body, ...more });
