import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { isObject, jsonHeaders, type MessageApi, textOf } from "./api.ts";
import type { OutgoingMail } from "./provider.ts";

const HOSTS = { global: "https://api.sendgrid.com", eu: "https://api.eu.sendgrid.com" } as const;

/** Twilio SendGrid, `POST /v3/mail/send`: 202 with an empty body, the id in a header. */
export function sendgrid(
  settings: SettingsOf<"sendgrid">,
  { apiKey }: CredentialsOf<"sendgrid">,
): MessageApi<OutgoingMail> {
  return {
    kind: "sendgrid",
    channel: "email",
    resumable: false,
    request: (mail) => ({
      url: `${settings.endpoint ?? HOSTS[settings.region]}/v3/mail/send`,
      headers: { ...jsonHeaders, authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({
        personalizations: [{ to: [{ email: mail.to }], custom_args: { deliveryId: mail.deliveryId } }],
        from: named(mail.from),
        subject: mail.subject,
        // The API wants the plain text first.
        content: [
          ...(mail.text || !mail.html ? [{ type: "text/plain", value: mail.text || " " }] : []),
          ...(mail.html ? [{ type: "text/html", value: mail.html }] : []),
        ],
        headers: mail.headers,
      }),
    }),
    messageId: ({ status, headers }) => (status === 202 ? textOf(headers.get("x-message-id")) : null),
    reason: ({ body: { errors } }) => {
      const first: unknown = Array.isArray(errors) ? errors[0] : null;
      return (isObject(first) && textOf(first.message)) || "refused";
    },
  };
}

const named = ({ name, email }: { name: string; email: string }) => ({ email, ...(name ? { name } : {}) });
