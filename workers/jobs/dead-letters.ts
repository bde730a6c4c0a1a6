import { log } from "../../shared/log.ts";
import { count, countAges } from "../../shared/metrics.ts";
import { traceIdOf } from "../../shared/trace.ts";
import type { Env } from "../env.ts";

/**
 * What a queue gave up on is kept, once however often it comes, until somebody repairs it. The actors' own timers go on
 * meanwhile.
 */
export async function consumeDeadLetters(batch: MessageBatch<unknown>, env: Env): Promise<void> {
  countAges("dead-letters", batch.messages, Date.now());
  for (const message of batch.messages) {
    const body = JSON.stringify(message.body).slice(0, 500_000);
    const { storeId, traceparent } = (message.body ?? {}) as { storeId?: unknown; traceparent?: unknown };
    try {
      const kept = await env.DB.prepare(
        "INSERT INTO failed_events (id, store_id, queue, body, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      )
        .bind(`fe_${message.id}`, typeof storeId === "string" ? storeId : null, batch.queue, body, Date.now())
        .run();
      const traceId = typeof traceparent === "string" ? traceIdOf(traceparent) : undefined;
      log("error", "dead_letter", { queue: batch.queue, message: message.id, traceId });
      count("cartwake_dead_letters_total", {}, kept.meta.changes);
      message.ack();
    } catch (error) {
      log("error", "dead_letter_unsaved", { queue: batch.queue, error });
      count("cartwake_queue_retries_total", { queue: "dead-letters" });
      message.retry({ delaySeconds: 60 });
    }
  }
}
