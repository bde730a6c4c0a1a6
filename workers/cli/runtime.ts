/**
 * The built Worker in workerd, through Miniflare: storage in a folder, no account, no network. Requests reach the Worker
 * on a direct socket (static assets included), not through Miniflare's entry worker, which costs most of the throughput.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import diagnostics from "node:diagnostics_channel";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions as workerOptionsOf } from "wrangler";
import { CommandError, messageOf, progress, sleep } from "./command.ts";
import { isDue } from "./cron.ts";
import { killProcess, type ProcessMark, processMark } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { MIGRATIONS, WORKER, WRANGLER_CONFIG } from "./paths.ts";

export interface RuntimeOptions {
  host: string;
  port: number;
  /** Where storage is kept. */
  state: string;
  vars: Record<string, string>;
  log?: ((line: string) => void) | undefined;
  /** A last word on Miniflare's options of the Worker, for benchmarks and tests. */
  adapt?: <W extends object>(worker: W) => W;
  /** Other Workers of the same runtime, that the Worker's services may be bound to. */
  beside?: object[];
  /** Called with the runtime's process, again whenever it was restarted. */
  onProcess?: (process: ProcessMark) => void;
}

export interface Runtime {
  miniflare: Miniflare;
  /** Ends the runtime; its process is gone when this resolves. */
  dispose(): Promise<void>;
}

const READY_TIMEOUT_MS = 30_000;
const DISPOSE_GRACE_MS = 3_000;

class RuntimeLog extends Log {
  muted = false;
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    super(LogLevel.WARN);
    this.#write = write;
  }

  protected override log(message: string): void {
    // On Ctrl-C the terminal interrupts the runtime as well, and Miniflare calls that a crash.
    if (!this.muted) this.#write(message);
  }
}

export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { workerOptions, externalWorkers } = workerOptionsOf(WRANGLER_CONFIG);
  const { modulesRules: _rules, ai: _ai, cronTriggers, bindings, ...worker } = workerOptions;
  const write = options.log ?? progress;
  const log = new RuntimeLog(write);
  const adapt = options.adapt ?? (<W>(given: W): W => given);
  const config = convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    log,
    // Answered at Miniflare's own address only, which is not the one that is served.
    unsafeTriggerHandlers: true,
    handleStructuredLogs: ({ message }: { message: string }) => write(message),
    workers: [
      adapt({
        ...worker,
        name: "cartwake",
        bindings: { ...(bindings as Record<string, string>), ...options.vars },
        modules: true,
        scriptPath: join(WORKER, "index.js"),
        unsafeDirectSockets: [{ host: options.host, port: options.port, proxy: false }],
      }),
      ...(options.beside ?? []),
      ...externalWorkers,
    ],
  } as Parameters<typeof convertV4MiniflareOptions>[0]);
  config.resourcePersistencePath = options.state;
  await migrateApart(worker, options.state, log);

  const child = watchChild(options.onProcess);
  const miniflare = child.run(() => ownSignals(() => new Miniflare(config)));
  const stopCron = { stop: () => {} };
  const dispose = async (): Promise<void> => {
    log.muted = true;
    stopCron.stop();
    await Promise.race([miniflare.dispose().catch(() => {}), sleep(DISPOSE_GRACE_MS)]);
    await child.end();
  };
  try {
    await miniflare.ready;
    await answers(`http://${localHost(options.host)}:${options.port}/health/live`);
    stopCron.stop = startCron(miniflare, (cronTriggers as string[] | undefined) ?? []);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { miniflare, dispose };
}

/**
 * Migrations, in a runtime of their own that holds the database and nothing else. Miniflare's way to a binding blocks this
 * process for an answer; a Worker whose overdue alarms all wake and log at that moment fills the pipe that this process
 * no longer reads, and both would wait for ever. What was applied is noted beside the state, so that a restart skips it.
 */
async function migrateApart(worker: { d1Databases?: unknown }, state: string, log: Log): Promise<void> {
  const note = join(state, "migrated.json");
  const known = existsSync(MIGRATIONS) ? readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql")) : [];
  const wanted = JSON.stringify(known.sort());
  if (existsSync(note) && readFileSync(note, "utf8") === wanted) return;
  const config = convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    log,
    workers: [{ name: "cartwake", modules: true, script: "export default {}", d1Databases: worker.d1Databases }],
  } as Parameters<typeof convertV4MiniflareOptions>[0]);
  config.resourcePersistencePath = state;
  const miniflare = ownSignals(() => new Miniflare(config));
  try {
    await migrate(await miniflare.getD1Database("DB", "cartwake"), MIGRATIONS);
  } finally {
    await miniflare.dispose();
  }
  writeFileSync(note, wanted);
}

