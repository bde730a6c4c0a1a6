/** Somebody saved the same thing while it was being edited here: what they changed, and whose version stays. */
import { type AuditEntry, readAudit } from "../../api/identity.ts";
import { may } from "../../api/session.ts";
import { useResource } from "../../live/resource.ts";
import { Confirm } from "../../ui/dialog.tsx";
import { Ago } from "../../ui/times.tsx";
import { actorName, changes } from "../settings/audit-words.ts";
import { difference } from "./difference.ts";
import type { Editing, Versioned } from "./use-editing.ts";

const MOST = 8;

export function Conflict<Stored extends Versioned, Input>({ editing }: { editing: Editing<Stored, Input> }) {
  const { base, theirs, kind } = editing;
  if (!base || !theirs) return null;
  const changed = changes(kind.inputOf(base), kind.inputOf(theirs));
  return (
    <Confirm
      title={`Somebody else changed this ${kind.name}`}
      confirm="Keep mine, overwrite theirs"
      busy="Saving…"
      tone="danger"
      onConfirm={editing.overwrite}
      onClose={editing.decideLater}
      also={{ label: "Take theirs", onClick: editing.takeTheirs, testid: "take-theirs" }}
      cancel="Go on editing"
    >
      <p>
        <Who id={base.id} action={`${kind.name}.updated`} /> saved version {theirs.version}{" "}
        <Ago at={theirs.updatedAt} />, while you edited version {base.version}.
      </p>
      <ul class="conflict" data-testid="conflict">
        {changed.slice(0, MOST).map((change) => {
          const { before, after } = difference(change);
          return (
            <li key={change.field}>
              <code>{change.field}</code> {before ?? "nothing"} → {after ?? "nothing"}
            </li>
          );
        })}
        {changed.length > MOST && <li>and {changed.length - MOST} more</li>}
      </ul>
    </Confirm>
  );
}

function Who({ id, action }: { id: string; action: string }) {
  const { data } = useResource(`who ${id}`, () => lastChange(id, action));
  return <b>{data ? actorName(data) : "Somebody"}</b>;
}

/** Whoever may not read the log is told of the change all the same. */
async function lastChange(id: string, action: string): Promise<AuditEntry | null> {
  if (!may("audit:read")) return null;
  const { items } = await readAudit({ action });
  return items.find(({ object }) => object.id === id) ?? null;
}
