/** One runtime under test: its own workerd process, its own state folder, all on the same disk. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { MAX_LIMIT } from "../../shared/policy/limits.ts";
import { progress, sleep } from "../../workers/cli/command.ts";
import { WORKER } from "../../workers/cli/paths.ts";
import { freePort, startRuntime } from "../../workers/cli/runtime.ts";
import { cpuOf } from "./processes.ts";

const HOST = "127.0.0.1";

export interface Contender {
  url: string;
  state: string;
  /** Processor time its runtime has used so far, in ms; NaN where /proc is missing. */
  cpuMs(): number;
  /** Waits until what was left to do in the background is done. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** As in production, but for logins: whoever must not meet the limit of callers asks for more (`unhurried`). */
const RATE_LIMITS = `auth=${MAX_LIMIT}`;

export interface ContenderOptions {
  /** A folder with another Worker than the built one. */
  script?: string;
  /** It has no actors. */
  bare?: boolean;
}

/** Settings as in production. */
export async function startContender(
  folder: string,
  name: string,
  { script, bare = false }: ContenderOptions = {},
): Promise<Contender> {
  const state = join(folder, name);
  mkdirSync(state, { recursive: true });
  const port = await freePort(HOST);
  const url = `http://${HOST}:${port}`;
  let pid = 0;
  const runtime = await startRuntime({
    host: HOST,
    port,
    state,
    adapt: (worker) => ({
      ...worker,
      // no workflow runs in a bench, and another Worker than the built one need not have it
      ...(script ? { scriptPath: undefined, modulesRoot: script, modules: modulesIn(script), workflows: {} } : {}),
      durableObjects: bare ? {} : awake(worker),
    }),
    vars: {
      ENVIRONMENT: "local",
      PUBLIC_URL: url,
      PUBLISH_LEASE_SECONDS: "300",
      STORE_EVENTS_PER_MINUTE: "0",
      LINK_SECRET: "bench-link-secret-bench-link-secret",
      AUTH_SECRET: "bench-auth-secret-bench-auth-secret",
      RATE_LIMITS,
    },
    log: (line) => {
      if (!line.includes('"level":"info"')) progress(line); // one line a request would drown the rest
    },
    onProcess: (process) => {
      pid = process.pid;
    },
  });
  const cpuMs = () => cpuOf(pid);
  return { url, state, cpuMs, settle: () => settle(cpuMs), stop: () => runtime.dispose() };
}

/** Actors stay awake between the rounds: a thousand evictions at once would slow whoever runs beside them. */
const awake = (worker: { durableObjects?: Record<string, object> }): Record<string, object> =>
  Object.fromEntries(
    Object.entries(worker.durableObjects ?? {}).map(([binding, actor]) => [
      binding,
      { ...actor, unsafePreventEviction: true },
    ]),
  );

const MAIN = "worker.js";

/** The folder's modules, the main one first. */
const modulesIn = (folder: string): { type: "ESModule"; path: string }[] =>
  readdirSync(folder)
    .sort((a, b) => Number(b === MAIN) - Number(a === MAIN))
    .map((file) => ({ type: "ESModule", path: join(folder, file) }));

/** Makes a folder of a Worker beside this file, as workerd reads it: its script, and the built Worker if it wraps it. */
export function scriptOf(folder: string, name: "floor-worker" | "counting-worker"): string {
  const wrapped = "../../workers/index.ts";
  const source = readFileSync(join(import.meta.dirname, `${name}.ts`), "utf8");
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  if (source.includes(wrapped)) writeFileSync(join(place, "built.js"), readFileSync(join(WORKER, "index.js")));
  writeFileSync(join(place, MAIN), stripTypeScriptTypes(source).replace(wrapped, "./built.js"));
  return place;
}

/** The same of a Worker that uses the product's modules and libraries: all in one script. */
export async function bundleOf(folder: string, name: "auth-worker"): Promise<string> {
  const place = join(folder, name);
  await esbuild({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    outfile: join(place, MAIN),
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*", "node:*"],
  });
  return place;
}

/** Waits until the runtime is quiet and the disk has nothing left of it to write: the next one pays for itself only. */
async function settle(cpuMs: () => number): Promise<void> {
  let quiet = 0;
  for (let waited = 0; waited < 8_000 && quiet < 3; waited += 400) {
    const before = cpuMs();
    await sleep(400);
    quiet = cpuMs() - before <= 20 ? quiet + 1 : 0;
    if (Number.isNaN(before)) return sleep(3_000);
  }
  spawnSync("sync", { timeout: 5_000 });
}
