/** One provider, and what can be done with it. */
import { useState } from "preact/hooks";
import {
  changeProvider,
  type Provider,
  type ProviderChange,
  type ProviderVerdict,
  removeProvider,
  testProvider,
} from "../../api/providers.ts";
import { user } from "../../api/session.ts";
import { words } from "../../format.ts";
import { useAction } from "../../live/action.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Field, Form, textOf } from "../../ui/form.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { ProviderFields } from "./provider-fields.tsx";
import { aboutKind, setupOf } from "./provider-kinds.ts";
import { recipientOf } from "./provider-recipient.ts";
import { Sender } from "./provider-sender.tsx";

interface Props {
  item: Provider;
  at: number;
  /** All of its channel, in order. */
  all: readonly Provider[];
  changed: () => void;
}

type Asking = "edit" | "rotate" | "test" | "remove";

export function ProviderRow({ item, at, all, changed }: Props) {
  const [asking, setAsking] = useState<Asking | null>(null);
  const { label } = aboutKind(item.kind);
  const { busy, problem, run } = useAction(async (work: () => Promise<unknown>) => {
    try {
      await work();
    } finally {
      changed();
    }
  });
  return (
    <li class="line provider" data-testid="provider-row" data-kind={item.kind} data-enabled={item.enabled}>
      <div class="line-main">
        <p class="line-title">
          {at + 1}. {label}
          <State item={item} />
        </p>
        <p class="line-detail">
          {item.from && `from ${item.from.name ? `${item.from.name}, ` : ""}${item.from.email} · `}
          {item.hint && `credential …${item.hint}`}
        </p>
        {item.callbackUrl && (
          <p class="line-detail callback">
            Reports to <code>{item.callbackUrl}</code> <CopyButton text={item.callbackUrl} label="Copy" />
          </p>
        )}
        {problem && <ProblemNotice problem={problem} />}
      </div>
      <div class="line-actions" aria-busy={busy}>
        {at > 0 && (
          <Act
            label="Earlier"
            of={label}
            testid="provider-earlier"
            act={() => void run(() => swap(all[at - 1]!, item))}
          />
        )}
        <Act
          label={item.enabled ? "Pause" : "Enable"}
          of={label}
          testid="provider-toggle"
          act={() => void run(() => changeProvider(item, { enabled: !item.enabled }))}
        />
        <Act label="Test" of={label} testid="provider-test" act={() => setAsking("test")} />
        <Act label="Edit" of={label} testid="provider-edit" act={() => setAsking("edit")} />
        <Act label="New credentials" of={label} testid="provider-rotate" act={() => setAsking("rotate")} />
        <Act label="Remove" of={label} testid="provider-remove" act={() => setAsking("remove")} />
      </div>
      {asking && <Ask what={asking} item={item} changed={changed} close={() => setAsking(null)} />}
    </li>
  );
}

function stateOf({ enabled, breaker }: Provider): { word: string; tone: string } {
  if (!enabled) return { word: "Paused", tone: "still" };
  if (breaker === "open") return { word: "Failing: passed by for a while", tone: "bad" };
  if (breaker === "half_open") return { word: "Being tried again", tone: "recovering" };
  return { word: "In use", tone: "good" };
}

function State({ item }: { item: Provider }) {
  const { word, tone } = stateOf(item);
  return (
    <span class="chip" data-tone={tone}>
      {word}
    </span>
  );
}

function Ask({ what, ...about }: Omit<Asked, "label"> & { what: Asking }) {
  const asked = { ...about, label: aboutKind(about.item.kind).label };
  switch (what) {
    case "test":
      return <TestDialog {...asked} />;
    case "edit":
      return <EditDialog {...asked} />;
    case "rotate":
      return <RotateDialog {...asked} />;
    case "remove":
      return <RemoveDialog {...asked} />;
  }
}

const Act = ({ label, of, testid, act }: { label: string; of: string; testid: string; act: () => void }) => (
  <button type="button" class="button" onClick={act} data-testid={testid}>
    {label}
    <span class="visually-hidden"> {of}</span>
  </button>
);

