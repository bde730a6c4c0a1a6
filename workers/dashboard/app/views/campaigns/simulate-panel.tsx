/** What the campaign as it is edited would have done with the store's recent carts, beside what was really done. */
import { useState } from "preact/hooks";
import type { CampaignInput } from "../../../../../shared/policy/rules.ts";
import type { SimulatedMessage, SimulationView } from "../../../../../shared/simulation.ts";
import { simulate } from "../../api/campaigns.ts";
import { fullTime, plural, words } from "../../format.ts";
import { useAction } from "../../live/action.ts";
import { cartHref } from "../../route.ts";
import { CHANNEL_LABELS } from "../../ui/channels.ts";
import { SelectField } from "../../ui/form.tsx";
import { ChannelIcon } from "../../ui/icons.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { reasonOf } from "../../ui/reasons.ts";

const LIMITS = ["20", "50", "200"].map((value) => ({ value, label: `The latest ${value} carts` }));

export function SimulatePanel({ id, draft, dirty }: { id: string; draft: CampaignInput; dirty: boolean }) {
  const [limit, setLimit] = useState("50");
  const [found, setFound] = useState<{ simulation: SimulationView; of: CampaignInput } | null>(null);
  const { busy, problem, run } = useAction(async () => {
    setFound({ simulation: await simulate(id, draft, Number(limit)), of: draft });
  });
  return (
    <>
      <section class="panel">
        <h2>Try it on what really happened</h2>
        <p class="panel-lead">
          Recorded carts are replayed through this campaign{dirty ? ", with the changes you have not saved yet" : ""}.
          Nothing is sent, and nothing is changed.
        </p>
        <div class="simulate-ask">
          <SelectField label="Carts" name="simulate-limit" value={limit} options={LIMITS} onChange={setLimit} />
          <button
            type="button"
            class="button button-primary"
            aria-disabled={busy}
            onClick={() => void run()}
            data-testid="simulate"
          >
            {busy ? "Replaying…" : "Simulate"}
          </button>
        </div>
        {busy && <progress class="progress" aria-label="Replaying the carts" />}
        {problem && <ProblemNotice problem={problem} retry={() => void run()} />}
      </section>
      {found && !busy && <Found id={id} simulation={found.simulation} outdated={found.of !== draft} />}
    </>
  );
}

function Found({ id, simulation, outdated }: { id: string; simulation: SimulationView; outdated: boolean }) {
  const { carts, skipped, summary, items } = simulation;
  const figures: [string, number][] = [
    ["would be sent", summary.sent],
    ["held out", summary.heldOut],
    ["not permitted", summary.suppressed],
    ["cancelled", summary.cancelled],
    ["still waiting", summary.waiting],
  ];
  return (
    <section class="panel" data-testid="simulation" aria-live="polite">
      <h2>
        {plural(carts, "cart")} replayed, {plural(summary.shoppers, "shopper")} written to
      </h2>
      {outdated && <p class="panel-lead">You have changed the campaign since: simulate again to see its effect.</p>}
      <dl class="figures">
        {figures.map(([label, count]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{count}</dd>
          </div>
        ))}
      </dl>
      <ul class="simulated">
        {concernedFirst(items, id).map((item) => (
          <SimulatedRow key={item.cartId} id={id} item={item} />
        ))}
      </ul>
      {items.length === 0 && <p class="panel-none">No cart of the store can be replayed yet.</p>}
      {skipped.length > 0 && <Skipped skipped={skipped} />}
    </section>
  );
}

/** Carts that this campaign would speak to before those that only others do. */
function concernedFirst(items: SimulationView["items"], id: string): SimulationView["items"] {
  const concerned = (item: SimulationView["items"][number]) =>
    item.messages.some(({ campaignId }) => campaignId === id);
  return [...items.filter(concerned), ...items.filter((item) => !concerned(item))];
}

const OUTCOMES: Record<SimulatedMessage["outcome"], { word: string; tone: string }> = {
  sent: { word: "would be sent", tone: "good" },
  held_out: { word: "held out", tone: "waiting" },
  suppressed: { word: "not permitted", tone: "still" },
  cancelled: { word: "cancelled", tone: "still" },
  waiting: { word: "still waiting", tone: "waiting" },
};

function SimulatedRow({ id, item }: { id: string; item: SimulationView["items"][number] }) {
  const { shopper, messages, before, notes } = item;
  return (
    <li class="simulated-cart" data-testid="simulated-cart">
      <header>
        <a href={cartHref(item.cartId)}>{shopper.name ?? shopper.email ?? "Anonymous visitor"}</a>
        <span class="chip" data-tone={item.status}>
          {words(item.status)}
        </span>
      </header>
      <div class="simulated-sides">
        <div>
          <h3>Would happen</h3>
          {messages.length === 0 && <p class="panel-none">Nothing</p>}
          {messages.map((message) => (
            <Would
              key={`${message.stepId}${message.channel}${message.at}`}
              message={message}
              other={message.campaignId !== id}
            />
          ))}
        </div>
        <div>
          <h3>Really happened</h3>
          {before.length === 0 && <p class="panel-none">Nothing</p>}
          {before.map((step) => (
            <p key={`${step.stepId}${step.channel}${step.at}`} class="simulated-line">
              <ChannelIcon channel={step.channel} size={16} />
              <span class="visually-hidden">{CHANNEL_LABELS[step.channel]}: </span>
              <span>
                {step.campaignId !== id && "another campaign: "}
                {step.stepId} · {words(step.status).toLowerCase()}
                <Moment at={step.at} />
              </span>
            </p>
          ))}
        </div>
      </div>
      {notes.length > 0 && <Why notes={notes} />}
    </li>
  );
}

function Why({ notes }: Pick<SimulationView["items"][number], "notes">) {
  return (
    <details class="simulated-why">
      <summary>Why</summary>
      <ul>
        {notes.map((note) => (
          <li key={`${note.at}${note.code}${note.text}`}>
            <time dateTime={note.at}>{fullTime(note.at)}</time> {note.text}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Would({ message, other }: { message: SimulatedMessage; other: boolean }) {
  const { word, tone } = OUTCOMES[message.outcome];
  return (
    <p class="simulated-line">
      <ChannelIcon channel={message.channel} size={16} />
      <span class="visually-hidden">{CHANNEL_LABELS[message.channel]}: </span>
      <span>
        {other && "another campaign: "}
        {message.stepId} · {message.variantId}{" "}
        <span class="chip" data-tone={tone}>
          {word}
        </span>
        {message.reason && ` ${reasonOf(message.reason)}`}
        <Moment at={message.at} />
      </span>
    </p>
  );
}

const Moment = ({ at }: { at: string }) => (
  <time class="simulated-at" dateTime={at}>
    {fullTime(at)}
  </time>
);

function Skipped({ skipped }: { skipped: SimulationView["skipped"] }) {
  return (
    <details class="simulated-why">
      <summary>{plural(skipped.length, "cart")} could not be replayed</summary>
      <ul>
        {skipped.map(({ cartId, reason }) => (
          <li key={cartId}>
            <a href={cartHref(cartId)}>{cartId}</a>: {words(reason).toLowerCase()}
          </li>
        ))}
      </ul>
    </details>
  );
}
