import type { Config } from "../../../shared/config.ts";
import type { Env } from "../../env.ts";
import { OutboxProvider } from "./outbox.ts";
import type { Provider } from "./provider.ts";
import { SendEmailProvider } from "./send-email.ts";
import { SmtpProvider } from "./smtp.ts";

/** The provider this deployment sends mail by. */
export function emailProvider(env: Env, config: Config): Provider {
  if (config.EMAIL_PROVIDER === "smtp") return new SmtpProvider(config.SMTP_URL);
  if (config.EMAIL_PROVIDER === "send_email") return new SendEmailProvider(env.EMAIL);
  return new OutboxProvider(env.DB);
}
