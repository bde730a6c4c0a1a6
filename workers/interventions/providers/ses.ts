import { AwsV4Signer } from "aws4fetch";
import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { jsonHeaders, type MessageApi, textOf } from "./api.ts";
import { mailbox } from "./headers.ts";
import type { OutgoingMail } from "./provider.ts";

/** Errors (400) that blame the account. */
const ACCOUNT_ERRORS = new Set([
  "AccountSuspendedException",
  "SendingPausedException",
  "MailFromDomainNotVerifiedException",
  "NotFoundException",
  "LimitExceededException",
]);

/** Amazon SES v2, `POST /v2/email/outbound-emails`, signed with Signature Version 4. */
export function ses(settings: SettingsOf<"ses">, credentials: CredentialsOf<"ses">): MessageApi<OutgoingMail> {
  const { region, configurationSet } = settings;
  const host = settings.endpoint ?? `https://email.${region}.amazonaws.com`;
  const text = (Data: string) => ({ Data, Charset: "UTF-8" });
  return {
    kind: "ses",
    channel: "email",
    resumable: false,
    request: async (mail) => {
      const body = JSON.stringify({
        // ASCII only, and on one line.
        FromEmailAddress: mailbox(mail.from).replaceAll("\r\n", ""),
        Destination: { ToAddresses: [mail.to] },
        Content: {
          Simple: {
            Subject: text(mail.subject),
            Body: {
              ...(mail.html ? { Html: text(mail.html) } : {}),
              ...(mail.text || !mail.html ? { Text: text(mail.text || " ") } : {}),
            },
            Headers: Object.entries(mail.headers).map(([Name, Value]) => ({ Name, Value })),
          },
        },
        EmailTags: [{ Name: "deliveryId", Value: mail.deliveryId }],
        ...(configurationSet ? { ConfigurationSetName: configurationSet } : {}),
      });
      const signer = new AwsV4Signer({
        method: "POST",
        url: `${host}/v2/email/outbound-emails`,
        headers: { ...jsonHeaders },
        body,
        ...credentials,
        region,
        service: "ses",
      });
      const { url, headers } = await signer.sign();
      return { url: url.href, headers: Object.fromEntries(headers), body };
    },
    messageId: ({ body }) => textOf(body.MessageId),
    reason: (reply) =>
      `${errorOf(reply.headers)} ${textOf(reply.body.message) ?? textOf(reply.body.Message) ?? "refused"}`.trim(),
    isAccountFault: ({ headers }) => ACCOUNT_ERRORS.has(errorOf(headers)),
  };
}

/** `x-amzn-ErrorType: MessageRejected:http://…` names the error. */
const errorOf = (headers: Headers): string => /^\w+/.exec(headers.get("x-amzn-errortype") ?? "")?.[0] ?? "";
