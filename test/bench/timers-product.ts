/** Cartwake's side of the timers benchmark: carts that are left, and what their own logs say about when they decided. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { jitterMs } from "../../objects/cart/timers.ts";
import { sleep } from "../../workers/cli/command.ts";
import { add, identify } from "../support/merchant.ts";
import { type System, startSystem } from "../support/system.ts";
import { runLoad } from "./load.ts";
import { type Merchant, openStore } from "./merchant.ts";
import { runtimeOf, type Usage, usageOf } from "./processes.ts";
import { type Found, paced, type RoundPlan, type TimerRound } from "./timers-round.ts";

/** Carts in one request while many are made at once. */
const TOGETHER = 20;
const CLIENTS = 8;
/** A common default of the number of files a process may hold open: an awake cart holds three. */
const FEW_FILES = 1_024;
const LEASH_MS = 3_000;
const IDLE_MS = 20_000;

/** A round whose files are read when the server has stopped. */
interface Played {
  plan: RoundPlan;
  /** When the steps of a round that has one common time are due. */
  dueAt: number | null;
  leashMs: number;
  round: TimerRound;
}

export class TimersProduct {
  readonly #system: System;
  readonly #empty: Usage;
  readonly #played: Played[] = [];

  private constructor(system: System) {
    this.#system = system;
    this.#empty = this.#usage();
  }

  static async start(): Promise<TimersProduct> {
    const system = await startSystem({ vars: { STORE_EVENTS_PER_MINUTE: "0" } });
    await openStore(system.url, "first");
    await sleep(2_000);
    return new TimersProduct(system);
  }

  stop(): Promise<void> {
    return this.#system.stop();
  }

  /** All steps are due in the same instant: when the quiet hours end, until which they were held. */
  async second(plan: RoundPlan): Promise<void> {
    const dueAt = await this.#held(plan);
    const waitingBytes = (this.#usage().rssBytes - this.#empty.rssBytes) / plan.carts;
    await sleep(dueAt - 500 - Date.now());
    const before = this.#usage().cpuMs;
    await this.#decided(plan, dueAt);
    const round = this.#round(plan, this.#usage().cpuMs - before, { waitingBytes });
    this.#played.push({ plan, dueAt, leashMs: LEASH_MS, round });
  }

  /** Carts come at a steady pace, and their steps fall due at the same pace. */
  async spread(plan: RoundPlan): Promise<void> {
    const merchant = await this.#store(plan.name, {});
    const before = this.#usage().cpuMs;
    await paced(plan, async (carts) => {
      await runLoad({ url: merchant.beacons, clients: 1, next: oneOf([beaconOf(carts)]) });
    });
    await this.#decided(plan, 0);
    const round = this.#round(plan, this.#usage().cpuMs - before, {});
    this.#played.push({ plan, dueAt: null, leashMs: LEASH_MS, round });
  }

  /** As `second`, but few files may be open, and in the middle everything is killed and started again. */
  async failing(plan: RoundPlan): Promise<void> {
    const dueAt = await this.#held(plan);
    await this.#system.kill9();
    const logged = this.#system.logs().length;
    await this.#system.restart({}, FEW_FILES);
    await sleep(1_000);
    const waitingBytes = (this.#usage().rssBytes - this.#empty.rssBytes) / plan.carts;
    await sleep(dueAt - Date.now());
    // However few are decided after half a minute: the kill comes.
    const beforeKill = await this.#decided({ ...plan, carts: plan.carts / 3, deadlineMs: 30_000 }, dueAt);
    await this.#system.kill9();
    const failedActivations =
      this.#system
        .logs()
        .slice(logged)
        .match(/SQLITE_CANTOPEN/g)?.length ?? 0;
    await this.#system.restart();
    await this.#decided(plan, dueAt);
    const round = this.#round(plan, Number.NaN, { waitingBytes, failedActivations, beforeKill });
    this.#played.push({ plan, dueAt, leashMs: LEASH_MS, round });
  }

  /** Stops the server and reads what every cart wrote. */
  async results(): Promise<TimerRound[]> {
    await this.#system.kill9();
    const found = new Map<string, Found>();
    for (const file of find(this.#system.state, CARTS)) {
      const cart = readCart(file);
      if (cart) found.set(cart.id, cart);
    }
    return this.#played.map(({ plan, dueAt, leashMs, round }) => {
      const late: number[] = [];
      for (let i = 0; i < plan.carts; i++) {
        const id = cartId(plan.name, i);
        const cart = found.get(id);
        if (!cart || cart.decidedAt === null) continue;
        round.decided += 1;
        if (cart.done > 1 || cart.deliveries > 1) round.twice += 1;
        late.push(cart.decidedAt - (dueAt ?? cart.touchedAt + leashMs + jitterMs(id, leashMs)));
      }
      round.late = late.toSorted((a, b) => a - b);
      return round;
    });
  }

  #round(plan: RoundPlan, cpuMs: number, more: Partial<TimerRound>): TimerRound {
    const { name, carts } = plan;
    return { contender: "cartwake", name, carts, decided: 0, twice: 0, late: [], cpuMs: cpuMs / carts, ...more };
  }

