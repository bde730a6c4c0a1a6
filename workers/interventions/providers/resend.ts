import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { jsonHeaders, type MessageApi, textOf } from "./api.ts";
import { plainMailbox } from "./headers.ts";
import type { OutgoingMail } from "./provider.ts";

const HOST = "https://api.resend.com";

/** Resend, `POST /emails`: honours `Idempotency-Key` for a day, which is longer than a cart asks again. */
export function resend(settings: SettingsOf<"resend">, { apiKey }: CredentialsOf<"resend">): MessageApi<OutgoingMail> {
  return {
    kind: "resend",
    channel: "email",
    resumable: true,
    request: (mail) => ({
      url: `${settings.endpoint ?? HOST}/emails`,
      headers: { ...jsonHeaders, authorization: `Bearer ${apiKey}`, "idempotency-key": mail.deliveryId },
      body: JSON.stringify({
        from: plainMailbox(mail.from),
        to: [mail.to],
        subject: mail.subject,
        ...(mail.html ? { html: mail.html } : {}),
        ...(mail.text || !mail.html ? { text: mail.text || " " } : {}),
        headers: mail.headers,
        tags: [{ name: "deliveryId", value: mail.deliveryId }],
      }),
    }),
    messageId: ({ body }) => textOf(body.id),
    reason: ({ body }) => `${textOf(body.name) ?? ""} ${textOf(body.message) ?? "refused"}`.trim(),
    special: ({ status, body }) => {
      if (status !== 409) return null;
      // Asked again, the message is the same but for the times in its links: the key belongs to one that was taken.
      if (body.name === "invalid_idempotent_request") return { kind: "sent" };
      return { kind: "unknown", reason: `409 ${textOf(body.name) ?? "conflict"}` };
    },
  };
}