/** Miniflare ends the whole process on a signal, at once: its handlers are removed, the commands have their own. */
function ownSignals<T>(create: () => T): T {
  const signals = ["SIGINT", "SIGTERM"] as const;
  const before = signals.map((signal) => process.listeners(signal));
  const created = create();
  for (const [i, signal] of signals.entries())
    for (const added of process.listeners(signal).filter((listener) => !before[i]!.includes(listener)))
      process.off(signal, added);
  return created;
}

/** Where a browser on this machine reaches a server that listens on `host`. */
export const localHost = (host: string): string => (host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host);

async function answers(url: string): Promise<void> {
  const until = Date.now() + READY_TIMEOUT_MS;
  let last = "no answer";
  while (Date.now() < until) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      const body = await response.text();
      if (response.ok) return;
      last = `${response.status} ${body.slice(0, 200)}`;
    } catch (error) {
      last = messageOf(error);
    }
    await sleep(50);
  }
  throw new CommandError(`the server does not answer ${url}: ${last}`, "look at its log above");
}

/**
 * Follows the workerd process that Miniflare starts within `run`, also when it starts it again after a crash; a second
 * runtime of this process has its own. A small shell waits on a pipe from this process and kills workerd when the pipe
 * closes: so workerd does not outlive this process, even after `kill -9`.
 */
function watchChild(onProcess?: (process: ProcessMark) => void): {
  run<T>(create: () => T): T;
  end(): Promise<void>;
} {
  const scope = new AsyncLocalStorage<true>();
  const guard = spawn(
    "/bin/sh",
    ["-c", 'last=; while read pid; do last=$pid; done; [ -n "$last" ] && kill -9 "$last"'],
    {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    },
  );
  guard.on("error", () => {});
  guard.stdin.on("error", () => {});
  guard.unref();
  let current: ProcessMark | null = null;
  const onSpawn = (message: unknown): void => {
    if (!scope.getStore()) return;
    const { process: started } = message as { process: ChildProcess };
    started.once("spawn", () => {
      if (!started.spawnfile.includes("workerd") || started.pid === undefined) return;
      current = processMark(started.pid);
      guard.stdin.write(`${current.pid}\n`);
      onProcess?.(current);
    });
  };
  diagnostics.subscribe("child_process", onSpawn);
  return {
    run: (create) => scope.run(true, create),
    async end() {
      diagnostics.unsubscribe("child_process", onSpawn);
      if (current) await killProcess(current);
      // An empty last line: nothing left to kill.
      guard.stdin.end("\n");
    },
  };
}

/** A run of training of which nothing was heard for half a minute counts as silent, and is woken. */
const FIRST_CRON_MS = 35_000;

/**
 * Runs the Worker's `scheduled` at each minute that a cron of wrangler.toml names; the runtime fires none by itself. The frequent
 * ones also soon after the start: they take up what a process before this one died over.
 */
function startCron(miniflare: Miniflare, crons: string[]): () => void {
  let timer: NodeJS.Timeout;
  const schedule = (): void => {
    timer = setTimeout(tick, 60_000 - (Date.now() % 60_000) + 50);
    timer.unref();
  };
  const tick = (): Promise<void> => {
    schedule();
    const minute = new Date(Math.floor(Date.now() / 60_000) * 60_000);
    return run(
      crons.filter((cron) => isDue(cron, minute)),
      minute,
    );
  };
  const run = async (due: string[], minute: Date): Promise<void> => {
    for (const cron of due) {
      try {
        await runCron(miniflare, cron, minute);
      } catch (error) {
        progress(`serve: the cron "${cron}" failed: ${messageOf(error)}`);
      }
    }
  };
  schedule();
  const first = setTimeout(() => {
    const frequent = crons.filter((cron) => cron.startsWith("*/"));
    void run(frequent, new Date());
  }, FIRST_CRON_MS);
  first.unref();
  return () => {
    clearTimeout(timer);
    clearTimeout(first);
  };
}

/** Asked over HTTP: Miniflare's own call blocks this process, which must go on reading what the Worker logs (`migrateApart`). */
async function runCron(miniflare: Miniflare, cron: string, minute: Date): Promise<void> {
  const url = new URL("/cdn-cgi/local/scheduled", await miniflare.ready);
  url.search = new URLSearchParams({ cron, time: `${minute.getTime()}` }).toString();
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok || text !== "ok") throw new Error(`${response.status} ${text.slice(0, 200)}`);
}

/** True when `port` can be listened on. */
export const isFree = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(false) : reject(error),
    );
    probe.listen({ host, port }, () => probe.close(() => resolve(true)));
  });

/**
 * Below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): one of those could take
 * the port between this question and the server's start, or while the server is down and about to come back.
 */
const CHOSEN_PORTS = { from: 15_000, to: 32_000 };
const PORT_TRIES = 50;

/** A port nobody listens on now, chosen at random so that two who ask at once hardly get the same. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (let i = 0; i < PORT_TRIES; i++) {
    const port = randomInt(CHOSEN_PORTS.from, CHOSEN_PORTS.to);
    if (await isFree(host, port)) return port;
  }
  throw new CommandError("no free port was found", "name one: --port 8787");
}