  /** Makes the carts, and waits until each has its message held by the quiet hours. */
  async #held(plan: RoundPlan): Promise<number> {
    const dueAt = Math.ceil((Date.now() + 30_000 + plan.carts * 20) / 60_000) * 60_000;
    const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16);
    const quietHours = { from: clock(Date.now() - 60_000), to: clock(dueAt) };
    const merchant = await this.#store(plan.name, { quietHours, timezone: "UTC" });
    const logged = this.#system.logs().length;
    const beacons = [];
    for (let first = 0; first < plan.carts; first += TOGETHER)
      beacons.push(beaconOf(range(first, Math.min(TOGETHER, plan.carts - first)).map((i) => cartId(plan.name, i))));
    await runLoad({ url: merchant.beacons, clients: CLIENTS, next: oneOf(beacons) });
    const held = (): number => this.#system.logs().slice(logged).match(HELD)?.length ?? 0;
    while (held() < plan.carts) {
      if (Date.now() > dueAt - 1_000)
        throw new Error(`only ${held()} of ${plan.carts} messages were held in time: this machine is too busy`);
      await sleep(500);
    }
    await sleep(Math.min(IDLE_MS, Math.max(0, dueAt - Date.now() - 8_000))); // the carts fall asleep
    return dueAt;
  }

  async #store(name: string, settings: object): Promise<Merchant> {
    const merchant = await openStore(this.#system.url, name);
    const { status } = await fetch(`${this.#system.url}/v1/stores/${merchant.storeId}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${merchant.accessToken}`, "content-type": "application/json" },
      body: JSON.stringify({ abandonAfterMinutes: LEASH_MS / 60_000, ...settings }),
    });
    if (status !== 200) throw new Error(`the store kept its settings: ${status}`);
    return merchant;
  }

  /** Waits until so many of the round's carts decided, or its deadline; returns how many did. Reads each cart's log about once. */
  async #decided({ name, carts, deadlineMs }: RoundPlan, dueAt: number): Promise<number> {
    const waiting = find(this.#system.state, CARTS);
    const until = Math.max(Date.now(), dueAt) + deadlineMs;
    let decided = 0;
    while (decided < carts && waiting.length > 0 && Date.now() < until) {
      await sleep(250);
      for (let tries = 0; tries < TOGETHER && waiting.length > 0; ) {
        const file = waiting.pop()!;
        const cart = readCart(file);
        if (!cart?.id.startsWith(`${name}-`)) continue;
        if (cart.decidedAt !== null && cart.decidedAt >= dueAt) decided += 1;
        else tries = waiting.unshift(file) && tries + 1;
      }
    }
    return decided;
  }

  #usage = (): Usage => usageOf(runtimeOf(this.#system.pid()));
}

const find = (folder: string, pattern: RegExp): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => pattern.test(path) && !path.endsWith("metadata.sqlite"))
    .map((path) => join(folder, path));

const CARTS = /Cart\b.*\.sqlite$/;
/** The database learns of it later, together with other news. */
const HELD = /"result":"quiet_hours"/g;

export const cartId = (round: string, i: number): string => `${round}-${i}`;
export const range = (from: number, n: number): number[] => Array.from({ length: n }, (_, i) => from + i);

const oneOf = <T>(items: T[]) => {
  const left = items.toReversed();
  return (): T | null => left.pop() ?? null;
};

function beaconOf(carts: string[]) {
  const events = carts.flatMap((id) => [add(id, "mug", "12.30"), identify(id, `${id}@shopper.example`)]);
  return { cart: "", events: events.length, body: JSON.stringify({ events }) };
}

/** When a cart was last touched, when it last handed a message over, how many it had and how often one was sent. */
function readCart(file: string): Found | null {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  try {
    const rows = database.prepare("SELECT at, entry FROM log WHERE seq > 0 ORDER BY seq").all() as {
      at: number;
      entry: string;
    }[];
    const cart: Found = { id: "", touchedAt: 0, decidedAt: null, deliveries: 0, done: 0 };
    const deliveries = new Set<string>();
    for (const { at, entry } of rows) {
      const { events, command, notes = [] } = JSON.parse(entry) as Entry;
      if (events?.[0]) [cart.id, cart.touchedAt] = [events[0].visitorId.replace("visitor-of-", ""), at];
      for (const { code, deliveryId } of notes)
        if (code === "dispatched") {
          cart.decidedAt = at;
          if (deliveryId) deliveries.add(deliveryId);
        }
      if (command?.type === "settle" && command.outcome?.kind === "sent") cart.done += 1;
    }
    cart.deliveries = deliveries.size;
    return cart.id === "" ? null : cart;
  } finally {
    database.close();
  }
}

/** As much of a log row as is read. */
interface Entry {
  events?: { visitorId: string }[];
  command?: { type: string; outcome?: { kind: string } };
  notes?: { code: string; deliveryId?: string }[];
}
