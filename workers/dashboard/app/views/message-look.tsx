/** Messages that are no mail, roughly as a phone or the shop's page shows them. */
import { smsSegments } from "../../../../shared/sms-segments.ts";
import type { Channel, DeliveryView } from "../../../../shared/views.ts";
import { store } from "../api/session.ts";
import { plural } from "../format.ts";
import { WakeMark } from "../ui/icons.tsx";

interface Message {
  subject?: string | null | undefined;
  text?: string | null | undefined;
}

/** A message by its channel's own names for its parts. */
export const DeliveryLook = ({ delivery }: { delivery: DeliveryView & { channel: Exclude<Channel, "email"> } }) => (
  <MessageLook
    channel={delivery.channel}
    subject={delivery.title ?? delivery.subject}
    text={delivery.body ?? delivery.text}
  />
);

export function MessageLook({ channel, subject, text }: Message & { channel: Exclude<Channel, "email"> }) {
  if (channel === "sms") return <SmsBubble text={text ?? ""} />;
  return channel === "push" ? <PushCard subject={subject} text={text} /> : <OfferCard subject={subject} text={text} />;
}

function SmsBubble({ text }: { text: string }) {
  const { segments, encoding, characters } = smsSegments(text);
  return (
    <figure class="look" data-testid="look-sms">
      <p class="bubble">{text}</p>
      <figcaption>
        {plural(characters, "character")} · sent and paid as {plural(segments, "message")} ({encoding})
      </figcaption>
    </figure>
  );
}

function PushCard({ subject, text }: Message) {
  return (
    <figure class="look" data-testid="look-push">
      <div class="push-card">
        <span class="push-app" aria-hidden="true">
          <WakeMark size={20} />
        </span>
        <div>
          <p class="push-from">
            {store.value?.name ?? "Your shop"} <span>now</span>
          </p>
          {subject && <p class="push-title">{subject}</p>}
          <p class="push-body">{text}</p>
        </div>
      </div>
      <figcaption>A notification, as most devices show it</figcaption>
    </figure>
  );
}

function OfferCard({ subject, text }: Message) {
  return (
    <figure class="look" data-testid="look-onsite">
      <div class="offer-page">
        <div class="offer-card">
          {subject && <p class="offer-headline">{subject}</p>}
          <p class="offer-text">{text}</p>
        </div>
      </div>
      <figcaption>An offer over the shop’s page, in the shop’s own style</figcaption>
    </figure>
  );
}
