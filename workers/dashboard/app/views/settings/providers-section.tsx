/** By what the store's messages go: its providers by channel, in the order in which they are tried. */
import { useState } from "preact/hooks";
import type { Channel } from "../../../../../shared/views.ts";
import { addProvider, listProviders, type Provider } from "../../api/providers.ts";
import { user } from "../../api/session.ts";
import { useResource } from "../../live/resource.ts";
import { Form, SelectField, textOf } from "../../ui/form.tsx";
import { ChannelIcon } from "../../ui/icons.tsx";
import { Listed, NewHeading } from "./parts.tsx";
import { ProviderFields } from "./provider-fields.tsx";
import { aboutKind, KINDS, setupOf } from "./provider-kinds.ts";
import { ProviderRow } from "./provider-row.tsx";
import { Sender } from "./provider-sender.tsx";

const CHANNELS: readonly { channel: Exclude<Channel, "onsite">; label: string }[] = [
  { channel: "email", label: "E-mail" },
  { channel: "sms", label: "SMS" },
  { channel: "push", label: "Push" },
];

export function ProvidersSection() {
  const providers = useResource(`providers ${user.value?.storeId}`, listProviders);
  const [adding, setAdding] = useState(false);
  const added = () => {
    setAdding(false);
    providers.reload();
  };
  return (
    <>
      {adding ? (
        <AddProvider added={added} cancel={() => setAdding(false)} />
      ) : (
        <section class="panel panel-row">
          <p class="panel-lead">
            Your own account at a provider sends under your name. The first one is tried first; when it fails, the next
            takes over.
          </p>
          <button
            type="button"
            class="button button-primary"
            onClick={() => setAdding(true)}
            data-testid="provider-new"
          >
            Add a provider
          </button>
        </section>
      )}
      <Listed resource={providers} empty="None yet: messages go by the one that this Cartwake was set up with.">
        {(items) =>
          CHANNELS.map((about) => <ByChannel key={about.channel} {...about} items={items} changed={providers.reload} />)
        }
      </Listed>
    </>
  );
}

function ByChannel(props: { channel: Channel; label: string; items: readonly Provider[]; changed: () => void }) {
  const { channel, label, items, changed } = props;
  const mine = items.filter((item) => item.channel === channel).sort((a, b) => a.position - b.position);
  if (mine.length === 0) return null;
  return (
    <section class="panel" data-testid={`providers-${channel}`}>
      <h2>
        <ChannelIcon channel={channel} /> {label}
      </h2>
      <ol class="lines">
        {mine.map((item, at) => (
          <ProviderRow key={item.id} item={item} at={at} all={mine} changed={changed} />
        ))}
      </ol>
    </section>
  );
}

const OPTIONS = Object.entries(KINDS).map(([value, { label, channel }]) => ({
  value,
  label: `${label} (${CHANNELS.find((one) => one.channel === channel)?.label})`,
}));

function AddProvider({ added, cancel }: { added: () => void; cancel: () => void }) {
  const [kind, setKind] = useState("sendgrid");
  const { channel } = aboutKind(kind);
  const work = async (values: FormData) => {
    const email = textOf(values, "sender");
    await addProvider({
      kind,
      channel,
      ...(email ? { from: { email, name: textOf(values, "senderName") || null } } : {}),
      ...setupOf(kind, (name) => textOf(values, name)),
    });
    added();
  };
  return (
    <section class="panel">
      <NewHeading>Add a provider</NewHeading>
      <Form
        submit="Add it"
        busy="Adding…"
        work={work}
        testid="provider-add"
        aside={
          <button type="button" class="button" onClick={cancel}>
            Cancel
          </button>
        }
      >
        <SelectField label="Provider" name="kind" value={kind} options={OPTIONS} onChange={setKind} />
        {channel === "email" && <Sender />}
        <ProviderFields key={kind} kind={kind} />
        <p class="field-hint">Credentials are sealed when they arrive, and never shown again.</p>
      </Form>
    </section>
  );
}
