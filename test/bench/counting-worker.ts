/**
 * The built Worker with a meter at every billed operation: rows written (as SQLite reports them, which is what is
 * billed), alarms, actor calls, queue messages, D1 rows, data points, time an actor is kept awake by a timer.
 * Only the count of operations is taken from it; speed is measured without it.
 */
import type { DurableObject } from "cloudflare:workers";
import * as built from "../../workers/index.ts";

const counts: Record<string, number> = {};
const add = (name: string, by = 1): void => {
  counts[name] = (counts[name] ?? 0) + by;
};

/** Which actor a storage belongs to. */
const owners = new WeakMap<object, string>();

type Method = (this: object, ...args: unknown[]) => unknown;

/** Replaces a method of a platform class, once, by one that is told its result. */
function meter(prototype: object, name: string, told: (self: object, args: unknown[], result: unknown) => void): void {
  const methods = prototype as Record<string, Method & { metered?: boolean }>;
  const original = methods[name]!;
  if (original.metered) return;
  const metered: Method & { metered?: boolean } = function (...args) {
    const result = original.apply(this, args);
    told(this, args, result);
    return result;
  };
  metered.metered = true;
  methods[name] = metered;
}

const kindOf = (sql: string): string => (/^INSERT INTO log\b/.test(sql) ? "log" : "other");

function watch(actor: string, { storage }: DurableObjectState): void {
  owners.set(storage, actor);
  owners.set(storage.sql, actor);
  meter(Object.getPrototypeOf(storage.sql), "exec", (self, [sql], cursor) => {
    const rows = (cursor as SqlStorageCursor<never>).rowsWritten;
    const owner = owners.get(self);
    if (rows > 0) add(`rows.${owner}${owner === "Cart" ? `.${kindOf(String(sql))}` : ""}`, rows);
  });
  meter(Object.getPrototypeOf(storage), "setAlarm", (self) => add(`alarms.${owners.get(self)}`));
}

const MESSAGE_BYTES = 64 * 1024;
const units = (body: unknown): number => Math.ceil(JSON.stringify(body).length / MESSAGE_BYTES);

const queue = (name: string, target: Queue): unknown => ({
  send(body: unknown, options?: QueueSendOptions) {
    add(`messages.${name}`, units(body));
    return target.send(body, options);
  },
  sendBatch(batch: MessageSendRequest[], options?: QueueSendBatchOptions) {
    for (const { body } of batch) add(`messages.${name}`, units(body));
    return target.sendBatch(batch, options);
  },
});

const database = (target: D1Database): unknown => ({
  prepare: (sql: string) => target.prepare(sql),
  async batch(statements: D1PreparedStatement[]) {
    const results = await target.batch(statements);
    add(
      "rows.D1",
      results.reduce((sum, { meta }) => sum + meta.rows_written, 0),
    );
    return results;
  },
});

const dataset = (target: AnalyticsEngineDataset): unknown => ({
  writeDataPoint(point: AnalyticsEngineDataPoint) {
    add("points");
    target.writeDataPoint(point);
  },
});

interface Bindings {
  CART: DurableObjectNamespace;
  EVENTS: Queue;
  INTERVENTIONS: Queue;
  DB: D1Database;
  ANALYTICS: AnalyticsEngineDataset;
}

const metered = <E extends Bindings>(env: E): E => ({
  ...env,
  EVENTS: queue("events", env.EVENTS),
  INTERVENTIONS: queue("interventions", env.INTERVENTIONS),
  DB: database(env.DB),
  ANALYTICS: dataset(env.ANALYTICS),
});

type Actor = new (ctx: DurableObjectState, env: never) => DurableObject;

function counted(actor: string, base: Actor): Actor {
  const counting = class extends base {
    constructor(ctx: DurableObjectState, env: never) {
      watch(actor, ctx);
      super(ctx, metered(env as Bindings) as never);
    }
  };
  for (const name of Object.getOwnPropertyNames(base.prototype)) {
    if (name === "constructor") continue;
    const method = (base.prototype as unknown as Record<string, Method>)[name]!;
    const call: Method = function (...args) {
      add(`calls.${actor}.${name}`);
      return method.apply(this, args);
    };
    Object.defineProperty(counting.prototype, name, { value: call });
  }
  return counting;
}

const CountedCart = counted("Cart", built.Cart as unknown as Actor);

export class Cart extends CountedCart {
  /** The lease's wake-up, now. */
  async wakeNow(): Promise<void> {
    await (this as unknown as { alarm(): Promise<void> }).alarm();
  }
}

export const Store = counted("Store", built.Store as unknown as Actor);
export const Room = counted("Room", built.Room as unknown as Actor);
export const Shopper = counted("Shopper", built.Shopper as unknown as Actor);
export const Breaker = counted("Breaker", built.Breaker as unknown as Actor);
export const Meter = counted("Meter", built.Meter as unknown as Actor);
export const Keyring = counted("Keyring", built.Keyring as unknown as Actor);
export const Limiter = counted("Limiter", built.Limiter as unknown as Actor);

/** Timers keep an actor awake, and awake is billed. */
const timers = new Map<unknown, number>();
const { setTimeout: set, clearTimeout: clear } = globalThis;

function ended(handle: unknown): void {
  const since = timers.get(handle);
  if (since === undefined) return;
  timers.delete(handle);
  add("awakeMs", Date.now() - since);
}

globalThis.setTimeout = ((run: () => void, ms: number) => {
  const handle: unknown = set(() => {
    ended(handle);
    run();
  }, ms);
  timers.set(handle, Date.now());
  return handle;
}) as never;
globalThis.clearTimeout = ((handle: never) => {
  ended(handle);
  clear(handle);
}) as never;

async function wake(env: Bindings, names: string[]): Promise<void> {
  for (const name of names) await (env.CART.getByName(name) as unknown as Cart).wakeNow();
}

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/bench/counts") return Response.json(counts);
    if (pathname === "/bench/wake") {
      await wake(env, await request.json());
      return new Response("ok");
    }
    add("requests");
    return built.default.fetch(request, metered(env) as never, ctx);
  },
  async queue(batch, env, ctx) {
    add("batches");
    await built.default.queue(batch, metered(env) as never, ctx);
  },
  async scheduled() {},
} satisfies ExportedHandler<Bindings>;
