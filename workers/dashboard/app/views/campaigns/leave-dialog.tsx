/** Keeps the reader from losing what is not saved, within the dashboard and beyond it. */
import { useEffect, useState } from "preact/hooks";
import { setGuard } from "../../route.ts";
import { Confirm } from "../../ui/dialog.tsx";

export function LeaveDialog({ dirty, id }: { dirty: boolean; id: string | null }) {
  const [to, setTo] = useState<string | null>(null);
  useEffect(() => {
    if (!dirty) return;
    const stay = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", stay);
    setGuard((next, href) => {
      if (next.name === "campaign" && next.id === id) return true; // another tab of the same page
      setTo(href);
      return false;
    });
    return () => {
      removeEventListener("beforeunload", stay);
      setGuard(null);
    };
  }, [dirty, id]);
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
      <p>What you changed in this campaign is lost then.</p>
    </Confirm>
  );
}
