/** What went wrong, in the server's words, and what can be done about it. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { SECOND_MS } from "../../../../shared/time.ts";
import type { Problem } from "../api/http.ts";
import { words } from "../format.ts";
import { now } from "./clock.ts";
import { Countdown } from "./times.tsx";

export function ProblemNotice({ problem, retry }: { problem: Problem; retry?: () => void }) {
  return (
    <div class="notice notice-problem" role="alert">
      <p class="notice-title">{problem.title}</p>
      {problem.fields.length === 0 && problem.message !== problem.title && <p>{problem.message}</p>}
      {problem.retryAfter !== null && <RetryAfter problem={problem} seconds={problem.retryAfter} />}
      {problem.fields.length > 0 && (
        <ul>
          {problem.fields.map(({ field, message }) => (
            <li key={field}>
              <b>{words(field)}</b> {message}
            </li>
          ))}
        </ul>
      )}
      <p class="notice-code">
        <code>{problem.code}</code>
        {problem.requestId && <span> · request {problem.requestId}</span>}
      </p>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Ticks for the eye; a screen reader is told the wait once, with the alert. */
function RetryAfter({ problem, seconds }: { problem: Problem; seconds: number }) {
  const at = useMemo(() => Date.now() + seconds * SECOND_MS, [problem, seconds]);
  if (now.value >= at) return <p>You can try again now.</p>;
  return (
    <p>
      <span aria-hidden="true">
        Try again in <Countdown at={new Date(at).toISOString()} />.
      </span>
      <span class="visually-hidden">Try again in {seconds} seconds.</span>
    </p>
  );
}

export function Notice({
  title,
  children,
  dismiss,
}: {
  title: string;
  children: ComponentChildren;
  dismiss?: () => void;
}) {
  return (
    <div class="notice" role="status">
      <p class="notice-title">{title}</p>
      <div>{children}</div>
      {dismiss && (
        <button type="button" class="button button-quiet" onClick={dismiss}>
          Dismiss
        </button>
      )}
    </div>
  );
}
