/**
 * `npm run build`: the static assets into dist/public, the Worker into dist/worker. Skipped while the sources' hash is
 * that of the last build. Several processes may call it at once: one builds under a lock, the others wait and find it done.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative, sep } from "node:path";
import { buildDashboard } from "../dashboard/build.ts";
import { buildStorefront } from "../storefront/build.ts";
import { CommandError, main, progress, readOptions, sleep } from "./command.ts";
import { takeLock } from "./lock.ts";
import { bin, DIST, PUBLIC, ROOT, WORKER } from "./paths.ts";

const SOURCES = ["workers", "objects", "shared", "migrations", "wrangler.toml", "package.json", "package-lock.json"];
const NOT_BUILT = ["workers/cli"];
const STAMP = join(DIST, "build.stamp");
const LOCK_WAIT_MS = 300_000;

const USAGE = `
Usage: npm run build [-- --force]

Builds the static assets (dist/public) and the Worker (dist/worker).
  --force   build even if no source changed since the last build
`;

export interface BuildOptions {
  force?: boolean;
  log?: (line: string) => void;
}

/** Builds what is out of date; answers whether anything was built. */
export async function build({ force = false, log = progress }: BuildOptions = {}): Promise<boolean> {
  mkdirSync(DIST, { recursive: true });
  if (!force && isCurrent(sourceHash())) return false;
  const release = await lockBuild(log);
  try {
    const hash = sourceHash();
    if (!force && isCurrent(hash)) return false;
    rmSync(STAMP, { force: true });
    await buildStages(log);
    writeFileSync(STAMP, hash);
    return true;
  } finally {
    release();
  }
}

async function buildStages(log: (line: string) => void): Promise<void> {
  const temporary = join(DIST, `.building-${process.pid}`);
  rmSync(temporary, { recursive: true, force: true });
  const assets = join(temporary, "public");
  mkdirSync(assets, { recursive: true });
  try {
    await stage("dashboard", log, () => buildDashboard(assets));
    await stage("storefront", log, () => buildStorefront(assets));
    buildDocs(assets);
    copyFileSync(join(ROOT, "workers/gateway/_headers"), join(assets, "_headers"));
    swap(assets, PUBLIC);
    const worker = join(temporary, "worker");
    await stage("worker", log, () => wrangler(["deploy", "--dry-run", "--outdir", worker]));
    swap(worker, WORKER);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** What stands beside `GET /docs`: its script, and its style on top of the dashboard's colours. */
function buildDocs(assets: string): void {
  const source = join(ROOT, "workers/gateway/docs");
  const tokens = join(ROOT, "workers/dashboard/app/styles/tokens.css");
  const styles = [tokens, join(source, "frame.css"), join(source, "reference.css")];
  mkdirSync(join(assets, "docs"), { recursive: true });
  writeFileSync(join(assets, "docs/docs.css"), styles.map((path) => readFileSync(path, "utf8")).join("\n"));
  copyFileSync(join(source, "docs.js"), join(assets, "docs/docs.js"));
}

async function stage(name: string, log: (line: string) => void, run: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  await run();
  log(`build: ${name.padEnd(10)} ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** Runs wrangler quietly in the project; its output appears only in the error when it fails. Answers its stdout. */
export async function wrangler(args: string[]): Promise<string> {
  const child = spawn(bin("wrangler"), args, {
    cwd: ROOT,
    env: { ...process.env, ...toolPath(), WRANGLER_SEND_METRICS: "false", CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let all = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      all += chunk;
      if (stream === child.stdout) stdout += chunk;
    });

  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code === 0) return stdout;
  throw new CommandError(`wrangler ${args.slice(0, 2).join(" ")} failed (exit ${code})\n${all.trim()}\n`);
}

/** Tools find the pinned Node first, as under npm, also when this file was started directly. */
export const toolPath = (): { PATH: string } => ({ PATH: `${bin("")}:${process.env.PATH ?? ""}` });

/** The old folder makes way by a rename: a reader sees the old or the new one, never a half-written one. */
function swap(from: string, to: string): void {
  const old = `${from}-old`;
  if (existsSync(to)) renameSync(to, old);
  renameSync(from, to);
  rmSync(old, { recursive: true, force: true });
}

const isCurrent = (hash: string): boolean =>
  existsSync(STAMP) &&
  readFileSync(STAMP, "utf8") === hash &&
  existsSync(PUBLIC) &&
  existsSync(join(WORKER, "index.js"));

async function lockBuild(log: (line: string) => void): Promise<() => void> {
  const path = join(DIST, ".build.lock");
  for (let waited = 0; ; waited += 200) {
    const outcome = takeLock(path, {});
    if (outcome.ok) return () => outcome.lock.release();
    if (waited === 0) log(`build: waiting for process ${outcome.holder.pid}, which is building`);
    if (waited >= LOCK_WAIT_MS) throw new CommandError(`another build holds ${path}`, "stop it, or remove that file");
    await sleep(200);
  }
}

/** A hash of every source's path and content: a checkout that only touches times rebuilds nothing. */
export function sourceHash(): string {
  const hash = createHash("sha256");
  for (const file of SOURCES.flatMap((name) => filesUnder(join(ROOT, name)))) {
    const path = relative(ROOT, file).split(sep).join("/");
    if (NOT_BUILT.some((folder) => path.startsWith(`${folder}/`))) continue;
    hash.update(`${path}\0`).update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

function filesUnder(path: string): string[] {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

await main(import.meta, async () => {
  const options = readOptions(USAGE, { force: { type: "boolean" } });
  if (!(await build({ force: options.force === true }))) progress("build: nothing changed");
  return 0;
});
