/**
 * Something the reader does that may take a while and may fail: one at a time, with what went wrong. Its button says
 * `aria-disabled` while it is busy: one that is disabled loses the focus.
 */
import { useRef, useState } from "preact/hooks";
import type { Problem } from "../api/http.ts";
import { asProblem } from "./store.ts";

export interface Action<A extends unknown[]> {
  busy: boolean;
  problem: Problem | null;
  /** Does it, unless it is being done. */
  run(...args: A): Promise<void>;
}

export function useAction<A extends unknown[]>(work: (...args: A) => Promise<unknown>): Action<A> {
  const running = useRef(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = async (...args: A) => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await work(...args);
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { busy, problem, run };
}
