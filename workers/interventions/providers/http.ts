/**
 * Providers that are spoken to over HTTP: one request a mail, and what its end says about the mail. The provider's
 * own ways are its `MailApi`.
 */
import { SECOND_MS } from "../../../shared/time.ts";
import { type ApiReply, type ApiRequest, isObject, judged, type MailApi } from "./mail-api.ts";
import { type MessageProvider, messageOf, type OutgoingMail, type SendOutcome } from "./provider.ts";

const CALL_MS = 30 * SECOND_MS;
/** No API's answer to one mail is longer. */
const MAX_ANSWER = 64 * 1024;

export class HttpProvider implements MessageProvider {
  readonly name: string;
  readonly resumable: boolean;
  readonly #api: MailApi;

  constructor(api: MailApi) {
    this.name = api.kind;
    this.resumable = api.resumable;
    this.#api = api;
  }

  async send(mail: OutgoingMail): Promise<SendOutcome> {
    const progress = { handedOver: false };
    try {
      const request = await this.#api.request(mail);
      if (mail.traceparent) request.headers.traceparent = mail.traceparent;
      const reply = await exchange(request, progress);
      return judged(this.#api, reply, Date.now());
    } catch (error) {
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

async function exchange({ url, headers, body }: ApiRequest, progress: { handedOver: boolean }): Promise<ApiReply> {
  const bytes = new TextEncoder().encode(body);
  const { readable, writable } = new FixedLengthStream(bytes.length);
  const abort = AbortSignal.timeout(CALL_MS);
  const answer = fetch(url, { method: "POST", headers, body: readable, redirect: "manual", signal: abort });
  const written = write(writable, bytes, progress);
  // A failed write is told by the answer, which may as well be there before all was written.
  written.catch(() => undefined);
  const response = await answer;
  return { status: response.status, headers: response.headers, body: await readBody(response) };
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

/** The answer's object. One that breaks off or goes on for ever is read as none: what the status says stays. */
async function readBody(response: Response): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_ANSWER) return {};
      chunks.push(chunk);
    }
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
