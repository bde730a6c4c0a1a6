/**
 * `npm run bench -- timers`: steps that fall due. Many in the same instant; many at a steady pace; and many in the same
 * instant on a machine that lacks files and is killed in the middle. All must be decided, none twice. Beside them BullMQ
 * on Redis, whose handler reads and writes the same state.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../workers/cli/build.ts";
import type { Progress } from "./progress.ts";
import { number } from "./table.ts";
import { missingPeer } from "./timers-modules.ts";
import { TimersPeer } from "./timers-peer.ts";
import { playProduct } from "./timers-product.ts";
import type { RoundPlan, TimerRound } from "./timers-round.ts";

export interface TimersOptions {
  /** How many steps are due in the same second. */
  carts: number;
  /** 50,000 carts in ten minutes instead of 5,000 in one. */
  full: boolean;
}

export interface TimersReport {
  rounds: TimerRound[];
  /** Why there is nothing beside it. */
  missing: string | null;
  /** Rounds that did not come to their end, and why: the figures of the others are shown all the same. */
  broken: string[];
}

const plansOf = ({ carts, full }: TimersOptions): Record<RoundPlan["name"], RoundPlan> => ({
  second: { name: "second", carts, windowMs: 0, deadlineMs: 180_000 },
  spread: {
    name: "spread",
    carts: full ? 50_000 : 5_000,
    windowMs: full ? 600_000 : 60_000,
    deadlineMs: full ? 600_000 : 180_000,
  },
  failing: { name: "failing", carts, windowMs: 0, deadlineMs: 300_000 },
});

/** How long each round takes, about: preparation, the round, its peers. */
const secondsOf = ({ name, carts, windowMs }: RoundPlan): number =>
  name === "spread" ? windowMs / 1000 + 40 : 60 + carts * 0.06 + (name === "failing" ? 90 : 30);

export const plannedTimersSeconds = (options: TimersOptions): number =>
  Object.values(plansOf(options)).reduce((sum, plan) => sum + secondsOf(plan), 5);

export async function benchTimers(options: TimersOptions, progress: Progress): Promise<TimersReport> {
  await build({ log: () => {} });
  const folder = mkdtempSync(join(tmpdir(), "cartwake-bench-"));
  const missing = missingPeer();
  const plans = plansOf(options);
  const peers: TimersPeer[] = [];
  try {
    if (!missing)
      for (const fsync of ["everysec", "always"] as const) peers.push(await TimersPeer.start(folder, fsync));
    progress.step(5, "");
    const together = number(options.carts);
    const rounds: TimerRound[] = [];
    const broken: string[] = [];
    const kept = async (name: RoundPlan["name"], play: Promise<TimerRound[]>): Promise<void> => {
      try {
        rounds.push(...(await play));
      } catch (error) {
        broken.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    const second = during(progress, plans.second, `${together} steps in the same second`, async () => [
      await playProduct(plans.second),
      ...(await inTurn(peers, (peer) => peer.second(plans.second))),
    ]);
    // At this pace nobody is near the limit: all at the same time, on the same machine.
    await kept("second", second);
    const text = `${number(plans.spread.carts)} steps over ${plans.spread.windowMs / 60_000} min`;
    const spread = during(progress, plans.spread, text, () =>
      Promise.all([playProduct(plans.spread), ...peers.map((peer) => peer.spread(plans.spread))]),
    );
    await kept("spread", spread);
    const failing = during(progress, plans.failing, "few files, and a kill in the middle", async () => [
      await playProduct(plans.failing),
      ...(await inTurn(peers, (peer) => peer.second(plans.failing, true))),
    ]);
    await kept("failing", failing);
    if (broken.length > 0) process.exitCode = 1;
    return { rounds, missing, broken };
  } finally {
    for (const peer of peers) await peer.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function inTurn(peers: TimersPeer[], play: (peer: TimersPeer) => Promise<TimerRound>): Promise<TimerRound[]> {
  const rounds: TimerRound[] = [];
  for (const peer of peers) rounds.push(await play(peer));
  return rounds;
}

/** The bar moves while a round lasts. */
async function during<T>(progress: Progress, plan: RoundPlan, text: string, play: () => Promise<T>): Promise<T> {
  let left = secondsOf(plan);
  const tick = setInterval(() => {
    if (left >= 1) progress.step(1, text);
    left -= left >= 1 ? 1 : 0;
  }, 1_000);
  try {
    return await play();
  } finally {
    clearInterval(tick);
    progress.step(left, text);
  }
}
