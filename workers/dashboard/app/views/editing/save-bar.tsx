/** At the foot of an editor: whether it is saved, and what can be done with it. */
import type { ComponentChildren } from "preact";
import type { Editing, Versioned } from "./use-editing.ts";

export function SaveBar<Stored extends Versioned, Input>(props: {
  editing: Editing<Stored, Input>;
  /** Beside the button that saves. */
  children?: ComponentChildren;
}) {
  const { kind, base, dirty, save, discard } = props.editing;
  return (
    <div class="save-bar" data-dirty={dirty}>
      <p role="status">{dirty ? "Not saved yet" : base ? "Saved" : ""}</p>
      {dirty && base && (
        <button type="button" class="button" onClick={discard}>
          Discard
        </button>
      )}
      {props.children}
      <button type="submit" class="button button-primary" aria-disabled={save.busy} data-testid={`${kind.name}-save`}>
        {save.busy ? "Saving…" : base ? "Save" : `Create the ${kind.name}`}
      </button>
    </div>
  );
}
