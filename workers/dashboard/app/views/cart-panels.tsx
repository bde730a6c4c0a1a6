/** The smaller facts beside a cart: its order, what is due, the campaign it is in, and the messages it caused. */
import type { CartDeliveryView, CartView } from "../../../../shared/views.ts";
import { formatMoney, words } from "../format.ts";
import { campaignHref, outboxHref } from "../route.ts";
import { CHANNEL_LABELS } from "../ui/channels.ts";
import { ChannelIcon } from "../ui/icons.tsx";
import { DeliveryStatusChip } from "../ui/status.tsx";
import { Ago, Countdown } from "../ui/times.tsx";

export function CartOrder({ cart }: { cart: CartView }) {
  if (!cart.order) return null;
  return (
    <section class="panel panel-order" aria-labelledby="order-heading">
      <h2 id="order-heading">Order {cart.order.id}</h2>
      <p class="order-total">{formatMoney(cart.order.total)}</p>
      <p class="panel-foot">
        placed <Ago at={cart.order.at} />
      </p>
      <CreditedTo cart={cart} />
    </section>
  );
}

/** To which campaign and message the order is owed, and by which rule. */
function CreditedTo({ cart: { attribution, journeys, deliveries } }: { cart: CartView }) {
  if (!attribution) return null;
  const { campaignId, deliveryId, model } = attribution;
  const campaign = journeys.find((journey) => journey.campaignId === campaignId);
  const message = deliveries.find(({ id }) => id === deliveryId);
  return (
    <p class="panel-foot" data-testid="credited" data-model={model}>
      Credited to <a href={campaignHref(campaignId)}>{campaign?.campaignName ?? "a campaign"}</a>,{" "}
      <a href={outboxHref(deliveryId)}>
        {message ? `${CHANNEL_LABELS[message.channel]} · ${words(message.stepId)}` : "a message"}
      </a>{" "}
      by {words(model).toLowerCase()}
    </p>
  );
}

export function CartTimers({ timers }: { timers: CartView["timers"] }) {
  if (timers.length === 0) return null;
  const soonest = [...timers].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return (
    <section class="panel" aria-labelledby="timers-heading" data-testid="timers">
      <h2 id="timers-heading">Next</h2>
      <ul class="timers">
        {soonest.map((timer) => (
          <li key={timer.name}>
            <span>{words(timer.name)}</span>
            <Countdown at={timer.at} />
          </li>
        ))}
      </ul>
    </section>
  );
}

export function CartJourneys({ journeys }: Pick<CartView, "journeys">) {
  if (journeys.length === 0) return null;
  return (
    <section class="panel panel-later" aria-labelledby="journey-heading">
      <h2 id="journey-heading">{journeys.length === 1 ? "Journey" : "Journeys"}</h2>
      <ul class="messages">
        {journeys.map((journey) => (
          <li key={journey.campaignId}>
            <p class="journey-name">
              <a href={campaignHref(journey.campaignId)}>{journey.campaignName}</a>
            </p>
            <p class="panel-foot">
              {words(journey.trigger)} · version {journey.version} · entered <Ago at={journey.enteredAt} />
              {journey.exit && ` · left: ${words(journey.exit).toLowerCase()}`}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function CartMessages({ deliveries }: { deliveries: CartDeliveryView[] }) {
  if (deliveries.length === 0) return null;
  return (
    <section class="panel panel-later" aria-labelledby="messages-heading">
      <h2 id="messages-heading">Messages</h2>
      <ul class="messages">
        {deliveries.map((delivery) => (
          <li key={delivery.id}>
            <a href={outboxHref(delivery.id)}>
              <span class="message-name">
                <ChannelIcon channel={delivery.channel} size={16} />
                {CHANNEL_LABELS[delivery.channel]} · {words(delivery.stepId)}
              </span>
              <DeliveryStatusChip status={delivery.status} />
            </a>
            {delivery.status === "scheduled" && delivery.dueAt && (
              <p class="panel-foot">
                goes out in <Countdown at={delivery.dueAt} />
              </p>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
