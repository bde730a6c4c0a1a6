/** Cartwake's side of the timers benchmark: carts that are left, and what their own logs say about when they decided. */
import { sleep } from "../../workers/cli/command.ts";
import { add, identify } from "../support/merchant.ts";
import { type System, startSystem } from "../support/system.ts";
import { runLoad } from "./load.ts";
import { type Merchant, openStore } from "./merchant.ts";
import { runtimeOf, type Usage, usageOf } from "./processes.ts";
import { type CartLog, cartFiles, readCart } from "./timers-log.ts";
import { nameOf, paced, type RoundPlan, type TimerRound } from "./timers-round.ts";

/** Carts in one request while many are made at once. */
const TOGETHER = 20;
const CLIENTS = 8;
/** A common default of the number of files a process may hold open: an awake cart holds three. */
const FEW_FILES = 1_024;
const LEASH_MS = 3_000;
/** After this long without a call an actor has left the memory. */
const ASLEEP_MS = 20_000;
const MINUTE_MS = 60_000;
/** Nobody here ever had a message: a store that keeps the default lets go 5,000 an hour. */
const HASTY = {
  abandonAfterMinutes: LEASH_MS / MINUTE_MS,
  firstMessagesPerHour: { email: 1_000_000, push: 0, sms: 0 },
};
/** What it takes to make a cart, have it abandoned and its message held, on a machine that is not idle. */
const HOLD_MS = 15;
const MAX_PROLONGED = 3;

type Facts = Pick<TimerRound, "cpuMs" | "waitingBytes" | "failedActivations" | "beforeKill">;

/** One round on a server of its own: nothing of another round is still on its way. */
export async function playProduct(plan: RoundPlan): Promise<TimerRound> {
  const system = await startSystem({ vars: { STORE_EVENTS_PER_MINUTE: "0" } });
  try {
    await openStore(system.url, "first");
    await sleep(2_000);
    const facts = await PLAYS[plan.name](system, plan, usage(system));
    await system.kill9();
    const carts = cartFiles(system.state).map((file) => readCart(file, LEASH_MS));
    return roundOf(
      plan,
      carts.filter((cart) => cart !== null),
      facts,
    );
  } finally {
    await system.stop();
  }
}

const PLAYS: Record<RoundPlan["name"], (system: System, plan: RoundPlan, empty: Usage) => Promise<Facts>> = {
  /** All steps are due in the same instant: when the quiet hours end, until which they were held. */
  async second(system, plan, empty) {
    const dueAt = await holdAll(system, plan);
    const waitingBytes = (usage(system).rssBytes - empty.rssBytes) / plan.carts;
    await sleep(dueAt - 500 - Date.now());
    const before = usage(system).cpuMs;
    await decided(system, plan.carts, dueAt, plan.deadlineMs);
    return { cpuMs: (usage(system).cpuMs - before) / plan.carts, waitingBytes };
  },

  /** Carts come at a steady pace, and their steps fall due at the same pace. */
  async spread(system, plan) {
    const merchant = await openStore(system.url, plan.name);
    await change(system, merchant, HASTY);
    const before = usage(system).cpuMs;
    await paced(plan, async (carts) => {
      await runLoad({ url: merchant.beacons, clients: 1, next: oneOf([beaconOf(carts)]) });
    });
    await decided(system, plan.carts, 0, plan.deadlineMs);
    return { cpuMs: (usage(system).cpuMs - before) / plan.carts };
  },

  /** As `second`, but few files may be open, and in the middle everything is killed and started again. */
  async failing(system, plan, empty) {
    const dueAt = await holdAll(system, plan);
    await system.kill9();
    const logged = system.logs().length;
    await system.restart({}, FEW_FILES);
    await sleep(1_000);
    const waitingBytes = (usage(system).rssBytes - empty.rssBytes) / plan.carts;
    await sleep(dueAt - Date.now());
    // However few are decided after half a minute: the kill comes.
    const beforeKill = await decided(system, plan.carts / 3, dueAt, 30_000);
    await system.kill9();
    const lacking =
      system
        .logs()
        .slice(logged)
        .match(/SQLITE_CANTOPEN/g)?.length ?? 0;
    await system.restart();
    await decided(system, plan.carts, dueAt, plan.deadlineMs);
    return { cpuMs: Number.NaN, waitingBytes, failedActivations: lacking, beforeKill };
  },
};

