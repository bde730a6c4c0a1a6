/** What a store says about the providers it sends by: what each kind needs, and what of it is secret. Pure. */
import * as z from "zod";
import type { MessageChannel } from "./policy/rules.ts";

/** A credential: printable, for it stands in a header. */
const secret = z
  .string()
  .min(8)
  .max(1000)
  .regex(/^[!-~]+$/, "must be printable ASCII without spaces");
const host = z
  .string()
  .regex(/^(?=.{4,253}$)([a-z\d]([a-z\d-]{0,61}[a-z\d])?\.)+[a-z]{2,63}$/i, "must be a domain name");
const region = z.string().regex(/^[a-z]{2}(-[a-z]{2,12}){1,2}-\d{1,2}$/, "must be a region such as eu-central-1");
const base64 = z.string().regex(/^[A-Za-z\d+/]{16,1000}={0,2}$/, "must be base64");

/** Where the API is, for tests: refused outside local and test deployments. */
const endpoint = z
  .url({ protocol: /^http$/ })
  .max(200)
  .optional()
  .describe("Local and test deployments only");

/** What a plan or a new sending domain allows. Beyond it messages go by the next provider, or wait. */
const maxPerMinute = z.coerce
  .number()
  .int()
  .min(1)
  .max(1_000_000)
  .optional()
  .describe("Messages a minute; unlimited unless told");
const common = { endpoint, maxPerMinute };

const KINDS = {
  sendgrid: {
    settings: z.strictObject({
      ...common,
      region: z.enum(["global", "eu"]).default("global"),
      webhookPublicKey: base64.optional().describe("Of the signed event webhook; without it callbacks are refused"),
    }),
    credentials: z.strictObject({ apiKey: secret }),
  },
  postmark: {
    settings: z.strictObject({
      ...common,
      messageStream: z
        .string()
        .regex(/^[a-z\d][a-z\d-]{0,30}$/)
        .default("outbound"),
    }),
    credentials: z.strictObject({
      serverToken: secret,
      webhookSecret: secret
        .optional()
        .describe("The password of the webhook's basic auth, or its header X-Webhook-Token"),
    }),
  },
  resend: {
    settings: z.strictObject(common),
    credentials: z.strictObject({
      apiKey: secret,
      webhookSecret: z
        .string()
        .regex(/^whsec_[A-Za-z\d+/]{16,200}={0,2}$/, "must begin with whsec_")
        .optional(),
    }),
  },
  ses: {
    settings: z.strictObject({
      ...common,
      region,
      configurationSet: z
        .string()
        .regex(/^[\w-]{1,64}$/)
        .optional(),
      topicArn: z
        .string()
        .regex(/^arn:aws[a-z-]*:sns:[a-z\d-]+:\d{12}:[\w-]{1,256}$/, "must be the ARN of an SNS topic")
        .optional()
        .describe("The topic that events come from; without it callbacks are refused"),
    }),
    credentials: z.strictObject({ accessKeyId: secret, secretAccessKey: secret }),
  },
  mailgun: {
    settings: z.strictObject({ ...common, domain: host, region: z.enum(["us", "eu"]).default("us") }),
    credentials: z.strictObject({ apiKey: secret, webhookSigningKey: secret.optional() }),
  },
  smtp: {
    settings: z.strictObject({
      maxPerMinute,
      host: z
        .union([host, z.literal("127.0.0.1")], "must be a domain name")
        .describe("127.0.0.1 in local and test deployments only"),
      port: z.coerce.number().int().min(1).max(65_535).default(587).describe("25 is closed on the edge"),
      security: z
        .enum(["starttls", "tls"])
        .default("starttls")
        .describe("`tls`: from the first byte on, as on port 465; `starttls`: as soon as the server offers it"),
    }),
    credentials: z.strictObject({
      username: z.string().min(1).max(256).optional(),
      password: secret.optional(),
    }),
  },
  twilio: {
    settings: z
      .strictObject({
        ...common,
        accountSid: z.string().regex(/^AC[\da-f]{32}$/, "must begin with AC"),
        messagingServiceSid: z
          .string()
          .regex(/^MG[\da-f]{32}$/, "must begin with MG")
          .optional(),
        from: z
          .string()
          .regex(
            /^(\+[1-9]\d{6,14}|(?=.*[A-Za-z])[A-Za-z\d ]{1,11}|\d{3,8})$/,
            "must be a number, a short code or a name",
          )
          .optional(),
      })
      .refine((s) => s.messagingServiceSid || s.from, { path: ["from"], error: "or messagingServiceSid is needed" }),
    credentials: z
      .strictObject({
        authToken: secret.optional().describe("Without it callbacks, and replies of STOP, are refused"),
        apiKeySid: z
          .string()
          .regex(/^SK[\da-f]{32}$/, "must begin with SK")
          .optional(),
        apiKeySecret: secret.optional(),
      })
      .refine((c) => c.authToken || (c.apiKeySid && c.apiKeySecret), {
        path: ["authToken"],
        error: "or apiKeySid with apiKeySecret is needed",
      }),
  },
  sns: {
    settings: z.strictObject({
      ...common,
      region,
      smsType: z.enum(["Promotional", "Transactional"]).default("Promotional"),
      senderId: z
        .string()
        .regex(/^(?=.*[A-Za-z])[A-Za-z\d-]{1,11}$/, "must be 1 to 11 letters, digits or hyphens, one of them a letter")
        .optional(),
    }),
    credentials: z.strictObject({ accessKeyId: secret, secretAccessKey: secret }),
  },
  fcm: {
    settings: z.strictObject({
      ...common,
      projectId: z.string().regex(/^[a-z][a-z\d-]{4,28}[a-z\d]$/, "must be the id of a Google Cloud project"),
    }),
    credentials: z.strictObject({
      clientEmail: z.email().max(254).describe("`client_email` of the service account's key"),
      privateKey: z
        .string()
        .max(5000)
        .regex(/^-----BEGIN PRIVATE KEY-----\n[A-Za-z\d+/=\n]+-----END PRIVATE KEY-----\n?$/, "must be PEM (PKCS #8)")
        .describe("`private_key` of the service account's key"),
    }),
  },
  onesignal: {
    settings: z.strictObject({ ...common, appId: z.uuid() }),
    credentials: z.strictObject({
      apiKey: secret,
      webhookSecret: secret
        .optional()
        .describe("The header X-Webhook-Token of the event stream, or the password of its basic auth"),
    }),
  },
  webpush: {
    settings: z.strictObject({
      maxPerMinute,
      subject: z
        .string()
        .max(254)
        .regex(/^(mailto:[^\s@]+@[^\s@]+|https:\/\/[^\s]+)$/, "must be mailto: or https:")
        .describe("Whom push services write to when something is wrong"),
      publicKey: z
        .string()
        .regex(/^[\w-]{87}$/, "must be an uncompressed P-256 point in base64url")
        .optional()
        .describe("`applicationServerKey`. Unsaid at first: made here, with its private key"),
    }),
    credentials: z
      .strictObject({
        privateKey: z
          .string()
          .regex(/^[\w-]{43}$/, "must be 32 bytes in base64url")
          .optional(),
      })
      .default({}),
  },
} as const;

