/**
 * A provider's API on loopback: checks what the real one checks and refuses the rest, keeps what it took, and can be told
 * to fail for a recipient. What is specific to a provider is its `Checker`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Answered {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** Instead of `body`: not JSON. */
  text?: string;
}

/** A message as the provider understood it. Of push: `subject` is the title, `to` names the device. */
export interface Taken {
  to: string;
  from: string;
  subject: string;
  html: string;
  text: string;
  headers: Record<string, string>;
  deliveryId: string;
  /** What only this provider knows. */
  more?: Record<string, unknown>;
}

/** What goes wrong for a recipient, once each, in this order; afterwards mail is taken. */
export type Failure =
  | Answered
  /** Never answers; `taken`: although it took the mail. */
  | { hang: true; taken?: true }
  /** The connection ends without an answer; `taken`: although it took the mail. */
  | { drop: true; taken?: true }
  /** Takes the mail and answers well, with something that is not its API's answer. */
  | { malformed: string };

export interface Checker {
  /** Reads the mail, or answers as the real API refuses. */
  check(asked: Asked): Promise<Taken | Answered> | Taken | Answered;
  /** How the real API says yes. */
  accept(id: string): Answered;
}

const isTaken = (result: Taken | Answered): result is Taken => "deliveryId" in result;

export class ProviderServer {
  /** Mails that were taken, with the request's own headers. */
  readonly taken: (Taken & { id: string; asked: Asked })[] = [];
  /** What was refused because it is not how the API is used. */
  readonly misused: { asked: Asked; answer: Answered }[] = [];
  /** Attempts that passed the checks, by recipient. */
  readonly attempts = new Map<string, number>();
  /** Other addresses of this server. */
  readonly pages = new Map<string, string>();
  readonly visits: string[] = [];
  readonly #checker: Checker;
  readonly #failures = new Map<string, Failure[]>();
  #server: Server | null = null;
  #port = 0;

  constructor(checker: Checker) {
    this.#checker = checker;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  fail(recipient: string, ...failures: Failure[]): string {
    this.#failures.set(recipient, failures);
    return recipient;
  }

  to(recipient: string): (Taken & { id: string; asked: Asked })[] {
    return this.taken.filter((mail) => mail.to === recipient);
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response));
    this.#server = server;
    await new Promise<void>((listening) => server.listen(this.#port, "127.0.0.1", listening));
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    server.closeAllConnections();
    await new Promise<void>((closed) => server.close(() => closed()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? "/";
    const page = this.pages.get(path);
    if (request.method === "GET" && page !== undefined) {
      this.visits.push(path);
      response.end(page);
      return;
    }
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const asked = { method: request.method ?? "", path, headers, body: Buffer.concat(chunks) };
    const result = await this.#checker.check(asked);
    if (!isTaken(result)) {
      if (result.status >= 300) this.misused.push({ asked, answer: result });
      say(response, result);
      return;
    }
    this.#obey(result, asked, response);
  }

  #obey(mail: Taken, asked: Asked, response: ServerResponse): void {
    this.attempts.set(mail.to, (this.attempts.get(mail.to) ?? 0) + 1);
    const id = `msg-${this.taken.length + 1}`;
    const take = () => void this.taken.push({ ...mail, id, asked });
    const failure = this.#failures.get(mail.to)?.shift();
    if (!failure || "status" in failure) {
      if (!failure) take();
      say(response, failure ?? this.#checker.accept(id));
      return;
    }
    if ("malformed" in failure) {
      take();
      response.writeHead(200, { "content-type": "application/json" }).end(failure.malformed);
      return;
    }
    if (failure.taken) take();
    if ("drop" in failure) response.destroy();
  }
}

function say(response: ServerResponse, { status, headers = {}, body, text }: Answered): void {
  response.writeHead(status, body === undefined ? headers : { "content-type": "application/json", ...headers });
  response.end(body === undefined ? text : JSON.stringify(body));
}

/** The JSON object of a request that says it is one. */
export function jsonOf({ headers, body }: Asked): Record<string, unknown> | null {
  if (!headers["content-type"]?.startsWith("application/json")) return null;
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The fields of a form that says it is one; `null` when a field comes twice. */
export function formOf({ headers, body }: Asked): Record<string, string> | null {
  if (!headers["content-type"]?.startsWith("application/x-www-form-urlencoded")) return null;
  const form = new URLSearchParams(body.toString("utf8"));
  const fields = Object.fromEntries(form);
  return Object.keys(fields).length === form.size ? fields : null;
}

export const isE164 = (text: unknown): text is string => typeof text === "string" && /^\+[1-9]\d{6,14}$/.test(text);

const ADDRESS = /^[^\s@<>"]+@[^\s@<>"]+\.[a-z]{2,}$/i;
export const isAddress = (text: unknown): text is string => typeof text === "string" && ADDRESS.test(text);
/** `"Name" <address>` or the address alone. */
export const isMailbox = (text: unknown): text is string =>
  typeof text === "string" && (isAddress(text) || isAddress(/^"?[^"<>]*"? <([^<>]+)>$/.exec(text)?.[1]));
export const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** `[{ Name, Value }]` as an object; `null` when it is something else. */
export function pairs(list: unknown): Record<string, string> | null {
  if (!Array.isArray(list)) return null;
  const entries: [string, string][] = [];
  for (const { Name, Value, ...rest } of list as Record<string, unknown>[]) {
    if (!isText(Name) || !isText(Value) || Object.keys(rest).length > 0) return null;
    entries.push([Name.toLowerCase(), Value]);
  }
  return Object.fromEntries(entries);
}

export const lower = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
