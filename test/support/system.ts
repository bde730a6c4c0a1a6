/** The production build under `serve.ts`, as a merchant would run it: its own process group, its state in a folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { reservePort } from "./ports.ts";

const SERVE = resolve(import.meta.dirname, "../../workers/cli/serve.ts");
const START_MS = 240_000;
const STOP_MS = 20_000;

export interface SystemOptions {
  /** The state folder; a temporary one, removed by `stop`, when it is not given. */
  state?: string;
  /** Overrides of wrangler.toml's variables. */
  vars?: Record<string, string>;
  /** How many files its processes may hold open, each. */
  openFiles?: number;
}

export interface System {
  readonly url: string;
  readonly state: string;
  /** Its process, the leader of its group. */
  pid(): number;
  /** What the server and its Worker logged so far, over all restarts. */
  logs(): string;
  /** Kills the whole process group, at once and without a farewell. */
  kill9(): Promise<void>;
  /** Starts again on the same folder and port, with some of the variables changed, and perhaps fewer files allowed. */
  restart(changed?: Record<string, string>, openFiles?: number): Promise<void>;
  /** Ends the server and removes a temporary folder. */
  stop(): Promise<void>;
}

/** Tests call faster than people do; those about the limits set their own. */
const UNHURRIED = { RATE_LIMITS: "global=10000 auth=10000 api=10000" };

export async function startSystem({ state, vars: given = {}, openFiles }: SystemOptions = {}): Promise<System> {
  const vars = { ...UNHURRIED, ...given };
  const folder = state ?? mkdtempSync(join(tmpdir(), "cartwake-test-"));
  const log: string[] = [];
  const forget = (): void => {
    if (state === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  let running = await launch(folder, String(await reservePort()), vars, log, openFiles).catch((error: unknown) => {
    forget();
    throw error;
  });
  const { url } = running;
  const alive = (): boolean => running.child.exitCode === null && running.child.signalCode === null;
  return {
    url,
    state: folder,
    pid: () => running.child.pid!,
    logs: () => log.join(""),
    async kill9() {
      if (!alive()) return;
      const gone = exited(running.child);
      process.kill(-running.child.pid!, "SIGKILL");
      await gone;
    },
    async restart(changed = {}, allowed) {
      if (alive()) throw new Error("the server still runs");
      running = await launch(folder, new URL(url).port, { ...vars, ...changed }, log, allowed);
    },
    async stop() {
      if (alive()) {
        const gone = exited(running.child);
        running.child.kill("SIGTERM");
        const late = setTimeout(() => process.kill(-running.child.pid!, "SIGKILL"), STOP_MS);
        await gone;
        clearTimeout(late);
      }
      forget();
    },
  };
}

const exited = (child: ChildProcess): Promise<void> => new Promise((done) => child.once("exit", () => done()));

/** Spawns `serve.ts` and waits for its ready line. */
function launch(
  state: string,
  port: string,
  vars: Record<string, string>,
  log: string[],
  openFiles?: number,
): Promise<{ child: ChildProcess; url: string }> {
  const named = Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}=${value}`]);
  const command = [process.execPath, SERVE, "--port", port, "--state", state, "--seed", "none", ...named];
  const limited = openFiles ? ["/bin/sh", "-c", `ulimit -n ${openFiles} && exec "$@"`, "sh", ...command] : command;
  const child = spawn(limited[0]!, limited.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1" },
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => log.push(text));
  return new Promise((ready, failed) => {
    const fail = (why: string): void => failed(new Error(`serve.ts ${why}\n${log.join("").slice(-4000)}`));
    const late = setTimeout(() => {
      process.kill(-child.pid!, "SIGKILL");
      fail("was not ready in time");
    }, START_MS);
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code, signal) => {
      clearTimeout(late);
      fail(`ended early (${code ?? signal})`);
    });
    let line = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      line += text;
      const found = /^\{"ready":true.*\}$/m.exec(line)?.[0];
      if (!found) return;
      clearTimeout(late);
      ready({ child, url: (JSON.parse(found) as { url: string }).url });
    });
  });
}

export interface Registered {
  storeId: string;
  /** The publishable key. */
  key: string;
  accessToken: string;
  refreshToken: string;
  email: string;
  password: string;
}

let registrations = 0;

/** A new merchant with a store. */
export async function register(
  url: string,
  store: { name?: string; url?: string; currency?: string; timezone?: string } = {},
): Promise<Registered> {
  const email = `owner-${process.pid}-${Date.now().toString(36)}-${++registrations}@merchant.example`;
  const password = "correct horse battery";
  const response = await fetch(`${url}/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      email,
      password,
      name: "Owner",
      store: { name: "Kiln & Co", url: "https://shop.example/", currency: "EUR", timezone: "UTC", ...store },
    }),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`register: ${response.status} ${text}`);
  const given = JSON.parse(text) as {
    store: { id: string };
    publishableKey: string;
    accessToken: string;
    refreshToken: string;
  };
  const { accessToken, refreshToken } = given;
  return { storeId: given.store.id, key: given.publishableKey, accessToken, refreshToken, email, password };
}
