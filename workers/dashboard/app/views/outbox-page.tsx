/** Every message, newest first, and beside it the one that is being read. On a phone it is one or the other. */
import { useEffect } from "preact/hooks";
import type { DeliveryView } from "../../../../shared/views.ts";
import { words } from "../format.ts";
import { deliveries, olderDeliveries, outboxProblem, readOlder, watchOutbox } from "../live/outbox.ts";
import { outboxHref } from "../route.ts";
import { CHANNEL_LABELS } from "../ui/channels.ts";
import { ChannelIcon, MailIcon } from "../ui/icons.tsx";
import { ProblemNotice } from "../ui/notice.tsx";
import { reasonOf } from "../ui/reasons.ts";
import { DeliveryStatusChip } from "../ui/status.tsx";
import { Ago } from "../ui/times.tsx";
import { DeliveryDetail } from "./delivery-detail.tsx";
import { SignalNotice } from "./signal-notice.tsx";

export function OutboxPage({ id }: { id: string | null }) {
  useEffect(watchOutbox, []);
  return (
    <div class="page outbox-page" data-open={id !== null}>
      <h1>Outbox</h1>
      <div class="outbox-notice">
        <SignalNotice />
      </div>
      <section class="outbox-list" aria-label="Messages">
        {outboxProblem.value && <ProblemNotice problem={outboxProblem.value} />}
        <Rows rows={deliveries.value} current={id} />
        {olderDeliveries.value !== null && (
          <button type="button" class="button older" onClick={() => void readOlder()}>
            Load older messages
          </button>
        )}
      </section>
      <section class="outbox-detail" aria-label="Chosen message">
        {id ? (
          <DeliveryDetail key={id} id={id} />
        ) : (
          <div class="outbox-none">
            <MailIcon size={36} />
            <p>Choose a message to read it as the shopper does.</p>
          </div>
        )}
      </section>
    </div>
  );
}

/** Why it waits, or did not go. */
function Reason({ row }: { row: DeliveryView }) {
  const { status, reason } = row.statusHistory.at(-1) ?? {};
  if (!reason || status !== row.status) return null;
  return <span class="outbox-reason">{reasonOf(reason)}</span>;
}

function Rows({ rows, current }: { rows: readonly DeliveryView[] | null; current: string | null }) {
  if (rows === null) return <p class="loading">Reading the outbox…</p>;
  if (rows.length === 0) {
    return (
      <div class="empty" data-testid="outbox">
        <h2>No messages yet</h2>
        <p>
          When a cart goes quiet, its campaign writes the first one, and it appears here: with its reason, its text and
          its fate.
        </p>
      </div>
    );
  }
  return (
    <ul class="outbox" data-testid="outbox">
      {rows.map((row) => (
        <li key={row.id} class="outbox-line">
          <a
            class="outbox-row"
            href={outboxHref(row.id)}
            aria-current={row.id === current ? "true" : undefined}
            data-testid="outbox-row"
            data-delivery-id={row.id}
            data-status={row.status}
            data-channel={row.channel}
          >
            <span class="outbox-top">
              <span class="outbox-to">
                <ChannelIcon channel={row.channel} size={16} />
                <span class="visually-hidden">{CHANNEL_LABELS[row.channel]} to </span>
                {row.to ?? (row.channel === "onsite" ? "A shopper on the page" : "A shopper")}
              </span>
              <Ago at={row.statusHistory.at(-1)?.at ?? row.sentAt ?? row.scheduledAt ?? ""} />
            </span>
            <span class="outbox-subject">
              {row.subject || row.title || `${CHANNEL_LABELS[row.channel]} · ${words(row.stepId)}`}
            </span>
            <span class="outbox-fate">
              <DeliveryStatusChip status={row.status} />
              <Reason row={row} />
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}
