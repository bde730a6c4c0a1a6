/** Who is about to leave, as far as a page can tell; once a page view. Pure: knows no DOM. */

/** A pointer that crosses the page while it loads says nothing. */
const SETTLE_MS = 1_000;
/** Browsers tell the last place they saw, which may be a little below the edge when the pointer is fast. */
const EDGE_PX = 24;
const FLICK_MS = 600;
const FLICK_PX = 300;
/** Fewer events are a jump that the page itself made. */
const FLICK_EVENTS = 3;
const TOUCH_MS = 1_000;
/** A look at another app, long enough to have compared prices there. */
const AWAY_MS = 15_000;

export interface PointerOut {
  x: number;
  y: number;
  width: number;
  /** Where it went, within the document. */
  to: unknown;
  /** Pressed buttons: whoever drags or selects does not leave. */
  buttons: number;
}

export function createExitSense(leaving: () => void) {
  let viewedAt = 0;
  let told = false;
  let lastY = 0;
  let touchedAt = Number.NEGATIVE_INFINITY;
  let deepest = 0;
  let scrolledTo = 0;
  let run = { y: 0, at: 0, events: 0 };

  function tell(now: number): void {
    if (told || now - viewedAt < SETTLE_MS) return;
    told = true;
    leaving();
  }

  return {
    viewed(now: number): void {
      viewedAt = now;
      told = false;
      deepest = 0;
    },
    move(y: number): void {
      lastY = y;
    },
    /** Through the top of the window, where the tabs and the address are. */
    out({ x, y, width, to, buttons }: PointerOut, now: number): void {
      if (to || buttons || x < 0 || x > width) return;
      if (y <= 0 || (y < EDGE_PX && lastY > y)) tell(now);
    },
    touch(now: number): void {
      touchedAt = now;
    },
    /** Phones: a flick back up, towards the address bar, after having looked further down. */
    scroll(y: number, height: number, now: number): void {
      deepest = Math.max(deepest, y);
      if (y >= scrolledTo || now - run.at > FLICK_MS) run = { y: Math.max(y, scrolledTo), at: now, events: 0 };
      scrolledTo = y;
      run.events++;
      const far = run.y - y >= Math.max(FLICK_PX, height / 2);
      if (far && run.events >= FLICK_EVENTS && deepest >= height && now - touchedAt < TOUCH_MS) tell(now);
    },
    /** Phones: back from elsewhere. */
    back(awayMs: number, now: number): void {
      if (awayMs >= AWAY_MS) tell(now);
    },
  };
}
