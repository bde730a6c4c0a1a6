/** What actor tests share: names of their own, a clock ahead of the real one, and queues that a test holds in its hand. */

import { runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { vi } from "vitest";
import type { Cart } from "../../objects/cart/cart.ts";
import type { Store } from "../../objects/store/store.ts";
import { type Client, cartName, cartStub, storeStub } from "../../objects/stubs.ts";
import type { CartNews, SendCommand } from "../../shared/events/messages.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import { parseSeries, sendMetrics } from "../../shared/metrics.ts";
import { type Rules, type Settings, settingsSchema } from "../../shared/policy/rules.ts";
import type { Env } from "../../workers/env.ts";

export const env = bindings as unknown as Env;

/** Years ahead of the real clock: the platform fires no alarm by itself, only the test does. */
export const T0 = Date.UTC(2031, 4, 6, 10);

/** Only `Date` is faked, and it stands until it is moved. */
export function setClock(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: ms });
}

/** Asks again until `check` throws no more; unlike vitest's own way it leaves the clock where it is. */
export async function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await check();
    } catch (error) {
      if (tries === 1_000) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const run = crypto.randomUUID().slice(0, 8);
let count = 0;
/** A name no other test has. */
export const unique = (prefix: string): string => `${prefix}_${run}${++count}`;

export const settings = (over: Partial<Settings> = {}): Settings =>
  settingsSchema.parse({ name: "Shop", url: "https://shop.example", currency: "EUR", timezone: "UTC", ...over });

export async function newStore(
  over: Partial<Settings> = {},
): Promise<{ id: string; store: Client<Store>; rules: Rules }> {
  const id = unique("st");
  const store = storeStub(env, id);
  await store.create(settings(over));
  return { id, store, rules: await store.rules() };
}

export interface TestCart {
  storeId: string;
  id: string;
  rules: Rules;
  store: Client<Store>;
  cart: Client<Cart>;
  /** For the test tools. */
  stub: DurableObjectStub<Cart>;
  beacon(...events: CartEvent[]): ReturnType<Client<Cart>["beacon"]>;
}

export async function newCart(over: Partial<Settings> = {}): Promise<TestCart> {
  const { id: storeId, store, rules } = await newStore(over);
  return cartOf(storeId, store, rules);
}

export function cartOf(storeId: string, store: Client<Store>, rules: Rules, id = unique("cart")): TestCart {
  return {
    storeId,
    id,
    rules,
    store,
    // A new stub each time, as every request has: one breaks with the actor it spoke to.
    get cart() {
      return cartStub(env, storeId, id);
    },
    get stub() {
      return env.CART.getByName(cartName(storeId, id));
    },
    beacon: (...events) => cartStub(env, storeId, id).beacon(events, rules),
  };
}

/** Queues that keep what was sent and deliver nothing. The actors of this file's isolate see them too. */
export class HeldQueues {
  events: CartNews[] = [];
  commands: SendCommand[] = [];
  /** Set to make every send fail. */
  broken = false;
  readonly #real = { EVENTS: env.EVENTS, INTERVENTIONS: env.INTERVENTIONS };

  hold(): void {
    const keep = async <T>(list: T[], bodies: T[]): Promise<void> => {
      if (this.broken) throw new Error("the queue is down");
      list.push(...structuredClone(bodies));
    };
    env.EVENTS = { send: (body: CartNews) => keep(this.events, [body]) } as unknown as Env["EVENTS"];
    env.INTERVENTIONS = {
      sendBatch: (messages: { body: SendCommand }[]) =>
        keep(
          this.commands,
          messages.map((m) => m.body),
        ),
    } as unknown as Env["INTERVENTIONS"];
  }

  release(): void {
    Object.assign(env, this.#real);
  }

  /** What was sent about one cart, and it is gone from here. */
  take(cartId: string): CartNews[] {
    const taken = this.events.filter((n) => n.cartId === cartId);
    this.events = this.events.filter((n) => n.cartId !== cartId);
    return taken;
  }

  takeCommands(cartId: string): SendCommand[] {
    const taken = this.commands.filter((c) => c.cartId === cartId);
    this.commands = this.commands.filter((c) => c.cartId !== cartId);
    return taken;
  }
}

/** What a call fails with; an empty text when it does not. */
export async function failure(call: () => PromiseLike<unknown>): Promise<string> {
  try {
    await call();
    return "";
  } catch (error) {
    return String(error);
  }
}

/** The cart's tables, read from inside. */
export const rowsOf = (
  stub: DurableObjectStub<Cart>,
): Promise<{ log: number; snapshots: number; alarm: number | null }> =>
  runInDurableObject(stub, async (_, state) => {
    const { sql } = state.storage;
    const made = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'log'").toArray().length > 0;
    const n = (where: string): number =>
      made ? sql.exec<{ n: number }>(`SELECT count(*) AS n FROM log WHERE ${where}`).one().n : 0;
    return { log: n("seq > 0"), snapshots: n("seq = 0"), alarm: await state.storage.getAlarm() };
  });

/** Counts what a piece of work writes: rows by SQL, and alarms. */
export async function writesDuring(
  stub: DurableObjectStub<Cart>,
  work: () => Promise<unknown>,
): Promise<{ rows: number; alarms: number[] }> {
  const seen = { rows: 0, alarms: [] as number[] };
  const restore = await runInDurableObject(stub, (_, { storage }) => {
    const { sql } = storage;
    const [exec, setAlarm] = [sql.exec, storage.setAlarm];
    sql.exec = ((...args: Parameters<typeof exec>) => {
      const cursor = exec.apply(sql, args);
      seen.rows += cursor.rowsWritten;
      return cursor;
    }) as typeof exec;
    storage.setAlarm = ((at: number) => {
      seen.alarms.push(at);
      return setAlarm.call(storage, at);
    }) as typeof setAlarm;
    return () => {
      sql.exec = exec;
      storage.setAlarm = setAlarm;
    };
  });
  try {
    await work();
  } finally {
    await runInDurableObject(stub, () => restore());
  }
  return seen;
}

/** How much of a metric this isolate gathered since the last time. */
export async function gathered(metric: string): Promise<number> {
  let sum = 0;
  await sendMetrics({
    add: async ({ counts }) => {
      for (const [key, n] of counts) if (parseSeries(key)?.name === metric) sum += n;
    },
  });
  return sum;
}
