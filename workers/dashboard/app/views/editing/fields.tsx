/** Fields that hold a part of a draft, each with what the server said about it. */
import { type ComponentChildren, createContext } from "preact";
import { useContext, useId, useState } from "preact/hooks";

/** What is wrong, by path: `steps.0.coupon.amount`. */
export const Faults = createContext<ReadonlyMap<string, string>>(new Map());

export interface About {
  label: string;
  path: string;
  hint?: ComponentChildren;
}

/** What a control needs to be named, described and marked as wrong. */
export interface Control {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
  "data-testid": string;
}

export function Labeled({
  label,
  path,
  hint,
  children,
}: About & { children: (control: Control) => ComponentChildren }) {
  const id = useId();
  const fault = useContext(Faults).get(path);
  const told = [fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        "aria-describedby": told || undefined,
        "aria-invalid": fault ? true : undefined,
        "data-testid": `field-${path}`,
      })}
      {fault && (
        <p class="field-fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** What is wrong with something that is more than one field. */
export function Fault({ path }: { path: string }) {
  const fault = useContext(Faults).get(path);
  return fault ? <p class="field-fault">{fault}</p> : null;
}

interface TextProps extends About {
  value: string;
  onChange: (value: string) => void;
  maxLength?: number;
  pattern?: string;
  title?: string;
  placeholder?: string;
  required?: boolean;
}

export function TextField({ label, path, hint, onChange, ...input }: TextProps) {
  return (
    <Labeled {...{ label, path, hint }}>
      {(control) => <input {...input} {...control} onInput={(event) => onChange(event.currentTarget.value)} />}
    </Labeled>
  );
}

export interface NumberProps extends About {
  /** `NaN` while nothing is typed; `undefined` where nothing has to be. */
  value: number | undefined;
  onChange: (value: number) => void;
  min?: number;
  max?: number;
  step?: number | "any";
  placeholder?: string;
  optional?: boolean;
}

/** What is being typed stays as it was typed, `1.` and nothing included. */
export function useTyped(value: number | undefined, onChange: (value: number) => void) {
  const [typed, setTyped] = useState("");
  const known = value === undefined || Number.isNaN(value) ? "" : String(value);
  return {
    value: typed !== "" && Number(typed) === value ? typed : known,
    onInput: (text: string) => {
      setTyped(text);
      onChange(text === "" ? Number.NaN : Number(text));
    },
  };
}

export function NumberField({ label, path, hint, value, onChange, optional, ...input }: NumberProps) {
  const typed = useTyped(value, onChange);
  return (
    <Labeled {...{ label, path, hint }}>
      {(control) => (
        <input
          type="number"
          inputMode="decimal"
          step="any"
          required={!optional}
          {...input}
          {...control}
          value={typed.value}
          onInput={(event) => typed.onInput(event.currentTarget.value)}
        />
      )}
    </Labeled>
  );
}

export interface Option {
  value: string;
  label: string;
}

export function Select(
  props: About & { value: string; options: readonly Option[]; onChange: (value: string) => void },
) {
  const { label, path, hint, value, options, onChange } = props;
  return (
    <Labeled {...{ label, path, hint }}>
      {(control) => (
        <select {...control} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {options.map((option) => (
            <option key={option.value} value={option.value} selected={option.value === value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Labeled>
  );
}

export function Check({
  label,
  checked,
  onChange,
  testid,
}: {
  label: ComponentChildren;
  checked: boolean;
  onChange: (checked: boolean) => void;
  testid: string;
}) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.currentTarget.checked)}
        data-testid={testid}
      />
      <span>{label}</span>
    </label>
  );
}
