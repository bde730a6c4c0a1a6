/** One message: the rendered mail or its text, who it went to, what became of it. */
import { useEffect, useState } from "preact/hooks";
import type { DeliveryView } from "../../../../shared/views.ts";
import { getDelivery } from "../api/client.ts";
import { fullTime, webUrl, words } from "../format.ts";
import { namesDelivery } from "../live/apply.ts";
import { useResource, useSoon } from "../live/resource.ts";
import { onHappening } from "../live/store.ts";
import { cartHref, outboxHref } from "../route.ts";
import { CHANNEL_LABELS } from "../ui/channels.ts";
import { Choice } from "../ui/choice.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { BackIcon, ChannelIcon } from "../ui/icons.tsx";
import { ProblemNotice } from "../ui/notice.tsx";
import { reasonOf } from "../ui/reasons.ts";
import { DeliveryStatusChip } from "../ui/status.tsx";
import { Ago } from "../ui/times.tsx";
import { MailFrame } from "./mail-frame.tsx";
import { DeliveryLook } from "./message-look.tsx";

const SETTLE_MS = 250;

export function DeliveryDetail({ id }: { id: string }) {
  const { data, problem, reload } = useResource(id, () => getDelivery(id));
  const soon = useSoon(reload, SETTLE_MS);
  useEffect(
    () =>
      onHappening((happening) => {
        if (happening.topic === "reconnected" || namesDelivery(happening, id)) soon();
      }),
    [id, soon],
  );
  return (
    <>
      <a class="back back-outbox" href={outboxHref()}>
        <BackIcon /> Outbox
      </a>
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {data ? <Detail delivery={data} /> : !problem && <p class="loading">Reading the message…</p>}
    </>
  );
}

function Detail({ delivery }: { delivery: DeliveryView }) {
  return (
    <article class="delivery" data-testid="delivery" data-status={delivery.status}>
      <header class="delivery-head">
        <DeliveryStatusChip status={delivery.status} />
        <h2>{delivery.subject || delivery.title || words(delivery.stepId)}</h2>
        <p class="delivery-facts">
          <ChannelIcon channel={delivery.channel} size={16} /> {CHANNEL_LABELS[delivery.channel]} to{" "}
          <b>{delivery.to ?? (delivery.channel === "onsite" ? "a shopper on the page" : "a shopper")}</b>
          {delivery.provider && delivery.channel !== "onsite" && ` through ${delivery.provider}`} ·{" "}
          <a href={cartHref(delivery.cartId)}>the cart behind it</a>
        </p>
      </header>
      <Content delivery={delivery} />
      <RecoveryLink url={webUrl(delivery.recoveryUrl)} />
      <section class="panel" aria-labelledby="history-heading">
        <h3 id="history-heading">What became of it</h3>
        <ol class="history">
          {delivery.statusHistory.map((step) => (
            <li key={`${step.status}${step.at}`}>
              <DeliveryStatusChip status={step.status} />
              <span class="history-reason">{step.reason && reasonOf(step.reason)}</span>
              <span class="history-at" title={fullTime(step.at)}>
                <Ago at={step.at} />
              </span>
            </li>
          ))}
        </ol>
      </section>
    </article>
  );
}

type Form = "html" | "text";
const FORMS: { value: Form; label: string }[] = [
  { value: "html", label: "As a mail" },
  { value: "text", label: "As text" },
];

function unwritten({ channel, status }: DeliveryView): string {
  if (status === "suppressed" || status === "cancelled") return "It did not go out, so it was never written.";
  if (channel === "onsite")
    return "An offer is written for the page while the shopper is on it; its words are not kept.";
  return "The text is written when the message goes out; until then the cart may still change.";
}

function Content({ delivery }: { delivery: DeliveryView }) {
  const [form, setForm] = useState<Form>("html");
  const { html, text, body, channel } = delivery;
  if (!html && !text && !body) return <p class="panel panel-none">{unwritten(delivery)}</p>;
  if (channel !== "email") return <DeliveryLook delivery={{ ...delivery, channel }} />;
  const shown = !html ? "text" : !text ? "html" : form;
  return (
    <section class="mail" aria-label="Content">
      {html && text && (
        <Choice name="form" label="Form of the message" value={form} options={FORMS} onChange={setForm} />
      )}
      {shown === "html" ? (
        <MailFrame html={html ?? ""} />
      ) : (
        <pre class="mail-text" data-testid="mail-text">
          {text}
        </pre>
      )}
    </section>
  );
}

function RecoveryLink({ url }: { url: string | null }) {
  if (!url) return null;
  return (
    <section class="panel" aria-labelledby="link-heading">
      <h3 id="link-heading">Recovery link</h3>
      <p class="link-line">
        <a href={url} target="_blank" rel="noreferrer noopener" data-testid="recovery-link">
          {url}
        </a>
        <CopyButton text={url} label="Copy" />
      </p>
      <p class="panel-foot">Opening it counts as the shopper's own click.</p>
    </section>
  );
}
