/** A real SMTP server on loopback: wants a login, keeps what it was sent, and can be told to fail for a recipient. */
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer, type SMTPServerSession } from "smtp-server";

/** What goes wrong, each time it is named, in the order of attempts; afterwards mail is taken. */
export type Failure =
  | { at: "rcpt" | "data"; reply: number }
  | { at: "rcpt" | "data"; drop: true }
  | { at: "rcpt" | "data"; hang: true };

export interface Received {
  to: string[];
  from: string;
  raw: string;
  mail: Email;
}

export class MailServer {
  readonly received: Received[] = [];
  /** Every attempt that reached the server, by recipient. */
  readonly attempts = new Map<string, number>();
  readonly user = "cartwake";
  /** With characters that mean something in a URL. */
  password = "p@ss:w/rd%";
  readonly port: number;
  readonly #failures = new Map<string, Failure[]>();
  #server: SMTPServer | null = null;

  constructor(port: number) {
    this.port = port;
  }

  get url(): string {
    return `smtp://${this.user}:${encodeURIComponent(this.password)}@127.0.0.1:${this.port}`;
  }

  fail(recipient: string, ...failures: Failure[]): string {
    this.#failures.set(recipient, failures);
    return recipient;
  }

  to(recipient: string): Received[] {
    return this.received.filter((r) => r.to.includes(recipient));
  }

  async start(): Promise<void> {
    const server = new SMTPServer({
      disabledCommands: ["STARTTLS"],
      allowInsecureAuth: true,
      closeTimeout: 100,
      onAuth: ({ username, password }, _session, done) =>
        username === this.user && password === this.password
          ? done(null, { user: username })
          : done(Object.assign(new Error("Authentication credentials invalid"), { responseCode: 535 })),
      onRcptTo: ({ address }, session, done) => {
        this.attempts.set(address, (this.attempts.get(address) ?? 0) + 1);
        const failure = this.#failures.get(address)?.[0];
        if (failure?.at === "rcpt") this.#act(address, session, done);
        else done();
      },
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          const to = session.envelope.rcptTo.map((r) => r.address);
          const failing = to.find((address) => this.#failures.get(address)?.[0]?.at === "data");
          if (failing) return this.#act(failing, session, done);
          const raw = Buffer.concat(chunks).toString("utf8");
          const from = session.envelope.mailFrom ? session.envelope.mailFrom.address : "";
          void PostalMime.parse(raw).then((mail) => {
            this.received.push({ to, from, raw, mail });
            done(null);
          });
        });
      },
    });
    server.on("error", () => {});
    this.#server = server;
    await new Promise<void>((listening) => server.listen(this.port, "127.0.0.1", () => listening()));
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    for (const connection of server.connections) connection._socket.destroy();
    await new Promise<void>((closed) => server.close(() => closed()));
  }

  #act(recipient: string, session: SMTPServerSession, done: (error?: Error | null) => void): void {
    const failure = this.#failures.get(recipient)?.shift();
    if (!failure || "hang" in failure) return;
    if ("reply" in failure) {
      done(Object.assign(new Error(`not now, <${recipient}>`), { responseCode: failure.reply }));
      return;
    }
    for (const connection of this.#server?.connections ?? [])
      if (connection.id === session.id) connection._socket.destroy();
  }
}
