import type { Config } from "../../../shared/config.ts";
import type { Env } from "../../env.ts";
import { OutboxProvider } from "./outbox.ts";
import type { MessageProvider, Provider } from "./provider.ts";
import { SendEmailProvider } from "./send-email.ts";
import { SmtpProvider } from "./smtp.ts";

/** The provider this deployment sends mail by. */
export function emailProvider(env: Env, config: Config): Provider {
  return accountMailProvider(env, config) ?? new OutboxProvider(env.DB);
}

/** The same for mails that belong to no delivery: `null` for the outbox, which keeps deliveries only. */
export function accountMailProvider(env: Env, config: Config): MessageProvider | null {
  if (config.EMAIL_PROVIDER === "smtp") return new SmtpProvider(config.SMTP_URL);
  if (config.EMAIL_PROVIDER === "send_email") return new SendEmailProvider(env.EMAIL);
  return null;
}