function roundOf({ name, carts }: RoundPlan, found: CartLog[], facts: Facts): TimerRound {
  const done = found.filter(isDecided);
  const perSecond = new Map<number, number>();
  for (const { dueAt } of done) {
    const second = Math.floor(dueAt! / 1000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  return {
    contender: "cartwake",
    name,
    carts,
    decided: done.length,
    twice: done.filter((cart) => cart.decidedAt.length > 1 || cart.sent > 1).length,
    together: Math.max(0, ...perSecond.values()),
    late: done.map((cart) => cart.decidedAt[0]! - cart.dueAt!).toSorted((a, b) => a - b),
    ...facts,
  };
}

/**
 * Makes the carts and lets the sender hold their messages until the quiet hours end; returns when that is. While some are
 * not held yet, or are still awake, the quiet hours are prolonged, and what they let go is held again.
 */
async function holdAll(system: System, plan: RoundPlan): Promise<number> {
  const merchant = await openStore(system.url, plan.name);
  let dueAt = await quietFor(system, merchant, plan.carts);
  const beacons = [];
  for (let first = 0; first < plan.carts; first += TOGETHER) {
    const n = Math.min(TOGETHER, plan.carts - first);
    beacons.push(beaconOf(Array.from({ length: n }, (_, i) => nameOf(plan.name, first + i))));
  }
  await runLoad({ url: merchant.beacons, clients: CLIENTS, next: oneOf(beacons) });
  for (let prolonged = 0; prolonged < MAX_PROLONGED; prolonged++) {
    const held = await wait(system, plan.carts, dueAt - ASLEEP_MS, (cart) => cart.dueAt === dueAt);
    if (held >= plan.carts) {
      await sleep(dueAt - 5_000 - Date.now());
      return dueAt;
    }
    await sleep(dueAt - 10_000 - Date.now());
    dueAt = await quietFor(system, merchant, plan.carts);
  }
  throw new Error(
    `this machine is too busy to have ${plan.carts} carts wait for the same second: ask for fewer (--carts)`,
  );
}

/** Quiet hours that end at a full minute, when as many messages should long be held. */
async function quietFor(system: System, merchant: Merchant, carts: number): Promise<number> {
  const dueAt = Math.ceil((Date.now() + ASLEEP_MS + 10_000 + carts * HOLD_MS) / MINUTE_MS) * MINUTE_MS;
  const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 16);
  const quietHours = { from: clock(Date.now() - MINUTE_MS), to: clock(dueAt) };
  await change(system, merchant, { ...HASTY, quietHours, timezone: "UTC" });
  return dueAt;
}

async function change(system: System, merchant: Merchant, settings: object): Promise<void> {
  const { status } = await fetch(`${system.url}/v1/stores/${merchant.storeId}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${merchant.accessToken}`, "content-type": "application/json" },
    body: JSON.stringify(settings),
  });
  if (status !== 200) throw new Error(`the store kept its settings: ${status}`);
}

/** Waits until so many carts are as `test` wants them, or until then; returns how many are. Reads each log about once. */
async function wait(system: System, carts: number, until: number, test: (cart: CartLog) => boolean): Promise<number> {
  const waiting = cartFiles(system.state);
  let done = 0;
  while (done < carts && waiting.length > 0 && Date.now() < until) {
    await sleep(1_000);
    for (let tries = 0; tries < TOGETHER && waiting.length > 0; ) {
      const file = waiting.pop()!;
      const cart = readCart(file, LEASH_MS);
      if (cart && test(cart)) done += 1;
      else tries = waiting.unshift(file) && tries + 1;
    }
  }
  return done;
}

const decided = (system: System, carts: number, dueAt: number, withinMs: number): Promise<number> =>
  wait(system, carts, Math.max(Date.now(), dueAt) + withinMs, isDecided);

const isDecided = ({ dueAt, decidedAt }: CartLog): boolean => dueAt !== null && (decidedAt[0] ?? -1) >= dueAt;

const usage = (system: System): Usage => usageOf(runtimeOf(system.pid()));

const oneOf = <T>(items: T[]) => {
  const left = items.toReversed();
  return (): T | null => left.pop() ?? null;
};

function beaconOf(carts: string[]) {
  const events = carts.flatMap((id) => [add(id, "mug", "12.30"), identify(id, `${id}@shopper.example`)]);
  return { cart: "", events: events.length, body: JSON.stringify({ events }) };
}
