import { useState } from "preact/hooks";
import { type About, Labeled, type NumberProps, useTyped } from "../editing/fields.tsx";
import { inUnits, minutesOf, UNIT_NAMES, type Unit } from "./campaign-words.ts";

/** A length of time, in the unit that it is thought in. */
export function Duration({ label, path, hint, value, onChange }: About & Pick<NumberProps, "value" | "onChange">) {
  const [unit, setUnit] = useState<Unit>(() => inUnits(value ?? 0).unit);
  const size = minutesOf(1, unit);
  const typed = useTyped(value === undefined ? value : value / size, (amount) => onChange(minutesOf(amount, unit)));
  return (
    <Labeled {...{ label, path, hint }}>
      {(control) => (
        <span class="duration">
          <input
            type="number"
            inputMode="decimal"
            min={0}
            step="any"
            required
            {...control}
            value={typed.value}
            onInput={(event) => typed.onInput(event.currentTarget.value)}
          />
          <select
            aria-label={`${label}: unit`}
            value={unit}
            onChange={(event) => {
              const next = UNIT_NAMES.find((name) => name === event.currentTarget.value) ?? "minutes";
              setUnit(next);
              onChange(minutesOf((value ?? 0) / size, next));
            }}
          >
            {UNIT_NAMES.map((name) => (
              <option key={name} value={name} selected={name === unit}>
                {name}
              </option>
            ))}
          </select>
        </span>
      )}
    </Labeled>
  );
}
