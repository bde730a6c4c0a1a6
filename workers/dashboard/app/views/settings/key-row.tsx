/** One key, and what can be done with it. */
import { useState } from "preact/hooks";
import { DAY_MS } from "../../../../../shared/time.ts";
import { type ApiKey, changeKey, revokeKey, rotateKey } from "../../api/identity.ts";
import { fullTime } from "../../format.ts";
import { now } from "../../ui/clock.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Confirm } from "../../ui/dialog.tsx";
import { Field, SelectField, textOf } from "../../ui/form.tsx";
import { Ago } from "../../ui/times.tsx";
import { Origins, originsOf } from "./key-form.tsx";

const OVERLAPS = [
  { value: "0", label: "At once" },
  { value: "1", label: "In an hour" },
  { value: "24", label: "In a day" },
  { value: "168", label: "In a week" },
];

type Asking = "edit" | "rotate" | "revoke" | null;
interface About {
  item: ApiKey;
  changed: () => void;
}

const nameOf = ({ name, kind }: ApiKey): string => name || (kind === "secret" ? "Secret key" : "Publishable key");

function stateOf({ revokedAt, expiresAt, rotatedTo }: ApiKey, at: number): { word: string; tone: string } {
  if (revokedAt) return { word: "Revoked", tone: "still" };
  if (expiresAt && Date.parse(expiresAt) <= at) return { word: "Expired", tone: "still" };
  if (rotatedTo) return { word: "Being replaced", tone: "recovering" };
  if (expiresAt && Date.parse(expiresAt) - at < 7 * DAY_MS) return { word: "Ends soon", tone: "recovering" };
  return { word: "In use", tone: "good" };
}

export function KeyRow({ item, changed, made }: About & { made: (key: ApiKey) => void }) {
  const [asking, setAsking] = useState<Asking>(null);
  const state = stateOf(item, now.value);
  const usable = state.tone !== "still";
  const close = () => setAsking(null);
  return (
    <li class="line" data-testid="key-row" data-key-id={item.id} data-state={state.word}>
      <div class="line-main">
        <p class="line-title">
          {nameOf(item)}
          <span class="chip" data-tone={state.tone}>
            {state.word}
          </span>
        </p>
        <p class="line-detail">
          <code>{item.key ?? `${item.prefix ?? "cw_sk_"}…`}</code>
        </p>
        <KeyFacts item={item} />
      </div>
      {usable && (
        <div class="line-actions">
          {item.key && <CopyButton text={item.key} label="Copy" />}
          <button type="button" class="button" onClick={() => setAsking("edit")} data-testid="key-edit">
            Edit<span class="visually-hidden"> {nameOf(item)}</span>
          </button>
          {!item.rotatedTo && (
            <button type="button" class="button" onClick={() => setAsking("rotate")} data-testid="key-rotate">
              Rotate<span class="visually-hidden"> {nameOf(item)}</span>
            </button>
          )}
          <button type="button" class="button" onClick={() => setAsking("revoke")} data-testid="key-revoke">
            Revoke<span class="visually-hidden"> {nameOf(item)}</span>
          </button>
        </div>
      )}
      {asking === "edit" && <EditDialog item={item} changed={changed} close={close} />}
      {asking === "rotate" && <RotateDialog item={item} made={made} close={close} />}
      {asking === "revoke" && <RevokeDialog item={item} changed={changed} close={close} />}
    </li>
  );
}

function KeyFacts({ item }: { item: ApiKey }) {
  return (
    <p class="line-detail">
      {item.lastUsedAt ? (
        <>
          last used <Ago at={item.lastUsedAt} />
        </>
      ) : (
        "not used yet"
      )}
      {" · made "}
      <Ago at={item.createdAt} />
      {item.createdBy && ` by ${item.createdBy.name || item.createdBy.email}`}
      {item.expiresAt && ` · ends ${fullTime(item.expiresAt)}`}
      {item.kind === "secret" && ` · ${item.scopes.join(", ") || "no permissions"}`}
      {item.allowedOrigins.length > 0 && ` · only from ${item.allowedOrigins.join(", ")}`}
    </p>
  );
}

function EditDialog({ item, changed, close }: About & { close: () => void }) {
  const edit = async (values: FormData) => {
    await changeKey(item.id, {
      name: textOf(values, "name"),
      ...(item.kind === "publishable" ? { allowedOrigins: originsOf(values) } : {}),
    });
    changed();
  };
  return (
    <Confirm title={`Edit ${nameOf(item)}`} confirm="Save" busy="Saving…" onConfirm={edit} onClose={close}>
      <Field
        label="Name"
        name="name"
        defaultValue={item.name ?? ""}
        maxLength={100}
        required
        data-testid="field-name"
      />
      {item.kind === "publishable" && <Origins value={item.allowedOrigins} />}
    </Confirm>
  );
}

function RotateDialog({ item, made, close }: { item: ApiKey; made: (key: ApiKey) => void; close: () => void }) {
  const rotate = async (values: FormData) => made(await rotateKey(item.id, Number(textOf(values, "overlapHours"))));
  return (
    <Confirm title={`Rotate ${nameOf(item)}`} confirm="Rotate" busy="Rotating…" onConfirm={rotate} onClose={close}>
      <p>
        A new key with the same rights takes its place
        {item.kind === "secret" && ". It is yours, and works as long as you may do what it does"}.
      </p>
      <SelectField
        label="The old key ends"
        name="overlapHours"
        value="24"
        options={OVERLAPS}
        hint="Time to put the new one everywhere the old one is."
      />
    </Confirm>
  );
}

function RevokeDialog({ item, changed, close }: About & { close: () => void }) {
  const revoke = async () => {
    await revokeKey(item.id);
    changed();
  };
  return (
    <Confirm
      title={`Revoke ${nameOf(item)}?`}
      confirm="Revoke"
      busy="Revoking…"
      tone="danger"
      onConfirm={revoke}
      onClose={close}
    >
      <p>
        {item.kind === "secret"
          ? "Programs that use it are refused from then on. There is no way back."
          : "Pages of the shop that use it are no longer heard, within a minute. There is no way back."}
      </p>
    </Confirm>
  );
}
