/** One thing read from the API for as long as a view shows it: what is known, what went wrong, and how to read it again. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Problem } from "../api/http.ts";
import { asProblem } from "./store.ts";

export interface Resource<T> {
  data: T | null;
  problem: Problem | null;
  reload(): void;
}

/** `key` names the thing; another key forgets the old one. A failed re-read keeps showing the last good answer. */
export function useResource<T>(key: string, read: () => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ key: string; data: T | null; problem: Problem | null }>({
    key,
    data: null,
    problem: null,
  });
  const turn = useRef(0);
  const reader = useRef(read);
  reader.current = read;

  const reload = useCallback(async () => {
    const mine = ++turn.current;
    try {
      const data = await reader.current();
      if (mine === turn.current) setState({ key, data, problem: null });
    } catch (error) {
      const problem = asProblem(error);
      if (mine === turn.current) setState((old) => ({ key, data: old.key === key ? old.data : null, problem }));
    }
  }, [key]);

  useEffect(() => {
    void reload();
    return () => {
      turn.current++; // whatever is under way belongs to a view that is gone
    };
  }, [reload]);

  const current = state.key === key;
  return { data: current ? state.data : null, problem: current ? state.problem : null, reload };
}

/** Calls `run` once, `ms` after the first of a burst of calls, and never after the view is gone. */
export function useSoon(run: () => void, ms: number): () => void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, ms);
  }, [ms]);
}
