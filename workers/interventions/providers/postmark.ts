import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { jsonHeaders, type MessageApi, textOf } from "./api.ts";
import { plainMailbox } from "./headers.ts";
import type { OutgoingMail } from "./provider.ts";

const HOST = "https://api.postmarkapp.com";

/**
 * Codes of answers that blame the account: token (10), sender signature (400, 401), credits (405), approval and servers
 * (412, 413), streams (1226, 1235).
 */
const ACCOUNT_CODES = new Set([10, 400, 401, 405, 412, 413, 1226, 1235]);

/** Postmark, `POST /email`: 200 with `ErrorCode` 0 and the id; refusals are 422 with a code. */
export function postmark(
  settings: SettingsOf<"postmark">,
  { serverToken }: CredentialsOf<"postmark">,
): MessageApi<OutgoingMail> {
  return {
    kind: "postmark",
    channel: "email",
    resumable: false,
    request: (mail) => ({
      url: `${settings.endpoint ?? HOST}/email`,
      headers: { ...jsonHeaders, "x-postmark-server-token": serverToken },
      body: JSON.stringify({
        From: plainMailbox(mail.from),
        To: mail.to,
        Subject: mail.subject,
        ...(mail.html ? { HtmlBody: mail.html } : {}),
        ...(mail.text || !mail.html ? { TextBody: mail.text || " " } : {}),
        Headers: Object.entries(mail.headers).map(([Name, Value]) => ({ Name, Value })),
        Metadata: { deliveryId: mail.deliveryId },
        MessageStream: settings.messageStream,
      }),
    }),
    messageId: ({ body }) => (body.ErrorCode === 0 ? textOf(body.MessageID) : null),
    reason: ({ body }) => `${body.ErrorCode ?? ""} ${textOf(body.Message) ?? "refused"}`.trim(),
    isAccountFault: ({ status, body }) => status === 422 && ACCOUNT_CODES.has(Number(body.ErrorCode)),
  };
}
