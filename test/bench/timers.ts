/**
 * `npm run bench -- timers`: steps that fall due. Many in the same instant; many at a steady pace; and many in the same
 * instant on a machine that lacks files and is killed in the middle. All must be decided, none twice. Beside them BullMQ
 * on Redis, whose handler reads and writes the same state.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../workers/cli/build.ts";
import { DIST } from "../../workers/cli/paths.ts";
import type { Progress } from "./progress.ts";
import { missingPeer } from "./timers-modules.ts";
import { TimersPeer } from "./timers-peer.ts";
import { TimersProduct } from "./timers-product.ts";
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
}

const plansOf = ({ carts, full }: TimersOptions): Record<RoundPlan["name"], RoundPlan> => ({
  second: { name: "second", carts, windowMs: 0, deadlineMs: 180_000 },
  spread: {
    name: "spread",
    carts: full ? 50_000 : 5_000,
    windowMs: full ? 600_000 : 60_000,
    deadlineMs: full ? 600_000 : 180_000,
  },
  failing: { name: "failing", carts, windowMs: 0, deadlineMs: 400_000 },
});

export const plannedTimersSeconds = (options: TimersOptions): number =>
  10 + 130 + plansOf(options).spread.windowMs / 1000 + 20 + 180 + 30;

export async function benchTimers(options: TimersOptions, progress: Progress): Promise<TimersReport> {
  await build({ log: () => {} });
  const folder = mkdtempSync(join(DIST, "bench-"));
  const missing = missingPeer();
  const plans = plansOf(options);
  const peers: TimersPeer[] = [];
  const rounds: TimerRound[] = [];
  progress.step(0, "starting");
  const product = await TimersProduct.start();
  try {
    if (!missing)
      for (const fsync of ["everysec", "always"] as const) peers.push(await TimersPeer.start(folder, fsync));
    progress.step(10, `${plans.second.carts} steps due in the same second`);
    await product.second(plans.second);
    for (const peer of peers) rounds.push(await peer.second(plans.second));
    progress.step(130, `${plans.spread.carts} steps over ${plans.spread.windowMs / 60_000} min`);
    // At this pace nobody is near the limit: all at the same time, on the same machine.
    const [, ...spread] = await Promise.all([
      product.spread(plans.spread),
      ...peers.map((p) => p.spread(plans.spread)),
    ]);
    rounds.push(...spread);
    progress.step(plans.spread.windowMs / 1000 + 20, "few files, and a kill in the middle");
    await product.failing(plans.failing);
    for (const peer of peers) rounds.push(await peer.second(plans.failing, true));
    progress.step(180, "reading the carts' logs");
    return { rounds: [...(await product.results()), ...rounds], missing };
  } finally {
    for (const peer of peers) await peer.stop();
    await product.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
