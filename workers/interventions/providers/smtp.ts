import { WorkerMailer } from "worker-mailer";
import { SECOND_MS } from "../../../shared/time.ts";
import { type Mail, messageOf, type Provider, type SendOutcome } from "./provider.ts";

const TIMEOUT_MS = 15 * SECOND_MS;

/**
 * worker-mailer reads a closed socket for ever in a loop of microtasks, which starves the isolate. A closed socket is
 * an error; its own deadline then never has to fire.
 */
interface Readable {
  reader: ReadableStreamDefaultReader<Uint8Array>;
  read(): Promise<string>;
}
(WorkerMailer.prototype as unknown as Readable).read = async function (this: Readable): Promise<string> {
  const decoder = new TextDecoder();
  for (let reply = ""; ; ) {
    const { value, done } = await this.reader.read();
    if (done) throw new Error("the server closed the connection");
    reply += decoder.decode(value, { stream: true });
    const last = reply.split(/\r?\n/).at(-2) ?? "";
    if (reply.endsWith("\n") && !/^\d{3}-/.test(last)) return reply;
  }
};

/** SMTP over a TCP socket: `smtp://user:password@host:port` (STARTTLS where offered) or `smtps://…`. */
export class SmtpProvider implements Provider {
  readonly name = "smtp";
  readonly resumable = false;
  readonly #url: URL;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  async send(mail: Mail): Promise<SendOutcome> {
    const { hostname, port, username, password, protocol } = this.#url;
    const secure = protocol === "smtps:";
    let mailer: WorkerMailer;
    try {
      mailer = await WorkerMailer.connect({
        host: hostname,
        port: Number(port) || (secure ? 465 : 587),
        secure,
        startTls: !secure && !isLoopback(hostname),
        ...(username
          ? { credentials: { username: decodeURIComponent(username), password: decodeURIComponent(password) } }
          : {}),
        authType: ["plain", "login"],
        logLevel: 4,
        socketTimeoutMs: TIMEOUT_MS,
        responseTimeoutMs: TIMEOUT_MS,
      });
    } catch (error) {
      const reason = messageOf(error);
      return { kind: "refused", reason, retryable: !/authenticat|login|auth method/i.test(reason) };
    }
    try {
      await mailer.send({
        from: mail.from,
        to: mail.to,
        subject: mail.subject,
        ...(mail.html ? { html: mail.html } : {}),
        ...(mail.text || !mail.html ? { text: mail.text } : {}),
        headers: { ...mail.headers, "Message-ID": `<${mail.deliveryId}@${mail.from.email.split("@")[1]}>` },
      });
      return { kind: "sent" };
    } catch (error) {
      return refusal(messageOf(error));
    } finally {
      await mailer.close().catch(() => undefined); // the message's fate is settled; a lost QUIT changes nothing
    }
  }
}

/** A reply code says that it surely was not sent: 4xx for now, 5xx for good. No code: nobody knows. */
export function refusal(reason: string): SendOutcome {
  const code = /(?:^|[\s:>])([45])\d\d[\s-]/.exec(reason)?.[1];
  if (!code) return { kind: "unknown", reason };
  return { kind: "refused", reason, retryable: code === "4" };
}

const isLoopback = (host: string): boolean => host === "localhost" || host === "[::1]" || host.startsWith("127.");
