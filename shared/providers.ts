/** What a store says about the providers it sends by: what each kind needs, and what of it is secret. Pure. */
import * as z from "zod";

/** A credential: printable, for it stands in a header. */
const secret = z
  .string()
  .min(8)
  .max(1000)
  .regex(/^[!-~]+$/, "must be printable ASCII without spaces");
const host = z
  .string()
  .regex(/^(?=.{4,253}$)([a-z\d]([a-z\d-]{0,61}[a-z\d])?\.)+[a-z]{2,63}$/i, "must be a domain name");
const base64 = z.string().regex(/^[A-Za-z\d+/]{16,1000}={0,2}$/, "must be base64");

/** Where the API is, for tests: refused outside local and test deployments. */
const endpoint = z
  .url({ protocol: /^http$/ })
  .max(200)
  .optional()
  .describe("Local and test deployments only");

const KINDS = {
  sendgrid: {
    settings: z.strictObject({
      endpoint,
      region: z.enum(["global", "eu"]).default("global"),
      webhookPublicKey: base64.optional().describe("Of the signed event webhook; without it callbacks are refused"),
    }),
    credentials: z.strictObject({ apiKey: secret }),
  },
  postmark: {
    settings: z.strictObject({
      endpoint,
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
    settings: z.strictObject({ endpoint }),
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
      endpoint,
      region: z.string().regex(/^[a-z]{2}(-[a-z]{2,12}){1,2}-\d{1,2}$/, "must be a region such as eu-central-1"),
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
    settings: z.strictObject({ endpoint, domain: host, region: z.enum(["us", "eu"]).default("us") }),
    credentials: z.strictObject({ apiKey: secret, webhookSigningKey: secret.optional() }),
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
]);

export const PROVIDER_KINDS = Object.keys(KINDS) as [ProviderKind, ...ProviderKind[]];

/** The credential that its owner knows the provider by. */
const MAIN: Record<ProviderKind, string> = {
  sendgrid: "apiKey",
  postmark: "serverToken",
  resend: "apiKey",
  ses: "accessKeyId",
  mailgun: "apiKey",
};

/** The last four characters of the main credential. */
export const hintOf = (kind: ProviderKind, credentials: Record<string, unknown>): string =>
  String(credentials[MAIN[kind]] ?? "").slice(-4);

/** The name that credentials are sealed under: a row's secret opens in no other row. */
export const sealName = (providerId: string): string => `provider/${providerId}`;
