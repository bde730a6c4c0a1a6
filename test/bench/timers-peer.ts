/** BullMQ on Redis beside the carts: one delayed job a cart, whose handler reads and writes that cart's state. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../workers/cli/command.ts";
import { freePort } from "../../workers/cli/runtime.ts";
import { cpuOf } from "./processes.ts";
import { type PeerQueue, type PeerRedis, peerModule } from "./timers-modules.ts";
import { nameOf, paced, type RoundPlan, type TimerRound } from "./timers-round.ts";

const LEASH_MS = 3_000;

export class TimersPeer {
  readonly name: string;
  readonly #server: ChildProcess;
  readonly #port: number;
  readonly #redis: PeerRedis;
  readonly #queue: PeerQueue;
  #worker: ChildProcess;
  readonly #decided = new Map<string, number>();
  readonly #due = new Map<string, number>();

  private constructor(name: string, server: ChildProcess, port: number, redis: PeerRedis) {
    this.name = name;
    this.#server = server;
    this.#port = port;
    this.#redis = redis;
    this.#queue = new (peerModule("bullmq").Queue)("steps", { connection: { port } });
    this.#worker = this.#startWorker();
  }

  /** `fsync`: when Redis writes its log to the disk. */
  static async start(folder: string, fsync: "always" | "everysec"): Promise<TimersPeer> {
    const dir = join(folder, `redis-${fsync}`);
    mkdirSync(dir, { recursive: true });
    const port = await freePort();
    const persistence = ["--appendonly", "yes", "--appendfsync", fsync, "--save", ""];
    const server = spawn("redis-server", ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", dir, ...persistence], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await ready(server);
    const redis = new (peerModule("ioredis").Redis)({ port, maxRetriesPerRequest: null });
    return new TimersPeer(`bullmq, ${fsync}`, server, port, redis);
  }

  async stop(): Promise<void> {
    this.#worker.kill("SIGKILL");
    await this.#queue.close();
    this.#redis.disconnect();
    this.#server.kill("SIGKILL");
  }

  async second(plan: RoundPlan, kill = false): Promise<TimerRound> {
    this.#decided.clear();
    const ids = Array.from({ length: plan.carts }, (_, i) => nameOf(plan.name, i));
    const before = await this.#memory();
    const dueAt = Date.now() + 5_000 + plan.carts * 2;
    for (let first = 0; first < ids.length; first += 500) await this.#plan(ids.slice(first, first + 500), dueAt);
    const waitingBytes = ((await this.#memory()) - before) / plan.carts;
    await sleep(dueAt - 500 - Date.now());
    const cpu = this.#cpuMs();
    const beforeKill = kill ? await this.#killWorker(plan.carts / 3) : undefined;
    await this.#done(plan);
    return this.#round(plan, ids, kill ? Number.NaN : this.#cpuMs() - cpu, {
      waitingBytes,
      ...(kill ? { beforeKill: beforeKill! } : {}),
    });
  }

  async spread(plan: RoundPlan): Promise<TimerRound> {
    this.#decided.clear();
    const all: string[] = [];
    const cpu = this.#cpuMs();
    await paced(plan, async (ids) => {
      all.push(...ids);
      await this.#plan(ids, Date.now() + LEASH_MS);
    });
    await this.#done(plan);
    return this.#round(plan, all, this.#cpuMs() - cpu, {});
  }

  async #plan(ids: string[], dueAt: number): Promise<void> {
    const states = this.#redis.pipeline();
    for (const id of ids) states.set(`cart:${id}`, JSON.stringify(stateOf(id)));
    await states.exec();
    for (const id of ids) this.#due.set(id, dueAt);
    const opts = { delay: dueAt - Date.now(), removeOnComplete: true, attempts: 5 };
    await this.#queue.addBulk(ids.map((cart) => ({ name: "step", data: { cart }, opts: { ...opts, jobId: cart } })));
  }

  async #done({ carts, deadlineMs }: RoundPlan): Promise<void> {
    for (const until = Date.now() + deadlineMs; this.#decided.size < carts && Date.now() < until; ) await sleep(100);
  }

  async #killWorker(after: number): Promise<number> {
    while (this.#decided.size < after) await sleep(20);
    const gone = once(this.#worker, "exit");
    this.#worker.kill("SIGKILL");
    await gone;
    const done = this.#decided.size;
    this.#worker = this.#startWorker();
    return done;
  }

  async #round(plan: RoundPlan, ids: string[], cpuMs: number, more: Partial<TimerRound>): Promise<TimerRound> {
    const lengths = this.#redis.pipeline();
    for (const id of ids) lengths.llen(`log:${id}`);
    const rows = (await lengths.exec()).map(([, n]) => Number(n));
    const late = ids.flatMap((id) => {
      const at = this.#decided.get(id);
      return at === undefined ? [] : [at - this.#due.get(id)!];
    });
    return {
      contender: this.name,
      name: plan.name,
      carts: plan.carts,
      decided: rows.filter((n) => n > 0).length,
      twice: rows.filter((n) => n > 1).length,
      ...(plan.windowMs === 0 ? { together: plan.carts } : {}),
      late: late.toSorted((a, b) => a - b),
      cpuMs: cpuMs / plan.carts,
      ...more,
    };
  }

  #startWorker(): ChildProcess {
    const worker = fork(join(import.meta.dirname, "timers-peer-worker.ts"), [`${this.#port}`], { stdio: "inherit" });
    worker.on("message", (decided) => {
      for (const [cart, at] of decided as [string, number][]) if (!this.#decided.has(cart)) this.#decided.set(cart, at);
    });
    return worker;
  }

  #cpuMs = (): number => cpuOf(this.#server.pid!) + cpuOf(this.#worker.pid!);

  #memory = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await this.#redis.info("memory"))![1]);
}

/** Redis says when it takes connections. */
const ready = (server: ChildProcess): Promise<void> =>
  new Promise((done, failed) => {
    let said = "";
    server.once("error", failed);
    server.once("exit", (code) => failed(new Error(`redis-server ended early (${code})\n${said.slice(-1000)}`)));
    server.stdout!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("Ready to accept connections")) done();
    });
  });

/** A cart as Cartwake's has it after its two events, near enough. */
const stateOf = (id: string) => ({
  id,
  status: "active",
  version: 1,
  items: [{ productId: "mug", name: "Product mug", price: 1230, currency: "EUR", quantity: 1 }],
  shopper: { visitorId: `visitor-of-${id}`, email: `${id}@shopper.example` },
  touchedAt: Date.now(),
  features: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`feature${i}`, i / 7])),
});
