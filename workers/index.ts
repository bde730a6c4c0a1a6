/** The one entry point: requests, queues, schedules, and the actor classes. */
import type { AccountMailHint, CartNews, SendCommand } from "../shared/events/messages.ts";
import type { Env } from "./env.ts";
import { createGateway } from "./gateway/index.ts";
import { postEvents, preflight } from "./ingest/beacons.ts";
import { consumeEvents } from "./ingest/consumer.ts";
import { forgetTenant } from "./ingest/tenants.ts";
import { localMails } from "./interventions/account-mails.ts";
import { followRecoveryLink, restoreCart, unsubscribe, unsubscribePage } from "./interventions/links.ts";
import { consumeInterventions } from "./interventions/sender.ts";
import { runSchedule } from "./jobs/cron.ts";
import { consumeDeadLetters } from "./jobs/dead-letters.ts";

export { Cart } from "../objects/cart/cart.ts";
export { Keyring } from "../objects/keyring/keyring.ts";
export { Room } from "../objects/room/room.ts";
export { Shopper } from "../objects/shopper/shopper.ts";
export { Store } from "../objects/store/store.ts";

const handle = createGateway({
  postEvents,
  preflight,
  forgetTenant,
  followRecoveryLink,
  restoreCart,
  unsubscribePage,
  unsubscribe,
  localMails,
});

export default {
  fetch: handle,

  async queue(batch, env) {
    if (batch.queue === "events") return consumeEvents(batch as MessageBatch<CartNews>, env);
    if (batch.queue === "interventions")
      return consumeInterventions(batch as MessageBatch<SendCommand | AccountMailHint>, env);
    return consumeDeadLetters(batch, env);
  },

  async scheduled(controller, env) {
    await runSchedule(controller.cron, env, controller.scheduledTime);
  },
} satisfies ExportedHandler<Env, unknown>;
