/** The present moment as a signal, a second at a time, at rest while nobody looks. */
import { signal } from "@preact/signals";
import { SECOND_MS } from "../../../../shared/time.ts";

export const now = signal(Date.now());

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, SECOND_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) now.value = Date.now();
  });
}
