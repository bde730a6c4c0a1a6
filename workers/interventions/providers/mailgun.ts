import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { type MessageApi, textOf } from "./api.ts";
import { plainMailbox } from "./headers.ts";
import type { OutgoingMail } from "./provider.ts";

const HOSTS = { us: "https://api.mailgun.net", eu: "https://api.eu.mailgun.net" } as const;

/** Mailgun, `POST /v3/{domain}/messages`: a form, basic auth with the user `api`. */
export function mailgun(
  settings: SettingsOf<"mailgun">,
  { apiKey }: CredentialsOf<"mailgun">,
): MessageApi<OutgoingMail> {
  return {
    kind: "mailgun",
    channel: "email",
    resumable: false,
    request: async (mail) => {
      const form = new Response(formOf(mail));
      return {
        url: `${settings.endpoint ?? HOSTS[settings.region]}/v3/${settings.domain}/messages`,
        headers: {
          authorization: `Basic ${btoa(`api:${apiKey}`)}`,
          "content-type": form.headers.get("content-type") ?? "",
          accept: "application/json",
        },
        body: await form.text(),
      };
    },
    messageId: ({ body }) => textOf(body.id),
    reason: ({ body }) => textOf(body.message) ?? "refused",
    // No such domain in this account or region.
    isAccountFault: ({ status }) => status === 404,
  };
}

function formOf(mail: OutgoingMail): FormData {
  const form = new FormData();
  form.set("from", plainMailbox(mail.from));
  form.set("to", mail.to);
  form.set("subject", mail.subject);
  if (mail.text || !mail.html) form.set("text", mail.text || " ");
  if (mail.html) form.set("html", mail.html);
  for (const [name, value] of Object.entries(mail.headers)) form.set(`h:${name}`, value);
  form.set("v:deliveryId", mail.deliveryId);
  return form;
}
