/** A form that sends itself once, says what went wrong, and can be filled in again. */
import type { ComponentChildren, TargetedSubmitEvent } from "preact";
import { useId, useState } from "preact/hooks";
import { useAction } from "../live/action.ts";
import { ProblemNotice } from "./notice.tsx";

/** The text of a field; passwords are taken as they are, everything else without the spaces around it. */
export const textOf = (values: FormData, name: string): string => String(values.get(name) ?? "").trim();
export const passwordOf = (values: FormData, name: string): string => String(values.get(name) ?? "");
/** A code as people copy it: with spaces, or with none. */
export const codeOf = (values: FormData): string => textOf(values, "code").replace(/\s/g, "");

export function Form(props: {
  /** What the button says, and what it says while the work is done. */
  submit: string;
  busy: string;
  work: (values: FormData, form: HTMLFormElement) => Promise<unknown>;
  children: ComponentChildren;
  /** Beside the button. */
  aside?: ComponentChildren;
  tone?: "danger";
  testid?: string;
}) {
  const { busy, problem, run } = useAction(props.work);
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    event.stopPropagation(); // a dialog of an editor stands within the editor's own form, which is not sent by it
    void run(new FormData(event.currentTarget), event.currentTarget);
  };
  return (
    <form class="form" onSubmit={submit}>
      {problem && <ProblemNotice problem={problem} />}
      {props.children}
      <div class="form-actions">
        <button
          type="submit"
          class={`button ${props.tone === "danger" ? "button-danger" : "button-primary"}`}
          aria-disabled={busy}
          data-testid={props.testid}
        >
          {busy ? props.busy : props.submit}
        </button>
        {props.aside}
      </div>
    </form>
  );
}

interface InputProps {
  name: string;
  class?: string;
  defaultValue?: string;
  placeholder?: string;
  autocomplete?: string;
  autocapitalize?: "off";
  spellcheck?: false;
  inputMode?: "numeric";
  minLength?: number;
  maxLength?: number;
  min?: string;
  pattern?: string;
  /** What the browser says about a text that the pattern refuses. */
  title?: string;
  required?: boolean;
  readOnly?: boolean;
}

interface FieldProps extends InputProps {
  label: string;
  hint?: ComponentChildren;
}

const Hint = ({ id, children }: { id: string; children: ComponentChildren }) => (
  <p class="field-hint" id={`${id}-hint`}>
    {children}
  </p>
);

const hintId = (id: string, hint: ComponentChildren): string | undefined => (hint ? `${id}-hint` : undefined);

type TextType = "text" | "email" | "url" | "date";

export function Field({ label, hint, type = "text", list, ...input }: FieldProps & { type?: TextType; list?: string }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input {...input} {...{ type, list }} id={id} aria-describedby={hintId(id, hint)} />
      {hint && <Hint id={id}>{hint}</Hint>}
    </div>
  );
}

/** A password that can be looked at. */
export function PasswordField({ label, hint, required = true, ...input }: FieldProps) {
  const id = useId();
  const [shown, setShown] = useState(false);
  const type = shown ? ({ type: "text" } as const) : ({ type: "password" } as const);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="field-password">
        <input
          maxLength={256}
          {...input}
          {...type}
          required={required}
          id={id}
          autocapitalize="off"
          spellcheck={false}
          aria-describedby={hintId(id, hint)}
        />
        <button type="button" aria-pressed={shown} aria-label={`Show ${label}`} onClick={() => setShown(!shown)}>
          {shown ? "Hide" : "Show"}
        </button>
      </div>
      {hint && <Hint id={id}>{hint}</Hint>}
    </div>
  );
}

export const NewPassword = ({ label, name }: { label: string; name: string }) => (
  <PasswordField
    label={label}
    name={name}
    autocomplete="new-password"
    minLength={8}
    hint="At least 8 characters. A few words are better than a few symbols."
    data-testid={`field-${name}`}
  />
);

/** The six digits of an authenticator. */
export const CodeField = () => (
  <Field
    label="Code"
    name="code"
    class="field-code"
    inputMode="numeric"
    autocomplete="one-time-code"
    pattern="[0-9 ]{6,8}"
    maxLength={8}
    title="Six digits"
    required
    data-testid="field-code"
  />
);

/** One of the codes that were shown when the second factor was set up, or, where both will do, six digits as well. */
export const RecoveryCodeField = ({ label }: { label: string }) => (
  <Field
    label={label}
    name="code"
    class="field-code"
    autocomplete="off"
    autocapitalize="off"
    spellcheck={false}
    maxLength={20}
    required
    data-testid="field-code"
  />
);

export function SelectField(props: {
  label: string;
  name: string;
  value?: string;
  options: readonly { value: string; label: string }[];
  hint?: ComponentChildren;
  onChange?: (value: string) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        name={props.name}
        data-testid={`field-${props.name}`}
        aria-describedby={hintId(id, props.hint)}
        onChange={(event) => props.onChange?.(event.currentTarget.value)}
      >
        {props.options.map(({ value, label }) => (
          <option key={value} value={value} selected={value === props.value}>
            {label}
          </option>
        ))}
      </select>
      {props.hint && <Hint id={id}>{props.hint}</Hint>}
    </div>
  );
}
