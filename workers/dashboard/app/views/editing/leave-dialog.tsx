/** Keeps the reader from losing what is not saved, within the dashboard and beyond it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Route, setGuard } from "../../route.ts";
import { Confirm } from "../../ui/dialog.tsx";

/** `isHere`: whether a place is another part of the same page. */
export function LeaveDialog(props: { dirty: boolean; what: string; isHere: (next: Route) => boolean }) {
  const { dirty, what } = props;
  const isHere = useRef(props.isHere);
  isHere.current = props.isHere;
  const [to, setTo] = useState<string | null>(null);
  useEffect(() => {
    if (!dirty) return;
    const stay = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", stay);
    setGuard((next, href) => {
      if (isHere.current(next)) return true;
      setTo(href);
      return false;
    });
    return () => {
      removeEventListener("beforeunload", stay);
      setGuard(null);
    };
  }, [dirty]);
  if (to === null) return null;
  const leave = async () => {
    setGuard(null);
    location.hash = to;
  };
  return (
    <Confirm
      title="Leave without saving?"
      confirm="Leave"
      busy="Leaving…"
      tone="danger"
      onConfirm={leave}
      onClose={() => setTo(null)}
      cancel="Stay"
    >
      <p>What you changed in this {what} is lost then.</p>
    </Confirm>
  );
}
