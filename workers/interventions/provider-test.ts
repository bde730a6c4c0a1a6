/** A message that only tells whether a store's provider works. */
import { type Config, parseConfig } from "../../shared/config.ts";
import { opened, type ProviderRow } from "../../shared/db/providers.ts";
import type { PushTarget } from "../../shared/events/types.ts";
import { newId } from "../../shared/ids.ts";
import { HOUR_MS, SECOND_MS } from "../../shared/time.ts";
import { traceparentOf } from "../../shared/trace.ts";
import type { Env } from "../env.ts";
import { storeProvider } from "./providers/index.ts";
import type { OutgoingMessage } from "./providers/provider.ts";

const TITLE = "A test message";
const TEXT = "This message tells that your store can send by this provider. Nothing else is to be done.";

/** What became of it. */
export interface TestOutcome {
  outcome: "sent" | "refused" | "unknown";
  messageId: string | null;
  reason: string | null;
  retryable: boolean;
  gone: boolean;
  ms: number;
}

/** To whom, by channel: an address, a number, or a device; and where a tap on the device leads. */
export type TestRecipient =
  | { channel: "email" | "sms"; to: string }
  | { channel: "push"; target: PushTarget; url: string };

/** Sends it, once, by this provider alone. */
export async function testProvider(
  env: Env,
  row: ProviderRow,
  to: TestRecipient,
  traceparent: string | null,
): Promise<TestOutcome> {
  const none = { messageId: null, reason: null, retryable: false, gone: false };
  const config: Config = parseConfig(env);
  const setup = await opened(row, config.AUTH_SECRET);
  if (!setup)
    return { ...none, outcome: "refused", reason: "the credentials cannot be opened: enter them again", ms: 0 };
  const started = Date.now();
  const trace = traceparentOf(traceparent);
  // What becomes of it nobody is told: no delivery is behind it.
  const provider = storeProvider(setup, { callbackUrl: null, config });
  const result = await provider.send({ ...messageTo(row, to), ...(trace ? { traceparent: trace } : {}) });
  const ms = Date.now() - started;
  if (result.kind === "sent") return { ...none, outcome: "sent", messageId: result.messageId ?? null, ms };
  const gone = result.kind === "refused" && result.gone === true;
  const retryable = result.kind === "refused" && (result.retryable || (result.account === true && !gone));
  return { ...none, outcome: result.kind, reason: result.reason, retryable, gone, ms };
}

function messageTo(row: ProviderRow, recipient: TestRecipient): OutgoingMessage {
  const deliveryId = newId("test");
  if (recipient.channel === "push") {
    const { target, url } = recipient;
    const ttlSeconds = HOUR_MS / SECOND_MS;
    return { channel: "push", deliveryId, target, title: TITLE, body: TEXT, url, imageUrl: null, ttlSeconds };
  }
  const { channel, to } = recipient;
  if (channel === "sms") return { channel, deliveryId, to, text: TEXT };
  return {
    channel,
    deliveryId,
    from: { name: row.from_name ?? "Cartwake", email: row.from_email },
    to,
    subject: TITLE,
    text: TEXT,
    html: `<p>${TEXT}</p>`,
    headers: { "Auto-Submitted": "auto-generated" },
  };
}
