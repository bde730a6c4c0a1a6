/** Conditions, row by row, or as JSON for what rows cannot say. */
import { useState } from "preact/hooks";
import type { Conditions } from "../../../../../shared/policy/rules.ts";
import { Choice } from "../../ui/choice.tsx";
import { Fault, Labeled } from "../editing/fields.tsx";
import {
  conditionsOf,
  FIELDS,
  isList,
  kindOf,
  type Operator,
  operatorLabel,
  operatorsOf,
  type Row,
  type Rows,
  rowsOf,
  takesValue,
} from "./condition-rows.ts";
import { replaced, without } from "./draft.ts";

interface About {
  /** Where they stand in the campaign; the fields' test ids begin with it. */
  path: string;
  legend: string;
  /** What it means that there are none. */
  none: string;
}

interface Props extends About {
  value: Conditions | undefined;
  onChange: (value: Conditions) => void;
}

export function ConditionsField({ value, onChange, ...about }: Props) {
  const [rows, setRows] = useState<Rows | null>(() => rowsOf(value ?? {}));
  const say = (next: Rows) => {
    setRows(next);
    onChange(conditionsOf(next));
  };
  return (
    <fieldset class="conditions" data-testid={`conditions-${about.path}`}>
      <legend>{about.legend}</legend>
      {rows ? (
        <RowsForm rows={rows} say={say} {...about} />
      ) : (
        <JsonForm value={value ?? {}} onChange={onChange} path={about.path} />
      )}
      <Fault path={about.path} />
      <ModeButton rows={rows} value={value ?? {}} setRows={setRows} path={about.path} />
    </fieldset>
  );
}

function ModeButton(props: {
  rows: Rows | null;
  value: Conditions;
  setRows: (rows: Rows | null) => void;
  path: string;
}) {
  const { rows, value, setRows, path } = props;
  const back = rows ? null : rowsOf(value);
  if (!rows && !back) return <p class="field-hint">These conditions are more than rows can say.</p>;
  return (
    <button type="button" class="button-link" onClick={() => setRows(back)} data-testid={`conditions-mode-${path}`}>
      {rows ? "Write them as JSON" : "Back to rows"}
    </button>
  );
}

const JOINS = [
  { value: "all" as const, label: "All of them" },
  { value: "any" as const, label: "Any of them" },
];
const FIRST: Row = { field: "total.amount", operator: "above", value: "" };
/** What ends a journey is most often something that the shopper did in it. */
const FIRST_EXIT: Row = { field: "journey.clicked", operator: "is", value: "true" };

function RowsForm({ rows: { join, rows }, say, path, none }: { rows: Rows; say: (rows: Rows) => void } & About) {
  return (
    <>
      {rows.length === 0 && <p class="field-hint">{none}</p>}
      {rows.length > 1 && (
        <Choice
          name={`join-${path}`}
          label="How many of them must hold"
          value={join}
          options={JOINS}
          onChange={(next) => say({ join: next, rows })}
        />
      )}
      {rows.map((row, at) => (
        <RowForm
          key={at}
          row={row}
          name={`${path}-${at}`}
          onChange={(next) => say({ join, rows: replaced(rows, at, next) })}
          onRemove={() => say({ join, rows: without(rows, at) })}
        />
      ))}
      <button
        type="button"
        class="button button-small"
        onClick={() => say({ join, rows: [...rows, path === "exit" ? FIRST_EXIT : FIRST] })}
        data-testid={`condition-add-${path}`}
      >
        Add a condition
      </button>
    </>
  );
}

