/** Everything that happened to a cart, newest first: what the shopper did, what the cart decided and why, how messages moved. */
import type { CartDeliveryView, Channel, TimelineEntry, TimelineView } from "../../../../shared/views.ts";
import { clock, day } from "../format.ts";
import { outboxHref } from "../route.ts";
import { ChannelIcon, DecisionIcon } from "../ui/icons.tsx";

const KINDS: Record<TimelineEntry["kind"], string> = { event: "Shopper", decision: "Decision", delivery: "Message" };

interface Props {
  timeline: TimelineView;
  deliveries: readonly CartDeliveryView[];
}

export function Timeline({ timeline, deliveries }: Props) {
  const channels = new Map(deliveries.map(({ id, channel }) => [id, channel]));
  const newest = [...timeline.items].reverse();
  return (
    <section class="panel timeline-panel" aria-labelledby="timeline-heading">
      <header class="timeline-head">
        <h2 id="timeline-heading">Timeline</h2>
        <ul class="legend" aria-hidden="true">
          {(["event", "decision", "delivery"] as const).map((kind) => (
            <li key={kind} data-kind={kind}>
              <Mark kind={kind} /> {KINDS[kind]}
            </li>
          ))}
        </ul>
      </header>
      {newest.length === 0 && <p class="panel-none">Nothing has happened yet.</p>}
      <ol class="timeline" data-testid="timeline">
        {newest.map((entry, index) => {
          const today = day(entry.at);
          const newDay = index > 0 && today !== day(newest[index - 1]!.at);
          const channel = channels.get(entry.deliveryId ?? "") ?? "email";
          return <Entry key={entry.seq} entry={entry} day={newDay ? today : null} channel={channel} />;
        })}
      </ol>
      {!timeline.complete && <p class="panel-foot">Older entries have been summed up and cleared away.</p>}
    </section>
  );
}

function Entry({ entry, day, channel }: { entry: TimelineEntry; day: string | null; channel: Channel }) {
  return (
    <li class="entry" data-testid="timeline-entry" data-kind={entry.kind} data-code={entry.code}>
      {day && <p class="entry-day">{day}</p>}
      <Mark kind={entry.kind} channel={channel} />
      <div class="entry-body">
        <p class="entry-text">{entry.text}</p>
        <p class="entry-facts">
          <span class="visually-hidden">{KINDS[entry.kind]}, </span>
          <time dateTime={entry.at}>{clock(entry.at)}</time>
          <code>{entry.code}</code>
          {entry.deliveryId && <a href={outboxHref(entry.deliveryId)}>View message</a>}
        </p>
      </div>
    </li>
  );
}

function Mark({ kind, channel = "email" }: { kind: TimelineEntry["kind"]; channel?: Channel }) {
  return (
    <span class="mark" data-kind={kind} aria-hidden="true">
      {kind === "decision" && <DecisionIcon size={14} />}
      {kind === "delivery" && <ChannelIcon channel={channel} size={14} />}
    </span>
  );
}
