/** What each kind of provider is called and asks for; the forms are built from this table. */
import type { Channel } from "../../../../../shared/views.ts";

export interface ProviderField {
  name: string;
  label: string;
  /** A credential: sent, sealed, and never shown again. */
  secret?: true;
  optional?: true;
  hint?: string;
  options?: readonly { value: string; label: string }[];
  /** Of more than one line, e.g. a key file. */
  long?: true;
  placeholder?: string;
}

export interface ProviderAbout {
  label: string;
  channel: Exclude<Channel, "onsite">;
  fields: readonly ProviderField[];
}

const region = (...options: [value: string, label: string][]): ProviderField => ({
  name: "region",
  label: "Region",
  options: options.map(([value, label]) => ({ value, label })),
});
const callback = "Without it, what the provider reports back is refused.";

export const KINDS: Readonly<Record<string, ProviderAbout>> = {
  sendgrid: {
    label: "SendGrid",
    channel: "email",
    fields: [
      { name: "apiKey", label: "API key", secret: true, placeholder: "SG.…" },
      region(["global", "Global"], ["eu", "European Union"]),
      { name: "webhookPublicKey", label: "Public key of the signed event webhook", optional: true, hint: callback },
    ],
  },
  ses: {
    label: "Amazon SES",
    channel: "email",
    fields: [
      { name: "accessKeyId", label: "Access key id", secret: true },
      { name: "secretAccessKey", label: "Secret access key", secret: true },
      { name: "region", label: "Region", placeholder: "eu-central-1" },
      { name: "configurationSet", label: "Configuration set", optional: true },
      { name: "topicArn", label: "ARN of the SNS topic that events come from", optional: true, hint: callback },
    ],
  },
  mailgun: {
    label: "Mailgun",
    channel: "email",
    fields: [
      { name: "apiKey", label: "API key", secret: true },
      { name: "domain", label: "Sending domain", placeholder: "mg.shop.example" },
      region(["us", "United States"], ["eu", "European Union"]),
      { name: "webhookSigningKey", label: "Webhook signing key", secret: true, optional: true, hint: callback },
    ],
  },
  resend: {
    label: "Resend",
    channel: "email",
    fields: [
      { name: "apiKey", label: "API key", secret: true, placeholder: "re_…" },
      {
        name: "webhookSecret",
        label: "Webhook secret",
        secret: true,
        optional: true,
        placeholder: "whsec_…",
        hint: callback,
      },
    ],
  },
  postmark: {
    label: "Postmark",
    channel: "email",
    fields: [
      { name: "serverToken", label: "Server token", secret: true },
      { name: "messageStream", label: "Message stream", optional: true, placeholder: "outbound" },
      { name: "webhookSecret", label: "Webhook password", secret: true, optional: true, hint: callback },
    ],
  },
  twilio: {
    label: "Twilio",
    channel: "sms",
    fields: [
      { name: "accountSid", label: "Account SID", placeholder: "AC…" },
      { name: "authToken", label: "Auth token", secret: true },
      { name: "from", label: "Sender’s number", optional: true, placeholder: "+49…" },
      {
        name: "messagingServiceSid",
        label: "Messaging service SID",
        optional: true,
        hint: "One of the two is needed.",
      },
    ],
  },
  sns: {
    label: "Amazon SNS",
    channel: "sms",
    fields: [
      { name: "accessKeyId", label: "Access key id", secret: true },
      { name: "secretAccessKey", label: "Secret access key", secret: true },
      { name: "region", label: "Region", placeholder: "eu-central-1" },
      { name: "senderId", label: "Sender id", optional: true },
    ],
  },
  fcm: {
    label: "Firebase Cloud Messaging",
    channel: "push",
    fields: [{ name: "serviceAccountJson", label: "Service account (JSON)", secret: true, long: true }],
  },
  onesignal: {
    label: "OneSignal",
    channel: "push",
    fields: [
      { name: "appId", label: "App id" },
      { name: "apiKey", label: "API key", secret: true },
    ],
  },
  webpush: {
    label: "Web Push",
    channel: "push",
    fields: [
      {
        name: "subject",
        label: "Contact",
        placeholder: "mailto:shop@example.com",
        hint: "Push services write there when something is wrong.",
      },
    ],
  },
};

export const aboutKind = (kind: string): ProviderAbout => KINDS[kind] ?? { label: kind, channel: "email", fields: [] };

/** The two halves that the API takes; what was left empty is not sent. */
export function setupOf(kind: string, given: (name: string) => string) {
  const settings: Record<string, string> = {};
  const credentials: Record<string, string> = {};
  for (const { name, secret } of aboutKind(kind).fields) {
    const value = given(name);
    if (value !== "") (secret ? credentials : settings)[name] = value;
  }
  return { settings, credentials };
}
