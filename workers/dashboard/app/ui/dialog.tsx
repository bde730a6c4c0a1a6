/** A question that has to be answered first. The native dialog keeps the focus, closes on Escape and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Form } from "./form.tsx";

export function Dialog(props: {
  title: string;
  tone?: "danger" | undefined;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const { title, tone, onClose } = props;
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
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} onClose={onClose} data-testid="dialog">
      <h2 id={id}>{title}</h2>
      {props.children}
    </dialog>
  );
}

export function Confirm(props: {
  title: string;
  confirm: string;
  busy: string;
  tone?: "danger";
  onConfirm: (values: FormData) => Promise<unknown>;
  onClose: () => void;
  /** Another way to answer. */
  also?: { label: string; onClick: () => void; testid: string };
  /** What the third answer is called: to leave things as they are. */
  cancel?: string;
  children: ComponentChildren;
}) {
  const { onClose, tone } = props;
  const work = async (values: FormData) => {
    await props.onConfirm(values);
    onClose();
  };
  return (
    <Dialog title={props.title} tone={tone} onClose={onClose}>
      <Form
        submit={props.confirm}
        busy={props.busy}
        work={work}
        {...(tone ? { tone } : {})}
        testid="confirm"
        aside={
          <>
            {props.also && (
              <button type="button" class="button" onClick={props.also.onClick} data-testid={props.also.testid}>
                {props.also.label}
              </button>
            )}
            <button type="button" class="button" onClick={onClose} data-testid="dialog-cancel">
              {props.cancel ?? "Cancel"}
            </button>
          </>
        }
      >
        {props.children}
      </Form>
    </Dialog>
  );
}