export type ProviderKind = keyof typeof KINDS;
export type SettingsOf<K extends ProviderKind> = z.infer<(typeof KINDS)[K]["settings"]>;
export type CredentialsOf<K extends ProviderKind> = z.infer<(typeof KINDS)[K]["credentials"]>;

/** A kind with what it needs. */
export type Setup = {
  [K in ProviderKind]: { kind: K; settings: SettingsOf<K>; credentials: CredentialsOf<K> };
}[ProviderKind];

const setupOf = <K extends ProviderKind>(kind: K) => z.object({ kind: z.literal(kind), ...KINDS[kind] });

export const setupSchema = z.discriminatedUnion("kind", [
  setupOf("sendgrid"),
  setupOf("postmark"),
  setupOf("resend"),
  setupOf("ses"),
  setupOf("mailgun"),
  setupOf("smtp"),
  setupOf("twilio"),
  setupOf("sns"),
  setupOf("fcm"),
  setupOf("onesignal"),
  setupOf("webpush"),
]);

export const PROVIDER_KINDS = Object.keys(KINDS) as [ProviderKind, ...ProviderKind[]];

const CHANNELS: Record<ProviderKind, MessageChannel> = {
  sendgrid: "email",
  postmark: "email",
  resend: "email",
  ses: "email",
  mailgun: "email",
  smtp: "email",
  twilio: "sms",
  sns: "sms",
  fcm: "push",
  onesignal: "push",
  webpush: "push",
};

/** What a provider of this kind sends. */
export const channelOf = (kind: ProviderKind): MessageChannel => CHANNELS[kind];

/** Kinds that report nothing: their messages stay `sent`. */
const SILENT: ReadonlySet<ProviderKind> = new Set(["smtp", "sns", "fcm", "webpush"]);
export const hasCallbacks = (kind: ProviderKind): boolean => !SILENT.has(kind);

/** The last four characters of what its owner knows the account by. */
export const hintOf = (setup: Setup): string => mainOf(setup).slice(-4);

function mainOf({ kind, settings, credentials }: Setup): string {
  switch (kind) {
    case "postmark":
      return credentials.serverToken;
    case "ses":
    case "sns":
      return credentials.accessKeyId;
    case "twilio":
      return settings.accountSid;
    case "smtp":
      return credentials.username?.split("@")[0] ?? "";
    case "fcm":
      return credentials.clientEmail.split("@")[0] ?? "";
    case "webpush":
      return settings.publicKey ?? "";
    default:
      return credentials.apiKey;
  }
}

/** Names the circuit around its calls: two accounts at one provider fail by themselves. */
export const circuitOf = (kind: ProviderKind, id: string): string => `${kind}/${id}`;

/** The name that credentials are sealed under: a row's secret opens in no other row. */
export const sealName = (providerId: string): string => `provider/${providerId}`;
