/** The environment, checked once and loudly: a wrong value names its key. */
import * as z from "zod";
import { parseRateLimits } from "./policy/limits.ts";

/** Secrets whose values in wrangler.toml everybody can read. */
const SECRETS = ["LINK_SECRET", "AUTH_SECRET"] as const;
const secret = z.string().min(16, "must be at least 16 characters");

const variables = z.object({
  ENVIRONMENT: z.string().default("production"),
  PUBLIC_URL: z.union([z.literal(""), z.url()]).default(""),
  LINK_SECRET: secret,
  AUTH_SECRET: secret,
  TOKEN_FORMAT: z.enum(["jwt", "paseto"]).default("jwt"),
  /** Of JWTs; PASETO v4.public has Ed25519 and no other. */
  TOKEN_ALGORITHM: z.enum(["ES256", "EdDSA"]).default("ES256"),
  EMAIL_PROVIDER: z.enum(["outbox", "smtp", "send_email"]).default("outbox"),
  EMAIL_FROM: z.email().default("shop@cartwake.example"),
  SMTP_URL: z
    .string()
    .default("")
    .refine((u) => u === "" || /^smtps?:\/\/[^/]+$/.test(u), "must be smtp://user:password@host:port"),
  /** Calls a minute: `global=1000 auth=10 api=600`. */
  RATE_LIMITS: z
    .string()
    .default("")
    .transform((text, { addIssue }) => {
      const limits = parseRateLimits(text);
      if (typeof limits !== "string") return limits;
      addIssue({ code: "custom", message: limits });
      return z.NEVER;
    }),
  /** Events a minute a store may send; 0 is no limit. */
  STORE_EVENTS_PER_MINUTE: z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number; 0 for no limit")
    .default("600000")
    .transform(Number),
  /** How long a provider's answer is waited for. FCM is asked twice for a message, within what a claim allows. */
  PROVIDER_TIMEOUT_SECONDS: z
    .string()
    .regex(/^([1-9]|[1-3]\d|40)$/, "must be 1 to 40")
    .default("30")
    .transform(Number),
  AI_MODEL: z
    .string()
    .regex(/^@(cf|hf)\/[\w.-]+\/[\w.-]+$/, "must be a model of Workers AI such as @cf/zai-org/glm-4.7-flash")
    .default("@cf/zai-org/glm-4.7-flash"),
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

let known = new WeakMap<object, Config>();

/** Environments never change while a Worker runs; a test that changes its own says so. */
export function configChanged(): void {
  known = new WeakMap();
}

/** Read once an environment: every actor has one of its own. */
export function parseConfig(env: object): Config {
  const config = known.get(env);
  if (config) return config;
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new Error(`configuration: ${issue.path.join(".")} ${issue.message}`);
  }
  known.set(env, parsed.data);
  return parsed.data;
}
