/** A new key: its kind, what it may do, where from, and until when. */
import { useState } from "preact/hooks";
import { ALL_PERMISSIONS, PERMISSIONS, type Permission } from "../../../../../shared/auth/roles.ts";
import { type ApiKey, createKey, type NewKey } from "../../api/identity.ts";
import { may } from "../../api/session.ts";
import { words } from "../../format.ts";
import { Choice } from "../../ui/choice.tsx";
import { now } from "../../ui/clock.ts";
import { Field, Form, textOf } from "../../ui/form.tsx";
import { localDate, nextDay } from "./dates.ts";
import { NewHeading } from "./parts.tsx";

const KINDS: { value: ApiKey["kind"]; label: string }[] = [
  { value: "secret", label: "Secret" },
  { value: "publishable", label: "Publishable" },
];

/** One a line or between commas. */
export const originsOf = (values: FormData): string[] =>
  textOf(values, "allowedOrigins")
    .split(/[\s,]+/)
    .filter(Boolean);

export function KeyForm({ made, cancel }: { made: (key: ApiKey) => void; cancel: () => void }) {
  const [kind, setKind] = useState<ApiKey["kind"]>("secret");
  const work = async (values: FormData) => {
    const name = textOf(values, "name");
    const until = textOf(values, "expiresAt");
    const given: NewKey = {
      kind,
      ...(name ? { name } : {}),
      ...(until ? { expiresAt: nextDay(until) } : {}),
      ...(kind === "secret"
        ? { scopes: values.getAll("scopes") as Permission[] }
        : { allowedOrigins: originsOf(values) }),
    };
    made(await createKey(given));
  };
  return (
    <section class="panel">
      <NewHeading>New key</NewHeading>
      <Form
        submit="Make the key"
        busy="Making it…"
        work={work}
        testid="key-create"
        aside={
          <button type="button" class="button" onClick={cancel}>
            Cancel
          </button>
        }
      >
        <Choice name="kind" label="Kind" value={kind} options={KINDS} onChange={setKind} />
        <div class="field-pair">
          <Field label="Name" name="name" maxLength={100} placeholder="Nightly export" data-testid="field-name" />
          <Field
            label="Last day"
            name="expiresAt"
            type="date"
            min={localDate(now.value)}
            hint="Empty: until it is revoked."
            data-testid="field-expiresAt"
          />
        </div>
        {kind === "secret" ? <Scopes /> : <Origins />}
      </Form>
    </section>
  );
}

function Scopes() {
  return (
    <fieldset class="scopes">
      <legend>It may</legend>
      {ALL_PERMISSIONS.filter(may).map((scope) => (
        <label key={scope} class="check">
          <input
            type="checkbox"
            name="scopes"
            value={scope}
            defaultChecked={PERMISSIONS.api_user.includes(scope)}
            data-testid={`scope-${scope}`}
          />
          <span>
            {scopeWords(scope)} <code>{scope}</code>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** `carts:read` → `Read carts`. */
const scopeWords = (scope: string): string => words(scope.split(":").reverse().join(" "));

export function Origins({ value = [] }: { value?: readonly string[] }) {
  return (
    <div class="field">
      <label for="key-origins">Allowed origins</label>
      <textarea
        id="key-origins"
        name="allowedOrigins"
        rows={3}
        defaultValue={value.join("\n")}
        placeholder="https://shop.example"
        aria-describedby="key-origins-hint"
        spellcheck={false}
        data-testid="field-allowedOrigins"
      />
      <p class="field-hint" id="key-origins-hint">
        One a line. Empty: wherever the store allows.
      </p>
    </div>
  );
}
