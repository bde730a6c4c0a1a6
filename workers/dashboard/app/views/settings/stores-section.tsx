/** The stores that the reader belongs to: go to another one, or open one. */
import { useState } from "preact/hooks";
import type { UserView } from "../../../../../shared/views.ts";
import { addStore, removeMember } from "../../api/identity.ts";
import { forget, refresh, store, switchStore, user } from "../../api/session.ts";
import { hostOf } from "../../format.ts";
import { useAction } from "../../live/action.ts";
import { Confirm } from "../../ui/dialog.tsx";
import { Field, Form, textOf } from "../../ui/form.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { roleName } from "../roles.ts";
import { Secret, ShownOnce } from "./parts.tsx";

interface Opened {
  id: string;
  name: string;
  key: string;
}

export function StoresSection() {
  const [opened, setOpened] = useState<Opened | null>(null);
  return (
    <>
      {opened && (
        <ShownOnce title={`${opened.name} is open`} done="Good" onDone={() => setOpened(null)}>
          <p>This publishable key goes into the pages of the shop. It can be read again among the store's API keys.</p>
          <Secret text={opened.key} label="Copy the key" />
        </ShownOnce>
      )}
      <section class="panel">
        <h2>Your stores</h2>
        <ul class="lines">
          {user.value?.stores.map((item) => (
            <StoreRow key={item.id} item={item} />
          ))}
        </ul>
      </section>
      <AddStore opened={setOpened} />
    </>
  );
}

type StoreItem = UserView["stores"][number];

function StoreRow({ item }: { item: StoreItem }) {
  const [leaving, setLeaving] = useState(false);
  const current = item.id === user.value?.storeId;
  const { busy, problem, run } = useAction(() => switchStore(item.id));
  return (
    <li class="line" data-testid="store-row" data-store-id={item.id}>
      <div class="line-main">
        <p class="line-title">
          {item.name}
          {current && (
            <span class="chip" data-tone="good">
              Open now
            </span>
          )}
        </p>
        <p class="line-detail">
          {hostOf(item.url)} · {item.currency} · {item.timezone} · your role: {roleName(item.role)}
        </p>
        {problem && <ProblemNotice problem={problem} />}
      </div>
      <div class="line-actions">
        {!current && (
          <button
            type="button"
            class="button"
            aria-disabled={busy}
            onClick={() => void run()}
            data-testid="store-switch"
          >
            {busy ? "Opening…" : "Go to it"}
            <span class="visually-hidden"> {item.name}</span>
          </button>
        )}
        <button type="button" class="button" onClick={() => setLeaving(true)} data-testid="store-leave">
          Leave<span class="visually-hidden"> {item.name}</span>
        </button>
      </div>
      {leaving && <LeaveDialog item={item} close={() => setLeaving(false)} />}
    </li>
  );
}

/** Leaves a store; from the open one the reader goes on to another, or out when there is none. */
async function leaveStore({ id, name }: StoreItem): Promise<void> {
  const me = user.value;
  if (!me) return;
  const other = me.stores.find((one) => one.id !== id);
  await removeMember(id, me.id);
  if (!other) forget(`You left ${name}.`);
  else if (id === me.storeId) await switchStore(other.id);
  else await refresh();
}

function LeaveDialog({ item, close }: { item: StoreItem; close: () => void }) {
  return (
    <Confirm
      title={`Leave ${item.name}?`}
      confirm="Leave"
      busy="Leaving…"
      tone="danger"
      onConfirm={() => leaveStore(item)}
      onClose={close}
    >
      <p>
        You lose your access at once, and come back only if somebody invites you. Secret keys that you made stop
        working. The last owner cannot leave.
      </p>
    </Confirm>
  );
}

function AddStore({ opened }: { opened: (store: Opened) => void }) {
  const work = async (values: FormData, form: HTMLFormElement) => {
    const given = {
      name: textOf(values, "name"),
      url: textOf(values, "url"),
      currency: textOf(values, "currency").toUpperCase(),
      timezone: textOf(values, "timezone"),
    };
    const { store, publishableKey } = await addStore(given);
    form.reset();
    opened({ id: store.id, name: given.name, key: publishableKey });
    await refresh(); // the new store comes with the next session
  };
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <section class="panel">
      <h2>Open another store</h2>
      <p class="panel-lead">With members, keys and campaigns of its own. You are its owner.</p>
      <Form submit="Open the store" busy="Opening…" work={work} testid="store-add">
        <div class="field-pair">
          <Field label="Name" name="name" maxLength={100} required data-testid="field-store-name" />
          <Field
            label="Address"
            name="url"
            type="url"
            placeholder="https://shop.example"
            maxLength={500}
            required
            data-testid="field-store-url"
          />
          <Field
            label="Currency"
            name="currency"
            defaultValue={store.value?.currency ?? "EUR"}
            pattern="[A-Za-z]{3}"
            title="Three letters, like EUR"
            maxLength={3}
            list="currencies"
            required
          />
          <Field label="Time zone" name="timezone" defaultValue={here} list="timezones" maxLength={64} required />
        </div>
      </Form>
      <Suggestions id="currencies" values={Intl.supportedValuesOf("currency")} />
      <Suggestions id="timezones" values={Intl.supportedValuesOf("timeZone")} />
    </section>
  );
}

const Suggestions = ({ id, values }: { id: string; values: readonly string[] }) => (
  <datalist id={id}>
    {values.map((value) => (
      <option key={value} value={value} />
    ))}
  </datalist>
);
