/** Which part of the log is shown: by deed, by person, by day. */
import { useId } from "preact/hooks";
import type { AuditFilter } from "../../api/identity.ts";
import { now } from "../../ui/clock.ts";
import { ACTIONS, done } from "./audit-words.ts";
import { dayStart, localDate, nextDay } from "./dates.ts";

export function AuditFilters(props: {
  names: ReadonlyMap<string, string>;
  filter: AuditFilter;
  onChange: (filter: AuditFilter) => void;
}) {
  const read = (event: Event) => {
    const form = (event.currentTarget as HTMLFormElement | null) ?? undefined;
    const values = new FormData(form);
    const value = (name: string) => String(values.get(name) ?? "");
    props.onChange({
      ...(value("action") ? { action: value("action") } : {}),
      ...(value("actorId") ? { actorId: value("actorId") } : {}),
      ...(value("from") ? { from: dayStart(value("from")) } : {}),
      ...(value("to") ? { to: nextDay(value("to")) } : {}),
    });
  };
  const today = localDate(now.value);
  return (
    <form class="filters" aria-label="Filter" onChange={read} onSubmit={(event) => event.preventDefault()}>
      <Select
        name="action"
        label="What"
        all="Everything"
        options={ACTIONS.map((action) => [action, done(action)] as const)}
      />
      <Select name="actorId" label="Who" all="Everybody" options={[...props.names]} />
      <Day name="from" label="From" max={today} />
      <Day name="to" label="Until" max={today} />
    </form>
  );
}

function Select(props: { name: string; label: string; all: string; options: readonly (readonly [string, string])[] }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select id={id} name={props.name} data-testid={`filter-${props.name}`}>
        <option value="">{props.all}</option>
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

function Day({ name, label, max }: { name: string; label: string; max: string }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} name={name} type="date" max={max} data-testid={`filter-${name}`} />
    </div>
  );
}
