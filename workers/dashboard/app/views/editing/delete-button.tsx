import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { replaceRoute, setGuard } from "../../route.ts";
import { Confirm } from "../../ui/dialog.tsx";
import type { Kind, Versioned } from "./use-editing.ts";

/** `children`: what goes with it. */
export function DeleteButton<Stored extends Versioned, Input>(props: {
  kind: Kind<Stored, Input>;
  stored: Stored;
  children: ComponentChildren;
}) {
  const { kind, stored, children } = props;
  const [asking, setAsking] = useState(false);
  const remove = async () => {
    await kind.remove(stored.id);
    setGuard(null);
    replaceRoute(kind.listHref);
  };
  return (
    <>
      <button
        type="button"
        class="button button-quiet"
        onClick={() => setAsking(true)}
        data-testid={`${kind.name}-delete`}
      >
        Delete
      </button>
      {asking && (
        <Confirm
          title={`Delete ${stored.name}?`}
          confirm="Delete"
          busy="Deleting…"
          tone="danger"
          onConfirm={remove}
          onClose={() => setAsking(false)}
        >
          {children}
        </Confirm>
      )}
    </>
  );
}
