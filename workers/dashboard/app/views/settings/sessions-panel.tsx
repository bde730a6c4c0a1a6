/** Where the account is logged in. */
import { useState } from "preact/hooks";
import type { OpenSessionView } from "../../../../../shared/views.ts";
import { endAllSessions, endSession, listSessions } from "../../api/identity.ts";
import { forget } from "../../api/session.ts";
import { useAction } from "../../live/action.ts";
import { useResource } from "../../live/resource.ts";
import { Confirm } from "../../ui/dialog.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Ago } from "../../ui/times.tsx";
import { describeAgent } from "./agent.ts";
import { Listed } from "./parts.tsx";

export function SessionsPanel() {
  const sessions = useResource("sessions", () => listSessions());
  const [asking, setAsking] = useState(false);
  const everywhere = async () => {
    await endAllSessions();
    forget("You are logged out on all devices.");
  };
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>Logged in</h2>
        <button type="button" class="button" onClick={() => setAsking(true)} data-testid="logout-everywhere">
          Log out everywhere
        </button>
      </div>
      <p class="panel-lead">Something that you do not know? Log it out, and change your password.</p>
      <Listed resource={sessions} empty="Nowhere, it seems.">
        {(items) => (
          <ul class="lines">
            {items.map((item) => (
              <SessionRow key={item.id} item={item} ended={sessions.reload} />
            ))}
          </ul>
        )}
      </Listed>
      {asking && (
        <Confirm
          title="Log out everywhere?"
          confirm="Log out everywhere"
          busy="Logging out…"
          tone="danger"
          onConfirm={everywhere}
          onClose={() => setAsking(false)}
        >
          <p>Every device has to log in again, this one too.</p>
        </Confirm>
      )}
    </section>
  );
}

function SessionRow({ item, ended }: { item: OpenSessionView; ended: () => void }) {
  const device = describeAgent(item.userAgent);
  const { busy, problem, run } = useAction(async () => {
    await endSession(item.id);
    ended();
  });
  return (
    <li class="line" data-testid="session-row">
      <div class="line-main">
        <p class="line-title">
          {device}
          {item.current && (
            <span class="chip" data-tone="good">
              This device
            </span>
          )}
        </p>
        <p class="line-detail">
          {item.address && `${item.address} · `}
          in {item.store.name} · last used <Ago at={item.lastUsedAt} /> · logged in <Ago at={item.createdAt} />
        </p>
        {problem && <ProblemNotice problem={problem} />}
      </div>
      {!item.current && (
        <button type="button" class="button" aria-disabled={busy} onClick={() => void run()}>
          Log out<span class="visually-hidden"> {device}</span>
        </button>
      )}
    </li>
  );
}
