import { readJson } from "./storage.ts";
import type { Clock, Store } from "./types.ts";

const KEY = "cartwake.hesitated";
const REMEMBERED = 20;

export interface HesitationDeps {
  clock: Clock;
  /** Of the tab: what was told stays told when the page is loaded again. */
  session: Store;
  waitMs: number;
  isVisible: () => boolean;
  cartId: () => string;
  hesitating: () => void;
}

/** Someone at the checkout who does nothing for a while, with the page before them: told once for each step of a cart. */
export function createHesitation({ clock, session, waitMs, isVisible, cartId, hesitating }: HesitationDeps) {
  let step: string | null = null;
  let activeAt = 0;
  let timer: unknown = null;

  const told = () => readJson<string[]>(session, KEY) ?? [];

  function look(): void {
    timer = null;
    if (!step) return;
    const waitedMs = clock.now() - activeAt;
    if (waitedMs < waitMs || !isVisible()) {
      timer = clock.later(look, waitedMs < waitMs ? waitMs - waitedMs : waitMs);
      return;
    }
    session.set(KEY, JSON.stringify([...told(), `${cartId()}/${step}`].slice(-REMEMBERED)));
    step = null;
    hesitating();
  }

  return {
    enter(name: string): void {
      activeAt = clock.now();
      step = told().includes(`${cartId()}/${name}`) ? null : name;
      if (step && timer === null) timer = clock.later(look, waitMs);
    },
    leave(): void {
      step = null;
    },
    active(): void {
      activeAt = clock.now();
    },
  };
}