/** The later one takes the earlier one's place. Two providers at one position keep the order of their making. */
async function swap(earlier: Provider, later: Provider): Promise<void> {
  const position = earlier.position === later.position ? later.position + 1 : later.position;
  await changeProvider(later, { position: earlier.position });
  await changeProvider(earlier, { position });
}

interface Asked {
  item: Provider;
  label: string;
  changed: () => void;
  close: () => void;
}

function EditDialog({ item, label, changed, close }: Asked) {
  const edit = async (values: FormData) => {
    const { settings } = setupOf(item.kind, (name) => textOf(values, name));
    // What was emptied is taken away.
    const gone = Object.keys(item.settings).filter((name) => values.has(name) && !(name in settings));
    const change: ProviderChange = {
      settings: { ...settings, ...Object.fromEntries(gone.map((name) => [name, null])) },
    };
    if (item.from) change.from = { email: textOf(values, "sender"), name: textOf(values, "senderName") || null };
    await changeProvider(item, change);
    changed();
  };
  return (
    <Confirm title={`Edit ${label}`} confirm="Save" busy="Saving…" onConfirm={edit} onClose={close}>
      {item.from && <Sender value={item.from} />}
      <ProviderFields kind={item.kind} values={item.settings} only="settings" />
    </Confirm>
  );
}

function RotateDialog({ item, label, changed, close }: Asked) {
  const rotate = async (values: FormData) => {
    const { settings, credentials } = setupOf(item.kind, (name) => textOf(values, name));
    await changeProvider(item, { settings, credentials });
    changed();
  };
  return (
    <Confirm
      title={`New credentials for ${label}`}
      confirm="Replace"
      busy="Replacing…"
      onConfirm={rotate}
      onClose={close}
    >
      <p>They take the place of the ones that are stored, from the next message on.</p>
      <ProviderFields kind={item.kind} only="credentials" />
    </Confirm>
  );
}

function RemoveDialog({ item, label, changed, close }: Asked) {
  const remove = async () => {
    await removeProvider(item.id);
    changed();
  };
  return (
    <Confirm
      title={`Remove ${label}?`}
      confirm="Remove"
      busy="Removing…"
      tone="danger"
      onConfirm={remove}
      onClose={close}
    >
      <p>Its credentials are deleted, messages go by the others, and what it still reports back is refused.</p>
    </Confirm>
  );
}

const VERDICTS: Record<ProviderVerdict["outcome"], { text: string; tone: string }> = {
  sent: { text: "Sent", tone: "good" },
  refused: { text: "Refused", tone: "bad" },
  unknown: { text: "No usable answer", tone: "recovering" },
};

/** Stays open after the test: its outcome is what was asked for. */
function TestDialog({ item, label, close }: Asked) {
  const [verdict, setVerdict] = useState<ProviderVerdict | null>(null);
  const { label: asks, type, recipient } = recipientOf(item);
  const test = async (values: FormData) => {
    setVerdict(null);
    setVerdict(await testProvider(item.id, recipient(textOf(values, "to"))));
  };
  return (
    <Dialog title={`Test ${label}`} onClose={close}>
      <Form
        submit="Send"
        busy="Sending…"
        work={test}
        testid="provider-test-send"
        aside={
          <button type="button" class="button" onClick={close}>
            Close
          </button>
        }
      >
        <Field
          label={asks}
          name="to"
          type={type}
          defaultValue={item.channel === "email" ? (user.value?.email ?? "") : ""}
          required
          data-testid="field-to"
        />
      </Form>
      {verdict && <Verdict verdict={verdict} />}
    </Dialog>
  );
}

function Verdict({ verdict }: { verdict: ProviderVerdict }) {
  const { text, tone } = VERDICTS[verdict.outcome];
  return (
    <p class="verdict" role="status" data-testid="verdict" data-outcome={verdict.outcome}>
      <span class="chip" data-tone={tone}>
        {text}
      </span>{" "}
      in {verdict.ms} ms
      {verdict.reason && ` · ${words(verdict.reason)}`}
      {verdict.messageId && (
        <>
          {" · "}
          <code>{verdict.messageId}</code>
        </>
      )}
      {verdict.outcome !== "sent" && verdict.retryable && " · worth another try, or another provider"}
    </p>
  );
}
