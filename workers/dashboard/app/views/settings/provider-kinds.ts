/** What each kind of provider is called and asks for; the forms are built from this table. */
import type { Channel } from "../../../../../shared/views.ts";
import { Problem } from "../../api/http.ts";

export interface Setup {
  settings: Record<string, string>;
  credentials: Record<string, string>;
}

export interface ProviderField {
  name: string;
  label: string;
  /** A credential: sent, sealed, and never shown again. */
  secret?: true;
  optional?: true;
  hint?: string;
  options?: readonly { value: string; label: string }[];
  /** Of a file of more than one line: what it holds, or a `Problem`. */
  read?: (text: string) => Setup;
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
  smtp: {
    label: "SMTP",
    channel: "email",
    fields: [
      { name: "host", label: "Server", placeholder: "smtp.shop.example" },
      { name: "port", label: "Port", optional: true, placeholder: "587" },
      {
        name: "security",
        label: "Encryption",
        options: [
          { value: "starttls", label: "STARTTLS" },
          { value: "tls", label: "TLS (port 465)" },
        ],
      },
      { name: "username", label: "User name", secret: true, optional: true },
      { name: "password", label: "Password", secret: true, optional: true },
    ],
  },
  twilio: {
    label: "Twilio",
    channel: "sms",
    fields: [
      { name: "accountSid", label: "Account SID", placeholder: "AC…" },
      { name: "authToken", label: "Auth token", secret: true, optional: true, hint: callback },
      { name: "apiKeySid", label: "API key SID", secret: true, optional: true, placeholder: "SK…" },
      {
        name: "apiKeySecret",
        label: "API key secret",
        secret: true,
        optional: true,
        hint: "Instead of the auth token.",
      },
      { name: "messagingServiceSid", label: "Messaging service SID", optional: true, placeholder: "MG…" },
      {
        name: "from",
        label: "Sender",
        optional: true,
        placeholder: "+49…",
        hint: "A number or a name, instead of the service.",
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
      {
        name: "smsType",
        label: "Kind of message",
        options: [
          { value: "Promotional", label: "Promotional" },
          { value: "Transactional", label: "Transactional" },
        ],
      },
      { name: "senderId", label: "Sender id", optional: true },
    ],
  },
  fcm: {
    label: "Firebase Cloud Messaging",
    channel: "push",
    fields: [
      {
        name: "serviceAccount",
        label: "Service account key (JSON)",
        secret: true,
        read: serviceAccount,
        hint: "The file that Google gave you, as it is.",
      },
    ],
  },
  onesignal: {
    label: "OneSignal",
    channel: "push",
    fields: [
      { name: "appId", label: "App id" },
      { name: "apiKey", label: "API key", secret: true },
      { name: "webhookSecret", label: "Event stream’s token", secret: true, optional: true, hint: callback },
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
        hint: "Push services write there when something is wrong. The keys are made here.",
      },
    ],
  },
};

/** What the file of a Google service account holds of what we need. */
function serviceAccount(text: string): Setup {
  const known = parsed(text);
  const { project_id: projectId, client_email: clientEmail, private_key: privateKey } = known;
  if (typeof projectId !== "string" || typeof clientEmail !== "string" || typeof privateKey !== "string")
    throw new Problem({
      status: 400,
      code: "VALIDATION_ERROR",
      title: "This is no key of a service account",
      detail: "It must be the JSON file with project_id, client_email and private_key.",
    });
  return { settings: { projectId }, credentials: { clientEmail, privateKey } };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const RATE: ProviderField = {
  name: "maxPerMinute",
  label: "Messages a minute",
  optional: true,
  placeholder: "unlimited",
  hint: "What your plan allows. The rest goes by the next provider, or waits.",
};

export function aboutKind(kind: string): ProviderAbout {
  const known = KINDS[kind] ?? { label: kind, channel: "email", fields: [] };
  return { ...known, fields: [...known.fields, RATE] };
}

/** The two halves that the API takes; what was left empty is not sent. */
export function setupOf(kind: string, given: (name: string) => string): Setup {
  const settings: Record<string, string> = {};
  const credentials: Record<string, string> = {};
  for (const { name, secret, read } of aboutKind(kind).fields) {
    const value = given(name);
    if (value === "") continue;
    const part: Partial<Setup> = read
      ? read(value)
      : secret
        ? { credentials: { [name]: value } }
        : { settings: { [name]: value } };
    Object.assign(settings, part.settings);
    Object.assign(credentials, part.credentials);
  }
  return { settings, credentials };
}
