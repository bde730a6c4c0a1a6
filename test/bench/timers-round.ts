/** What both sides of the timers benchmark are asked, and what they answer. */
import { sleep } from "../../workers/cli/command.ts";

export interface RoundPlan {
  name: "second" | "spread" | "failing";
  carts: number;
  /** Over how long the steps fall due. */
  windowMs: number;
  /** How long after the last was due all must be done. */
  deadlineMs: number;
}

export interface TimerRound {
  contender: string;
  name: RoundPlan["name"];
  carts: number;
  decided: number;
  twice: number;
  /** The most that were due within one second. */
  together?: number;
  /** How late each decision was, in ms, sorted. */
  late: number[];
  /** Processor time a cart. */
  cpuMs: number;
  /** Memory a waiting cart. */
  waitingBytes?: number;
  failedActivations?: number;
  /** Done when everything was killed. */
  beforeKill?: number;
}

export const nameOf = (round: string, i: number): string => `${round}-${i}`;

const TICK_MS = 100;

/** Calls `make` with the carts whose time has come, evenly over the window; a slow answer delays nobody. */
export async function paced(
  { name, carts, windowMs }: RoundPlan,
  make: (ids: string[]) => Promise<void>,
): Promise<void> {
  const started = Date.now();
  const making: Promise<void>[] = [];
  for (let made = 0; made < carts; await sleep(TICK_MS)) {
    const wanted = Math.min(carts, Math.ceil(((Date.now() - started) / windowMs) * carts));
    for (; made < wanted; made += 20) {
      const ids = Array.from({ length: Math.min(20, wanted - made) }, (_, i) => nameOf(name, made + i));
      making.push(make(ids));
    }
    made = wanted;
  }
  await Promise.all(making);
}
