/** Sends a clickstream to a server: sessions in parallel, each in order, at a chosen pace. */
import { sleep } from "../command.ts";
import type { Clickstream } from "./events.ts";
import { type Beacon, schedule } from "./schedule.ts";
import { newTally, sendBeacon, type Tally, type Target } from "./send.ts";
import { type Summary, summarise } from "./summary.ts";

export interface ReplayOptions extends Target {
  /** Events a second at most; as fast as the concurrency allows when not given. */
  rate?: number | undefined;
  /** Keeps the real spacing of the events, this many times faster. */
  speedup?: number | undefined;
  /** Sends in a mixed order, by this seed. */
  shuffle?: number | undefined;
  batch?: number;
  concurrency?: number;
  /** Hears of every beacon that got its answer. */
  onSent?: (events: number) => void;
}

export async function replay(stream: Clickstream, options: ReplayOptions): Promise<Summary> {
  const { batch = 10, concurrency = 16, shuffle, rate, speedup } = options;
  const timing = { now: Date.now(), speedup: speedup ?? 1, live: speedup !== undefined };
  const beacons = schedule(stream.events, timing, { batch, shuffle });
  const tally = newTally();
  const started = performance.now();
  await dispatch(beacons, tally, options, concurrency, pace(timing.live, rate));
  return summarise(stream, beacons.length, tally, (performance.now() - started) / 1000);
}

/** Waits until the next beacon may go. */
type Pace = (beacon: Beacon) => Promise<void>;

function pace(live: boolean, rate: number | undefined): Pace {
  if (live) return ({ at }) => sleep(Math.max(0, at - Date.now()));
  if (rate === undefined) return async () => {};
  let next = performance.now();
  return async ({ events }) => {
    const pause = next - performance.now();
    // No bursts to catch up after a stall.
    next = Math.max(next, performance.now() - 1_000) + (events.length * 1000) / rate;
    if (pause > 1) await sleep(pause);
  };
}

async function dispatch(
  beacons: Beacon[],
  tally: Tally,
  options: ReplayOptions,
  concurrency: number,
  turn: Pace,
): Promise<void> {
  const tails = new Map<string, Promise<void>>();
  const running = new Set<Promise<void>>();
  let stop: { error: unknown } | null = null;
  for (const beacon of beacons) {
    await turn(beacon);
    while (running.size >= concurrency) await Promise.race(running);
    if (stop) break;
    const before = options.shuffle === undefined ? (tails.get(beacon.session) ?? Promise.resolve()) : Promise.resolve();
    const sent = before.then(async () => {
      if (stop) return;
      await sendBeacon(options, beacon.events, tally);
      options.onSent?.(beacon.events.length);
    });
    const done = sent.catch((error: unknown) => {
      stop ??= { error };
    });
    tails.set(beacon.session, done);
    running.add(done);
    void done.then(() => {
      running.delete(done);
      if (tails.get(beacon.session) === done) tails.delete(beacon.session);
    });
  }
  await Promise.all(running);
  if (stop) throw (stop as { error: unknown }).error;
}
