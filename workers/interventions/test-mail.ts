/** A message that only tells whether a store's provider works. */
import { parseConfig } from "../../shared/config.ts";
import { opened, type ProviderRow } from "../../shared/db/providers.ts";
import { newId } from "../../shared/ids.ts";
import { traceparentOf } from "../../shared/trace.ts";
import type { Env } from "../env.ts";
import { storeProvider } from "./providers/index.ts";

const TEXT = "This message tells that your store can send by this provider. Nothing else is to be done.";

/** What became of it. */
export interface TestOutcome {
  outcome: "sent" | "refused" | "unknown";
  messageId: string | null;
  reason: string | null;
  retryable: boolean;
  ms: number;
}

/** Sends it, once, by this provider alone. */
export async function testProvider(
  env: Env,
  row: ProviderRow,
  to: string,
  traceparent: string | null,
): Promise<TestOutcome> {
  const none = { messageId: null, reason: null, retryable: false };
  const setup = await opened(row, parseConfig(env).AUTH_SECRET);
  if (!setup)
    return { ...none, outcome: "refused", reason: "the credentials cannot be opened: enter them again", ms: 0 };
  const started = Date.now();
  const trace = traceparentOf(traceparent);
  const result = await storeProvider(setup).send({
    deliveryId: newId("test"),
    from: { name: row.from_name ?? "Cartwake", email: row.from_email },
    to,
    subject: "A test message",
    text: TEXT,
    html: `<p>${TEXT}</p>`,
    headers: { "Auto-Submitted": "auto-generated" },
    ...(trace ? { traceparent: trace } : {}),
  });
  const ms = Date.now() - started;
  if (result.kind === "sent") return { ...none, outcome: "sent", messageId: result.messageId ?? null, ms };
  const retryable = result.kind === "refused" && (result.retryable || result.account === true);
  return { ...none, outcome: result.kind, reason: result.reason, retryable, ms };
}
