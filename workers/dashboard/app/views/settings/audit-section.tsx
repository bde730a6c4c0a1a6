/** Who did what in the store, newest first. */
import { useState } from "preact/hooks";
import { type AuditEntry, type AuditFilter, exportAudit, listMembers, readAudit } from "../../api/identity.ts";
import { may, user } from "../../api/session.ts";
import { fullTime } from "../../format.ts";
import { useAction } from "../../live/action.ts";
import { useResource } from "../../live/resource.ts";
import { saveFile } from "../../ui/file.ts";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Ago } from "../../ui/times.tsx";
import { describeAgent } from "./agent.ts";
import { AuditFilters } from "./audit-filters.tsx";
import { actorName, type Change, changes, deed } from "./audit-words.ts";
import { Listed } from "./parts.tsx";

type Names = ReadonlyMap<string, string>;

/** The people whom the log may name; without the right to read them, the log's own addresses have to do. */
const readPeople = async (storeId: string) => (may("members:write") ? listMembers(storeId) : { items: [] });

export function AuditSection() {
  const storeId = user.value?.storeId ?? "";
  const [filter, setFilter] = useState<AuditFilter>({});
  const key = `audit ${storeId} ${JSON.stringify(filter)}`;
  const people = useResource(`people ${storeId}`, () => readPeople(storeId));
  const names: Names = new Map(people.data?.items.map((item) => [item.userId, item.name || item.email]));
  return (
    <section class="panel">
      <AuditFilters names={names} filter={filter} onChange={setFilter} />
      <Entries key={key} name={key} filter={filter} names={names} />
      <Export filter={filter} />
    </section>
  );
}

function Entries({ name, filter, names }: { name: string; filter: AuditFilter; names: Names }) {
  const first = useResource(name, () => readAudit(filter));
  const [older, setOlder] = useState<{ items: AuditEntry[]; cursor: string | null } | null>(null);
  const cursor = older ? older.cursor : (first.data?.nextCursor ?? null);
  const { busy, problem, run } = useAction(async () => {
    const page = await readAudit(filter, cursor ?? undefined);
    setOlder({ items: [...(older?.items ?? []), ...page.items], cursor: page.nextCursor });
  });
  return (
    <div class="audit" aria-busy={first.data === null}>
      <Listed resource={first} empty="Nothing of the kind happened.">
        {(items) => (
          <ol class="lines">
            {[...items, ...(older?.items ?? [])].map((entry) => (
              <EntryRow key={entry.id} entry={entry} names={names} />
            ))}
          </ol>
        )}
      </Listed>
      {problem && <ProblemNotice problem={problem} />}
      {cursor !== null && (
        <button
          type="button"
          class="button older"
          aria-disabled={busy}
          onClick={() => void run()}
          data-testid="audit-more"
        >
          {busy ? "Reading…" : "Load older entries"}
        </button>
      )}
    </div>
  );
}

function EntryRow({ entry, names }: { entry: AuditEntry; names: Names }) {
  const changed = changes(entry.before, entry.after);
  const told = deed(entry, names);
  return (
    <li class="line audit-row" data-testid="audit-row" data-action={entry.action}>
      <p class="audit-line">
        <span>
          <b>{actorName(entry, names)}</b> {told}
        </span>
        <Ago at={entry.at} />
      </p>
      <details>
        <summary>
          Details<span class="visually-hidden"> of “{told}”</span>
        </summary>
        {changed.length > 0 && <Diff changes={changed} />}
        <p class="line-detail">
          {fullTime(entry.at)} · <code>{entry.action}</code>
          {entry.object.id && (
            <>
              {" · "}
              <code>{entry.object.id}</code>
            </>
          )}
          {entry.address && ` · ${entry.address}`}
          {entry.userAgent && ` · ${describeAgent(entry.userAgent)}`}
          {entry.requestId && ` · request ${entry.requestId}`}
        </p>
      </details>
    </li>
  );
}

function Diff({ changes }: { changes: readonly Change[] }) {
  return (
    <dl class="diff">
      {changes.map(({ field, before, after }) => (
        <div key={field}>
          <dt>{field || "value"}</dt>
          {before !== null && (
            <dd class="diff-before">
              <span class="visually-hidden">before: </span>
              {before}
            </dd>
          )}
          {after !== null && (
            <dd class="diff-after">
              <span class="visually-hidden">after: </span>
              {after}
            </dd>
          )}
        </div>
      ))}
    </dl>
  );
}

function Export({ filter }: { filter: AuditFilter }) {
  const { busy, problem, run } = useAction(async (format: "csv" | "json") =>
    saveFile(await exportAudit(filter, format), `cartwake-audit.${format}`),
  );
  return (
    <div class="panel-end">
      {problem && <ProblemNotice problem={problem} />}
      <div class="form-actions">
        <span class="line-detail">{filter.from || filter.to ? "Export these days:" : "Export everything:"}</span>
        {(["csv", "json"] as const).map((format) => (
          <button
            key={format}
            type="button"
            class="button"
            aria-disabled={busy}
            onClick={() => void run(format)}
            data-testid={`audit-${format}`}
          >
            {format.toUpperCase()}
          </button>
        ))}
      </div>
    </div>
  );
}
