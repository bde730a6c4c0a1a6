/** Small parts that several sections of the settings share. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Resource } from "../../live/resource.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";

export const Saved = ({ text = "Saved" }: { text?: string }) => (
  <p class="saved" role="status">
    {text}
  </p>
);

/** What a list says while it is read, when it cannot be read, and when there is nothing in it. */
export function Listed<T>({
  resource,
  empty,
  children,
}: {
  resource: Pick<Resource<{ items: T[] }>, "data" | "problem" | "reload">;
  empty: string;
  children: (items: T[]) => ComponentChildren;
}) {
  const { data, problem, reload } = resource;
  return (
    <>
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {!data && !problem && <p class="loading">Reading…</p>}
      {data && (data.items.length > 0 ? children(data.items) : <p class="panel-none">{empty}</p>)}
    </>
  );
}

/** A heading that has just come to be: read out, and in sight. */
export function NewHeading({ children }: { children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
    heading.current?.scrollIntoView({ block: "center" });
  }, []);
  return (
    <h2 ref={heading} tabIndex={-1}>
      {children}
    </h2>
  );
}

/** Something that is shown once and never again. */
export function ShownOnce(props: {
  title: string;
  children: ComponentChildren;
  done: string;
  onDone: () => void;
  actions?: ComponentChildren;
}) {
  return (
    <section class="panel shown-once" data-testid="shown-once">
      <NewHeading>{props.title}</NewHeading>
      {props.children}
      <div class="form-actions">
        {props.actions}
        <button type="button" class="button button-primary" onClick={props.onDone} data-testid="shown-done">
          {props.done}
        </button>
      </div>
    </section>
  );
}

/** A key or a secret to copy. */
export const Secret = ({ text, label, shown = text }: { text: string; label: string; shown?: string }) => (
  <div class="secret">
    <code data-testid="secret">{shown}</code>
    <CopyButton text={text} label={label} />
  </div>
);
