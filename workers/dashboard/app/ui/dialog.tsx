/** A question that has to be answered first. The native dialog keeps the focus, closes on Escape and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Form } from "./form.tsx";

export function Confirm(props: {
  title: string;
  confirm: string;
  busy: string;
  tone?: "danger";
  onConfirm: (values: FormData) => Promise<unknown>;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const { onClose, tone } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // Where there is nothing to fill in, Enter alone must not do what cannot be undone.
    if (tone === "danger" && !shown?.querySelector("input"))
      shown?.querySelector<HTMLElement>("[type=button]")?.focus();
    return () => shown?.close();
  }, [tone]);
  const work = async (values: FormData) => {
    await props.onConfirm(values);
    onClose();
  };
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} onClose={onClose} data-testid="dialog">
      <h2 id={id}>{props.title}</h2>
      <Form
        submit={props.confirm}
        busy={props.busy}
        work={work}
        {...(tone ? { tone } : {})}
        testid="confirm"
        aside={
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
        }
      >
        {props.children}
      </Form>
    </dialog>
  );
}
