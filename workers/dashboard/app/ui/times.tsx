/** Times that tick: only the text node changes, not the component around it. */
import { useComputed } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ago, countdown, fullTime } from "../format.ts";
import { now } from "./clock.ts";

export function Ago({ at }: { at: string }) {
  const text = useTicking(at, ago);
  return (
    <time dateTime={at} title={fullTime(at)}>
      {text}
    </time>
  );
}

export function Countdown({ at }: { at: string }) {
  const text = useTicking(at, countdown);
  return (
    <time class="countdown" dateTime={at} title={fullTime(at)}>
      {text}
    </time>
  );
}

/** A new moment needs a new computation: the old one would go on telling of the old moment. */
function useTicking(at: string, tell: (at: string, now: number) => string) {
  const latest = useRef(at);
  const changed = latest.current !== at;
  latest.current = at;
  const text = useComputed(() => tell(latest.current, now.value));
  return changed ? tell(at, now.value) : text;
}
