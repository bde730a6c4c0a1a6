import type { Config } from "../../../shared/config.ts";
import type { Setup } from "../../../shared/providers.ts";
import type { Env } from "../../env.ts";
import { HttpProvider } from "./http.ts";
import type { MailApi } from "./mail-api.ts";
import { mailgun } from "./mailgun.ts";
import { OutboxProvider } from "./outbox.ts";
import { postmark } from "./postmark.ts";
import type { MessageProvider, Provider } from "./provider.ts";
import { resend } from "./resend.ts";
import { SendEmailProvider } from "./send-email.ts";
import { sendgrid } from "./sendgrid.ts";
import { ses } from "./ses.ts";
import { SmtpProvider } from "./smtp.ts";

/** The provider this deployment sends mail by, for stores that have none of their own. */
export function emailProvider(env: Env, config: Config): Provider {
  return accountMailProvider(env, config) ?? new OutboxProvider(env.DB);
}

/** The same for mails that belong to no delivery: `null` for the outbox, which keeps deliveries only. */
export function accountMailProvider(env: Env, config: Config): MessageProvider | null {
  if (config.EMAIL_PROVIDER === "smtp") return new SmtpProvider(config.SMTP_URL);
  if (config.EMAIL_PROVIDER === "send_email") return new SendEmailProvider(env.EMAIL);
  return null;
}

/** A provider that a store has set up. */
export const storeProvider = (setup: Setup): MessageProvider => new HttpProvider(apiOf(setup));

function apiOf(setup: Setup): MailApi {
  switch (setup.kind) {
    case "sendgrid":
      return sendgrid(setup.settings, setup.credentials);
    case "postmark":
      return postmark(setup.settings, setup.credentials);
    case "resend":
      return resend(setup.settings, setup.credentials);
    case "ses":
      return ses(setup.settings, setup.credentials);
    case "mailgun":
      return mailgun(setup.settings, setup.credentials);
  }
}
