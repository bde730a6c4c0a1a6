/** A part of a template as it is written: Liquid, with its lines counted and what is wrong at its place. */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Control, Labeled } from "../editing/fields.tsx";
import { offsetOf, type PlacedFault } from "./faults.ts";

export type LiquidElement = HTMLInputElement | HTMLTextAreaElement;

interface Props {
  label: string;
  path: string;
  value: string;
  onChange: (value: string) => void;
  faults: readonly PlacedFault[];
  /** The field that was written in last. */
  target: RefObject<LiquidElement | null>;
  required?: boolean;
}

/** One line. */
export function LiquidLine({ label, path, value, onChange, faults, target, required }: Props) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <div class="liquid">
      <Labeled label={label} path={path}>
        {(control) => (
          <>
            <input
              {...marked(control, faults)}
              ref={field}
              value={value}
              maxLength={1000}
              required={required}
              onFocus={(event) => {
                target.current = event.currentTarget;
              }}
              onInput={(event) => onChange(event.currentTarget.value)}
            />
            <FaultList id={faultsId(control.id)} faults={faults} field={field} />
          </>
        )}
      </Labeled>
    </div>
  );
}

/** `lines`: long text, unwrapped, each line with its number; else a few words, wrapped. */
export function LiquidText(props: Props & { lines: boolean; rows: number; maxLength?: number }) {
  const { label, path, value, onChange, faults, target, required, lines, rows, maxLength = 200_000 } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLPreElement>(null);
  const follow = () => {
    if (gutter.current && field.current) gutter.current.scrollTop = field.current.scrollTop;
  };
  useLayoutEffect(follow, [value]);
  return (
    <div class="liquid">
      <Labeled label={label} path={path}>
        {(control) => (
          <>
            <span class="code" data-lines={lines}>
              {lines && <Lines of={value} wrong={faults} gutter={gutter} />}
              <textarea
                {...marked(control, faults)}
                ref={field}
                value={value}
                rows={rows}
                maxLength={maxLength}
                required={required}
                wrap={lines ? "off" : "soft"}
                autocapitalize="off"
                spellcheck={!lines}
                onScroll={follow}
                onFocus={(event) => {
                  target.current = event.currentTarget;
                }}
                onInput={(event) => onChange(event.currentTarget.value)}
              />
            </span>
            <FaultList id={faultsId(control.id)} faults={faults} field={field} />
          </>
        )}
      </Labeled>
    </div>
  );
}

/** Wrong, and described by what is wrong. */
function marked(control: Control, faults: readonly PlacedFault[]) {
  if (faults.length === 0) return control;
  const told = [control["aria-describedby"], faultsId(control.id)].filter(Boolean).join(" ");
  return { ...control, "aria-invalid": true as const, "aria-describedby": told };
}

const faultsId = (id: string): string => `${id}-faults`;

function Lines(props: { of: string; wrong: readonly PlacedFault[]; gutter: RefObject<HTMLPreElement | null> }) {
  const wrong = new Set(props.wrong.map(({ at }) => at?.line));
  const count = props.of.split("\n").length;
  return (
    <pre class="code-lines" ref={props.gutter} aria-hidden="true">
      {Array.from({ length: count }, (_, i) => (
        <span key={i} data-wrong={wrong.has(i + 1) || undefined}>
          {i + 1}
        </span>
      ))}
    </pre>
  );
}

/** Each leads to its place. The first line is always there: the page does not jump when something becomes wrong. */
function FaultList(props: { id: string; faults: readonly PlacedFault[]; field: RefObject<LiquidElement | null> }) {
  const { id, faults, field } = props;
  const show = (at: { line: number; column: number }) => {
    const element = field.current;
    if (!element) return;
    const offset = offsetOf(element.value, at);
    element.focus();
    element.setSelectionRange(offset, offset);
  };
  return (
    <ul id={id} class="faults" aria-live="polite">
      {faults.map(({ at, message }, i) => (
        <li key={i} data-testid="template-fault">
          {at && (
            <button type="button" class="button-link" onClick={() => show(at)}>
              Line {at.line}, column {at.column}
            </button>
          )}{" "}
          {message}
        </li>
      ))}
    </ul>
  );
}

/** Puts a text where the reader last wrote; the browser's undo takes it back. */
export function insert(field: LiquidElement, text: string): void {
  if (field.matches(":disabled")) return; // the reader may only look
  field.focus();
  if (document.execCommand("insertText", false, text)) return;
  field.setRangeText(text, field.selectionStart ?? 0, field.selectionEnd ?? 0, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}
