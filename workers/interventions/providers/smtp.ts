import { WorkerMailer } from "worker-mailer";
import { SECOND_MS } from "../../../shared/time.ts";
import { headerText, mailbox } from "./headers.ts";
import { type MessageProvider, messageOf, type OutgoingMail, type SendOutcome } from "./provider.ts";

const TIMEOUT_MS = 15 * SECOND_MS;
/** A server that lets the goodbye wait holds nobody up. */
const QUIT_MS = SECOND_MS;

/** What worker-mailer does not show. */
interface Internals {
  reader: ReadableStreamDefaultReader<Uint8Array>;
  /** The message itself was written: from here on a lost answer means that nobody knows. */
  handedOver?: boolean;
  read(): Promise<string>;
  body(): Promise<void>;
}
const internals = WorkerMailer.prototype as unknown as Internals;

/**
 * worker-mailer reads a closed socket for ever in a loop of microtasks, which starves the isolate. A closed socket is
 * an error; its own deadline then never has to fire.
 */
internals.read = async function (this: Internals): Promise<string> {
  const decoder = new TextDecoder();
  for (let reply = ""; ; ) {
    const { value, done } = await this.reader.read();
    if (done) throw new Error("the server closed the connection");
    reply += decoder.decode(value, { stream: true });
    const last = reply.split(/\r?\n/).at(-2) ?? "";
    if (reply.endsWith("\n") && !/^\d{3}-/.test(last)) return reply;
  }
};

const writeBody = internals.body;
internals.body = function (this: Internals): Promise<void> {
  this.handedOver = true;
  return writeBody.call(this);
};

export interface SmtpServer {
  host: string;
  port: number;
  /** TLS from the first byte on; else as soon as the server offers it. */
  secure: boolean;
  credentials: { username: string; password: string } | null;
}

/** `smtp://user:password@host:port` (STARTTLS where offered) or `smtps://…`. */
export function smtpServerOf(address: string): SmtpServer {
  const { hostname, port, username, password, protocol } = new URL(address);
  const secure = protocol === "smtps:";
  const credentials = username
    ? { username: decodeURIComponent(username), password: decodeURIComponent(password) }
    : null;
  return { host: hostname, port: Number(port) || (secure ? 465 : 587), secure, credentials };
}

/** SMTP over a TCP socket. */
export class SmtpProvider implements MessageProvider {
  readonly name = "smtp";
  readonly resumable = false;
  readonly #server: SmtpServer;

  constructor(server: SmtpServer) {
    this.#server = server;
  }

  async send(mail: OutgoingMail): Promise<SendOutcome> {
    const { host, port, secure, credentials } = this.#server;
    let mailer: WorkerMailer;
    try {
      mailer = await WorkerMailer.connect({
        host,
        port,
        secure,
        startTls: !secure && !isLoopback(host),
        ...(credentials ? { credentials } : {}),
        authType: ["plain", "login"],
        logLevel: 4,
        socketTimeoutMs: TIMEOUT_MS,
        responseTimeoutMs: TIMEOUT_MS,
      });
    } catch (error) {
      // Nothing was said of this message yet: a wrong password is no reason to give it up, nor to call the provider well.
      return { kind: "refused", reason: messageOf(error), retryable: true };
    }
    try {
      await mailer.send({
        from: mail.from,
        to: mail.to,
        subject: mail.subject,
        ...(mail.html ? { html: mail.html } : {}),
        ...(mail.text || !mail.html ? { text: mail.text } : {}),
        headers: {
          ...mail.headers,
          From: mailbox(mail.from),
          Subject: headerText(mail.subject),
          "Message-ID": `<${mail.deliveryId}@${mail.from.email.split("@")[1]}>`,
        },
      });
      return { kind: "sent" };
    } catch (error) {
      return refusal(messageOf(error), (mailer as unknown as Internals).handedOver === true);
    } finally {
      // The message's fate is settled; a lost QUIT changes nothing.
      await Promise.race([mailer.close().catch(() => undefined), scheduler.wait(QUIT_MS)]);
    }
  }
}

/**
 * A reply code says that it surely was not sent: 4xx for now, 5xx for good. Without one it was not sent either when the
 * message itself had not been handed over yet; afterwards nobody knows.
 */
export function refusal(reason: string, handedOver: boolean): SendOutcome {
  const code = codeOf(reason);
  if (code) return { kind: "refused", reason, retryable: code === "4" };
  return handedOver ? { kind: "unknown", reason } : { kind: "refused", reason, retryable: true };
}

const codeOf = (reason: string): string | undefined => /(?:^|[\s:>])([45])\d\d[\s-]/.exec(reason)?.[1];

const isLoopback = (host: string): boolean => host === "localhost" || host === "[::1]" || host.startsWith("127.");
