/** The environment, checked once and loudly: a wrong value names its key. */
import * as z from "zod";

/** Secrets whose values in wrangler.toml everybody can read. */
const SECRETS = ["LINK_SECRET", "AUTH_SECRET"] as const;
const secret = z.string().min(16, "must be at least 16 characters");

const variables = z.object({
  ENVIRONMENT: z.string().default("production"),
  PUBLIC_URL: z.union([z.literal(""), z.url()]).default(""),
  LINK_SECRET: secret,
  AUTH_SECRET: secret,
  EMAIL_PROVIDER: z.enum(["outbox", "smtp", "send_email"]).default("outbox"),
  EMAIL_FROM: z.email().default("shop@cartwake.example"),
  SMTP_URL: z
    .string()
    .default("")
    .refine((u) => u === "" || /^smtps?:\/\/[^/]+$/.test(u), "must be smtp://user:password@host:port"),
  METRICS_TOKEN: z.string().default(""),
});

const schema = variables.superRefine((given, { addIssue }) => {
  if (given.ENVIRONMENT === "local" || given.ENVIRONMENT === "test") return;
  for (const key of SECRETS)
    if (given[key].startsWith("local-only"))
      addIssue({
        code: "custom",
        path: [key],
        message: `is the local default, which everybody knows: \`npm run deploy\` sets it as a secret (by hand: \`wrangler secret put ${key}\`); locally use \`npm run serve\``,
      });
});

export type Config = z.infer<typeof schema>;

let cached: { env: unknown; config: Config } | null = null;

export function parseConfig(env: object): Config {
  if (cached?.env === env) return cached.config;
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new Error(`configuration: ${issue.path.join(".")} ${issue.message}`);
  }
  cached = { env, config: parsed.data };
  return parsed.data;
}
