import { createExitSense } from "./exit.ts";

/**
 * Calls `viewed` for the page that is loaded and for each one a single-page shop moves to.
 * A change of the fragment alone is a place on the page, not another page.
 */
export function watchPages(viewed: (previous: string) => void): void {
  let current = "";
  const look = () => {
    const here = location.href.split("#")[0]!;
    if (here === current) return;
    const previous = current || document.referrer;
    current = here;
    viewed(previous);
  };
  const pushState = history.pushState;
  history.pushState = function (...args) {
    pushState.apply(this, args);
    look();
  };
  addEventListener("popstate", look);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    current = "";
    look();
  });
  look();
}

const QUIETLY = { passive: true, capture: true };

/** Calls `leaving` when the shopper is about to; returns what must hear of each page view. */
export function watchExit(leaving: () => void): () => void {
  const sense = createExitSense(leaving);
  const now = () => Date.now();
  document.addEventListener("mousemove", (event) => sense.move(event.clientY), QUIETLY);
  document.addEventListener("mouseout", (event) =>
    sense.out(
      {
        x: event.clientX,
        y: event.clientY,
        width: innerWidth,
        to: event.relatedTarget,
        buttons: event.buttons,
      },
      now(),
    ),
  );
  if (matchMedia("(pointer: coarse)").matches) {
    let hiddenAt = 0;
    addEventListener("touchmove", () => sense.touch(now()), QUIETLY);
    addEventListener("scroll", () => sense.scroll(scrollY, innerHeight, now()), { passive: true });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) hiddenAt = now();
      else if (hiddenAt) sense.back(now() - hiddenAt, now());
    });
  }
  return () => sense.viewed(now());
}

/** Calls `active` for whatever shows that somebody is there. */
export function watchActivity(active: () => void): void {
  for (const type of ["input", "keydown", "pointerdown", "pointermove", "scroll", "wheel", "visibilitychange"])
    addEventListener(type, active, QUIETLY);
}
