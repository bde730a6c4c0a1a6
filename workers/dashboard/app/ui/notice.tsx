/** What went wrong, in the server's words, and what can be done about it. */
import type { ComponentChildren } from "preact";
import type { Problem } from "../api/http.ts";

export function ProblemNotice({ problem, retry }: { problem: Problem; retry?: () => void }) {
  return (
    <div class="notice notice-problem" role="alert">
      <p class="notice-title">{problem.title}</p>
      {problem.message !== problem.title && <p>{problem.message}</p>}
      {problem.fields.length > 0 && (
        <ul>
          {problem.fields.map((field) => (
            <li key={field.field}>
              <b>{field.field}</b>: {field.message}
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
