/** The fields of a kind of provider, from the table of kinds. */
import { useId } from "preact/hooks";
import { Field, PasswordField, SelectField } from "../../ui/form.tsx";
import { aboutKind, type ProviderField } from "./provider-kinds.ts";

interface Props {
  kind: string;
  /** What is known of the settings; credentials never are. */
  values?: Record<string, unknown>;
  only?: "settings" | "credentials";
}

export function ProviderFields({ kind, values = {}, only }: Props) {
  const fields = aboutKind(kind).fields.filter(({ secret }) => !only || (only === "credentials") === Boolean(secret));
  return (
    <>
      {fields.map((field) => (
        <One key={field.name} field={field} value={String(values[field.name] ?? "")} />
      ))}
    </>
  );
}

function One({ field, value }: { field: ProviderField; value: string }) {
  const { name, label, secret, optional, hint, options, read, placeholder } = field;
  const shared = { name, label: optional ? `${label} (optional)` : label, hint, "data-testid": `field-${name}` };
  if (options) return <SelectField {...{ name, label, options, hint }} value={value || (options[0]?.value ?? "")} />;
  if (read) return <LongField {...shared} />;
  if (secret)
    return <PasswordField {...shared} autocomplete="off" maxLength={1000} required={!optional} {...{ placeholder }} />;
  return (
    <Field
      {...shared}
      defaultValue={value}
      maxLength={1000}
      required={!optional}
      spellcheck={false}
      {...{ placeholder }}
    />
  );
}

function LongField({
  name,
  label,
  hint,
  ...rest
}: {
  name: string;
  label: string;
  hint?: string | undefined;
  "data-testid": string;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea id={id} name={name} rows={5} required spellcheck={false} autocomplete="off" {...rest} />
      {hint && <p class="field-hint">{hint}</p>}
    </div>
  );
}
