import { AwsV4Signer } from "aws4fetch";
import type { CredentialsOf, SettingsOf } from "../../../shared/providers.ts";
import { type ApiReply, type MessageApi, tagIn } from "./api.ts";
import type { OutgoingSms } from "./provider.ts";

const THROTTLED = new Set(["Throttling", "Throttled", "ThrottledException", "RequestThrottled", "ThrottlingException"]);

/** Amazon SNS, action `Publish` of the query protocol, to a phone number; signed with Signature Version 4, answers in XML. */
export function sns(settings: SettingsOf<"sns">, credentials: CredentialsOf<"sns">): MessageApi<OutgoingSms> {
  const { region, smsType, senderId, endpoint } = settings;
  return {
    kind: "sns",
    channel: "sms",
    resumable: false,
    request: async ({ to, text }) => {
      const form = new URLSearchParams({ Action: "Publish", Version: "2010-03-31", PhoneNumber: to, Message: text });
      const attributes = { SMSType: smsType, ...(senderId ? { SenderID: senderId } : {}) };
      Object.entries(attributes).forEach(([name, value], index) => {
        const entry = `MessageAttributes.entry.${index + 1}`;
        form.set(`${entry}.Name`, `AWS.SNS.SMS.${name}`);
        form.set(`${entry}.Value.DataType`, "String");
        form.set(`${entry}.Value.StringValue`, value);
      });
      const body = form.toString();
      const signer = new AwsV4Signer({
        method: "POST",
        url: `${endpoint ?? `https://sns.${region}.amazonaws.com`}/`,
        headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
        body,
        ...credentials,
        region,
        service: "sns",
      });
      const { url, headers } = await signer.sign();
      return { url: url.href, headers: Object.fromEntries(headers), body };
    },
    messageId: ({ text }) => tagIn(text, "MessageId"),
    reason: ({ text }) => `${tagIn(text, "Code") ?? ""} ${tagIn(text, "Message") ?? "refused"}`.trim(),
    isGone: ({ status, text }) => status === 400 && isDead(tagIn(text, "Code") ?? "", tagIn(text, "Message") ?? ""),
    special: (reply) => (isThrottled(reply) ? { kind: "refused", reason: reasonOf(reply), retryable: true } : null),
  };
}

/** The number opted out, or is none. */
const isDead = (code: string, message: string): boolean =>
  code === "OptedOut" ||
  (code === "InvalidParameter" && /opted out|PhoneNumber Reason: \S+ is not valid/i.test(message));

/** Throttling comes with 400, too. */
const isThrottled = ({ status, text }: ApiReply): boolean => status === 400 && THROTTLED.has(tagIn(text, "Code") ?? "");
const reasonOf = ({ status, text }: ApiReply): string => `${status} ${tagIn(text, "Code")}`;
