/** The one entry point: requests, queues, schedules, and the actor classes. */
import { meterStub } from "../objects/stubs.ts";
import type { AccountMailHint, CartNews, QueueProbe, ScoringHint, SendCommand } from "../shared/events/messages.ts";
import { flushMetrics, flushMetricsNow } from "../shared/metrics.ts";
import type { Env } from "./env.ts";
import { createGateway } from "./gateway/index.ts";
import { postEvents, preflight } from "./ingest/beacons.ts";
import { consumeEvents } from "./ingest/consumer.ts";
import { pushKey } from "./ingest/push-key.ts";
import { forgetTenant } from "./ingest/tenants.ts";
import { localMails } from "./interventions/account-mails.ts";
import { receiveCallback } from "./interventions/callbacks/index.ts";
import { followRecoveryLink, restoreCart } from "./interventions/links.ts";
import { unsubscribe, unsubscribePage } from "./interventions/preferences.ts";
import { testProvider } from "./interventions/provider-test.ts";
import { consumeInterventions } from "./interventions/sender.ts";
import { runSchedule, WEEKLY } from "./jobs/cron.ts";
import { consumeDeadLetters } from "./jobs/dead-letters.ts";
import { consumeScoring } from "./scoring/consumer.ts";
import { draftCopy } from "./scoring/copy.ts";
import { makeLossSummary, readLossSummary } from "./scoring/summary.ts";
import { runTrainingSchedule } from "./training/schedule.ts";
import { startTraining } from "./training/start.ts";

export { Breaker } from "../objects/breaker/breaker.ts";
export { Cart } from "../objects/cart/cart.ts";
export { Keyring } from "../objects/keyring/keyring.ts";
export { Limiter } from "../objects/limiter/limiter.ts";
export { Meter } from "../objects/meter/meter.ts";
export { Room } from "../objects/room/room.ts";
export { Shopper } from "../objects/shopper/shopper.ts";
export { Store } from "../objects/store/store.ts";
export { Training } from "./training/workflow.ts";

const handle = createGateway({
  postEvents,
  preflight,
  forgetTenant,
  followRecoveryLink,
  restoreCart,
  unsubscribePage,
  unsubscribe,
  testProvider,
  receiveCallback,
  pushKey,
  localMails,
  draftCopy,
  readLossSummary,
  makeLossSummary,
  startTraining,
});

const handOverMetrics = (env: Env, ctx: ExecutionContext): void =>
  flushMetrics(meterStub(env), ctx, (ms) => scheduler.wait(ms));

export default {
  async fetch(request, env, ctx) {
    const response = await handle(request, env, ctx);
    handOverMetrics(env, ctx);
    return response;
  },

  async queue(batch, env, ctx) {
    if (batch.queue === "events") await consumeEvents(batch as MessageBatch<CartNews | QueueProbe>, env);
    else if (batch.queue === "interventions")
      await consumeInterventions(batch as MessageBatch<SendCommand | AccountMailHint>, env);
    else if (batch.queue === "scoring") await consumeScoring(batch as MessageBatch<ScoringHint>, env);
    else await consumeDeadLetters(batch, env);
    flushMetricsNow(meterStub(env), ctx);
  },

  async scheduled(controller, env, ctx) {
    await runSchedule(controller.cron, env, controller.scheduledTime);
    if (controller.cron !== WEEKLY) await runTrainingSchedule(env, controller.scheduledTime);
    handOverMetrics(env, ctx);
  },
} satisfies ExportedHandler<Env, unknown>;
