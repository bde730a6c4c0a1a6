/** The peer's packages. They are no dependency of the project: whoever compares has them beside it, as Redis itself. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

interface Modules {
  bullmq: {
    Queue: new (name: string, options: object) => PeerQueue;
    Worker: new (name: string, handle: (job: { data: { cart: string } }) => Promise<void>, options: object) => object;
  };
  ioredis: { Redis: new (options: object) => PeerRedis };
}

export interface PeerQueue {
  addBulk(jobs: { name: string; data: { cart: string }; opts: object }[]): Promise<unknown>;
  close(): Promise<void>;
}

interface Pipeline {
  set(key: string, value: string): Pipeline;
  rpush(key: string, value: string): Pipeline;
  llen(key: string): Pipeline;
  exec(): Promise<[Error | null, unknown][]>;
}

export interface PeerRedis {
  get(key: string): Promise<string | null>;
  info(section: string): Promise<string>;
  pipeline(): Pipeline;
  multi(): Pipeline;
  flushall(): Promise<unknown>;
  disconnect(): void;
}

/** `BENCH_PEERS`: a folder whose `node_modules` has them, if not the project's own. */
const folder = resolve(process.env.BENCH_PEERS || join(import.meta.dirname, "../.."));

export const peerModule = <N extends keyof Modules>(name: N): Modules[N] =>
  createRequire(join(folder, "package.json"))(name) as Modules[N];

/** What is missing for the comparison; `null` when nothing is. */
export function missingPeer(): string | null {
  const missing: string[] = [];
  if (spawnSync("redis-server", ["--version"]).status !== 0) missing.push("`apt-get install redis-server`");
  for (const name of ["bullmq", "ioredis"] as const)
    try {
      peerModule(name);
    } catch {
      missing.push(`\`npm install --no-save ${name}\``);
    }
  return missing.length > 0 ? `no peer beside it; for one: ${missing.join(", ")}` : null;
}
