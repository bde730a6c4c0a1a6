/**
 * Providers that are spoken to over HTTP: one request a message, and what its end says about the message. The provider's
 * own ways are its `MessageApi`.
 */
import { type ApiReply, type ApiRequest, judged, type MessageApi, objectOf, readBody, Unsendable } from "./api.ts";
import { type MessageProvider, messageOf, type OutgoingMessage, type SendOutcome } from "./provider.ts";

export class HttpProvider implements MessageProvider {
  readonly name: string;
  readonly resumable: boolean;
  readonly #api: MessageApi;
  readonly #timeoutMs: number;

  constructor(api: MessageApi, timeoutMs: number) {
    this.name = api.kind;
    this.resumable = api.resumable;
    this.#api = api;
    this.#timeoutMs = timeoutMs;
  }

  async send(message: OutgoingMessage): Promise<SendOutcome> {
    if (message.channel !== this.#api.channel)
      return { kind: "refused", reason: `${this.name} sends no ${message.channel}`, retryable: false };
    const progress = { handedOver: false };
    try {
      const request = await this.#api.request(message);
      if (message.traceparent) request.headers.traceparent = message.traceparent;
      const reply = await exchange(request, this.#timeoutMs, progress);
      return judged(this.#api, reply, Date.now());
    } catch (error) {
      if (error instanceof Unsendable) return error.outcome;
      const reason = messageOf(error);
      return progress.handedOver ? { kind: "unknown", reason } : { kind: "refused", reason, retryable: true };
    }
  }
}

/**
 * The body goes out in parts, and each is asked for when an earlier one was written: the runtime reads two or three ahead
 * of an open connection, never this many. Only then the last byte is given away (`handedOver`). Whatever fails before that
 * has sent a request that no server can obey; a runtime that read further ahead would only make more failures `unknown`.
 */
const LAST_PARTS = 8;

async function exchange(
  { url, headers, body }: ApiRequest,
  timeoutMs: number,
  progress: { handedOver: boolean },
): Promise<ApiReply> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const { readable, writable } = new FixedLengthStream(bytes.length);
  const abort = AbortSignal.timeout(timeoutMs);
  const answer = fetch(url, { method: "POST", headers, body: readable, redirect: "manual", signal: abort });
  const written = write(writable, bytes, progress);
  // A failed write is told by the answer, which may as well be there before all was written.
  written.catch(() => undefined);
  const response = await answer;
  const text = await readBody(response);
  return { status: response.status, headers: response.headers, text, body: objectOf(text) };
}

async function write(
  writable: WritableStream<Uint8Array>,
  bytes: Uint8Array,
  progress: { handedOver: boolean },
): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(bytes.subarray(0, -LAST_PARTS));
  for (let left = LAST_PARTS; left > 1; left--) await writer.write(bytes.subarray(-left, bytes.length - left + 1));
  progress.handedOver = true;
  await writer.write(bytes.subarray(-1));
  await writer.close();
}
