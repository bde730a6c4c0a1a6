import type { Config } from "../../../shared/config.ts";
import type { MessageChannel } from "../../../shared/policy/rules.ts";
import type { Setup } from "../../../shared/providers.ts";
import { SECOND_MS } from "../../../shared/time.ts";
import type { Env } from "../../env.ts";
import type { MessageApi } from "./api.ts";
import { fcm } from "./fcm.ts";
import { HttpProvider } from "./http.ts";
import { mailgun } from "./mailgun.ts";
import { onesignal } from "./onesignal.ts";
import { OutboxProvider } from "./outbox.ts";
import { postmark } from "./postmark.ts";
import type { MessageProvider, Provider } from "./provider.ts";
import { resend } from "./resend.ts";
import { SendEmailProvider } from "./send-email.ts";
import { sendgrid } from "./sendgrid.ts";
import { ses } from "./ses.ts";
import { SmtpProvider, smtpServerOf } from "./smtp.ts";
import { sns } from "./sns.ts";
import { twilio } from "./twilio.ts";
import { webpush } from "./webpush.ts";

/** The providers of a channel that the deployment has for stores without their own; locally what is sent is kept and shown. */
export function deploymentProviders(env: Env, config: Config, channel: MessageChannel): Provider[] {
  if (channel === "email") return [accountMailProvider(env, config) ?? new OutboxProvider(env.DB)];
  return isLocal(config) ? [new OutboxProvider(env.DB)] : [];
}

/** By what mails go that belong to no delivery: `null` for the outbox, which keeps deliveries only. */
export function accountMailProvider(env: Env, config: Config): MessageProvider | null {
  if (config.EMAIL_PROVIDER === "smtp") return new SmtpProvider(smtpServerOf(config.SMTP_URL));
  if (config.EMAIL_PROVIDER === "send_email") return new SendEmailProvider(env.EMAIL);
  return null;
}

/** What a store's provider needs to know of the deployment. */
export interface Surroundings {
  /** Where the provider may send its events; `null` when that is not known. */
  callbackUrl: string | null;
  config: Pick<Config, "ENVIRONMENT" | "PROVIDER_TIMEOUT_SECONDS">;
}

/** A provider that a store has set up. */
export function storeProvider(setup: Setup, { callbackUrl, config }: Surroundings): MessageProvider {
  if (setup.kind === "smtp") {
    const { host, port, security } = setup.settings;
    const { username, password = "" } = setup.credentials;
    return new SmtpProvider({
      host,
      port,
      secure: security === "tls",
      credentials: username === undefined ? null : { username, password },
    });
  }
  const timeoutMs = config.PROVIDER_TIMEOUT_SECONDS * SECOND_MS;
  const loopback = isLocal(config);
  return new HttpProvider(apiOf(setup, callbackUrl, loopback, timeoutMs), timeoutMs);
}

/** On a merchant's own machine, or in a test. */
export const isLocal = ({ ENVIRONMENT }: Pick<Config, "ENVIRONMENT">): boolean =>
  ENVIRONMENT === "local" || ENVIRONMENT === "test";

function apiOf(
  setup: Exclude<Setup, { kind: "smtp" }>,
  callbackUrl: string | null,
  loopback: boolean,
  timeoutMs: number,
): MessageApi {
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
    case "twilio":
      return twilio(setup.settings, setup.credentials, callbackUrl);
    case "sns":
      return sns(setup.settings, setup.credentials);
    case "fcm":
      return fcm(setup.settings, setup.credentials, timeoutMs);
    case "onesignal":
      return onesignal(setup.settings, setup.credentials);
    case "webpush":
      return webpush(setup.settings, setup.credentials, loopback);
  }
}
