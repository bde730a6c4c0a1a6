import { type MessageProvider, messageOf, type OutgoingMail, type SendOutcome } from "./provider.ts";

/** Cloudflare's `send_email` binding. It takes no idempotency key, and says no with codes that begin with `E_`. */
export class SendEmailProvider implements MessageProvider {
  readonly name = "send_email";
  readonly resumable = false;
  readonly #binding: SendEmail;

  constructor(binding: SendEmail) {
    this.#binding = binding;
  }

  async send(mail: OutgoingMail): Promise<SendOutcome> {
    try {
      await this.#binding.send({
        from: mail.from,
        to: mail.to,
        subject: mail.subject,
        ...(mail.html ? { html: mail.html } : {}),
        ...(mail.text || !mail.html ? { text: mail.text } : {}),
        headers: mail.headers,
      });
      return { kind: "sent" };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      const reason = `${code} ${messageOf(error)}`.trim();
      if (/^E_(RATE_LIMIT|DAILY_LIMIT|INTERNAL_SERVER)/.test(code)) return { kind: "refused", reason, retryable: true };
      if (code.startsWith("E_")) return { kind: "refused", reason, retryable: false };
      return { kind: "unknown", reason };
    }
  }
}