function RowForm(props: { row: Row; name: string; onChange: (row: Row) => void; onRemove: () => void }) {
  const { row, name, onChange, onRemove } = props;
  const known = operatorsOf(row.field);
  const operators = known.includes(row.operator) ? known : [row.operator, ...known];
  const withField = (field: string): Row => {
    const fitting = operatorsOf(field);
    const operator = fitting.includes(row.operator) ? row.operator : (fitting[0] ?? "is");
    const value = kindOf(field) === "flag" ? "true" : kindOf(row.field) === "flag" ? "" : row.value;
    return { field, operator, value };
  };
  return (
    <div class="condition" data-testid="condition-row">
      <FieldName value={row.field} name={name} onChange={(field) => onChange(withField(field))} />
      <select
        aria-label="Comparison"
        value={row.operator}
        onChange={(event) => onChange({ ...row, operator: event.currentTarget.value as Operator })}
        data-testid={`condition-operator-${name}`}
      >
        {operators.map((operator) => (
          <option key={operator} value={operator} selected={operator === row.operator}>
            {operatorLabel(operator)}
          </option>
        ))}
      </select>
      {takesValue(row.operator) && <RowValue row={row} name={name} onChange={onChange} />}
      <button type="button" class="icon-button" aria-label="Remove this condition" onClick={onRemove}>
        ×
      </button>
    </div>
  );
}

const OTHER = "…";

/** One of the known fields, or the path of another. */
function FieldName(props: { value: string; name: string; onChange: (field: string) => void }) {
  const { value, name, onChange } = props;
  const known = value in FIELDS;
  return (
    <span class="condition-field">
      <select
        aria-label="What is compared"
        value={known ? value : OTHER}
        onChange={(event) => onChange(event.currentTarget.value === OTHER ? "" : event.currentTarget.value)}
        data-testid={`condition-field-${name}`}
      >
        {Object.entries(FIELDS).map(([field, { label }]) => (
          <option key={field} value={field} selected={field === value}>
            {label}
          </option>
        ))}
        <option value={OTHER} selected={!known}>
          Another field
        </option>
      </select>
      {!known && (
        <input
          aria-label="Path of the field"
          value={value}
          placeholder="total.currency"
          pattern="[A-Za-z][\w.]*"
          title="Names with dots between them"
          maxLength={100}
          required
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
    </span>
  );
}

function RowValue({ row, name, onChange }: { row: Row; name: string; onChange: (row: Row) => void }) {
  const kind = kindOf(row.field);
  if (kind === "flag") {
    return (
      <select
        aria-label="Value"
        value={row.value}
        onChange={(event) => onChange({ ...row, value: event.currentTarget.value })}
      >
        <option value="true" selected={row.value !== "false"}>
          yes
        </option>
        <option value="false" selected={row.value === "false"}>
          no
        </option>
      </select>
    );
  }
  return (
    <input
      aria-label="Value"
      {...(kind === "number" ? ({ type: "number", step: "any" } as const) : ({ type: "text" } as const))}
      value={row.value}
      placeholder={isList(row.operator) ? "one, another" : undefined}
      maxLength={500}
      required
      onInput={(event) => onChange({ ...row, value: event.currentTarget.value })}
      data-testid={`condition-value-${name}`}
    />
  );
}

function JsonForm({
  value,
  onChange,
  path,
}: {
  value: Conditions;
  onChange: (value: Conditions) => void;
  path: string;
}) {
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const write = (input: HTMLTextAreaElement) => {
    setText(input.value);
    const read = parsed(input.value);
    // The form cannot be sent while the text is no JSON; the campaign keeps the last conditions that were.
    input.setCustomValidity(read ? "" : "This is not a JSON object");
    if (read) onChange(read);
  };
  return (
    <Labeled
      label="Conditions as JSON"
      path={`${path}.json`}
      hint='Like {"total.amount": {"$gt": 50}}: Mongo’s operators, no code.'
    >
      {(control) => (
        <textarea
          {...control}
          class="json"
          rows={6}
          spellcheck={false}
          value={text}
          onInput={(event) => write(event.currentTarget)}
        />
      )}
    </Labeled>
  );
}

function parsed(text: string): Conditions | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Conditions) : null;
  } catch {
    return null;
  }
}
