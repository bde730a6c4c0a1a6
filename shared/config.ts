/** The environment, checked once and loudly: a wrong value names its key. */
import * as z from "zod";

const schema = z.object({
  ENVIRONMENT: z.string().default("production"),
  PUBLIC_URL: z.union([z.literal(""), z.url()]).default(""),
  LINK_SECRET: z.string().min(16, "must be at least 16 characters"),
  EMAIL_PROVIDER: z.enum(["outbox", "smtp", "send_email"]).default("outbox"),
  EMAIL_FROM: z.email().default("shop@cartwake.example"),
  SMTP_URL: z
    .string()
    .default("")
    .refine((u) => u === "" || /^smtps?:\/\/[^/]+$/.test(u), "must be smtp://user:password@host:port"),
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
