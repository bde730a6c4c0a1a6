/** `npm run serve`: the production build, headless, its state in a folder. One JSON line on stdout when it answers. */
import { resolve } from "node:path";
import { build } from "./build.ts";
import { CommandError, main, numberOption, progress, readOptions, UsageExit } from "./command.ts";
import { freePort, isFree, localHost, startRuntime } from "./runtime.ts";
import { DEMO, seedDemo } from "./seed.ts";
import { openState, secretsOf } from "./state.ts";

const USAGE = `
Usage: npm run serve -- [--port 8787] [--host 127.0.0.1] [--state .cartwake] [--seed demo|none] [--var NAME=VALUE]...

Runs the built Worker locally, its state kept in a folder; the same command resumes after kill -9.
  --port    0 chooses a free one
  --state   the folder of databases, actors and secrets; one server at a time
  --seed    demo: a demo merchant and store (default none)
  --var     overrides a variable of wrangler.toml, e.g. --var EMAIL_PROVIDER=smtp; may be repeated
`;

const SIGNAL_ECHO_MS = 500;

export interface ServeOptions {
  host: string;
  port: number;
  state: string;
  vars?: Record<string, string>;
  /** Takes each line that the Worker and its runtime log; stderr by default. */
  log?: (line: string) => void;
}

export interface Served {
  url: string;
  state: string;
  /** Ends the server; its runtime process is gone when this resolves. */
  stop(): Promise<void>;
}

/** Builds if needed, then serves until `stop`. Rejects with a `CommandError` when port or folder are taken. */
export async function serve({ host, port: wanted, state: folder, vars = {}, log }: ServeOptions): Promise<Served> {
  await build();
  const port = wanted === 0 ? await freePort(host) : wanted;
  const url = `http://${localHost(host)}:${port}`;
  const path = resolve(folder);
  const state = await openState(path, url);
  try {
    if (!(await isFree(host, port)))
      throw new CommandError(
        `port ${port} is in use`,
        `choose another: --port ${port + 1}, or --port 0 for a free one`,
      );
    const runtime = await startRuntime({
      host,
      port,
      state: path,
      vars: {
        ENVIRONMENT: "local",
        PUBLIC_URL: url,
        PUBLISH_LEASE_SECONDS: "10",
        PUBLISH_GATHER_SECONDS: "0",
        // A quota keeps stores from crowding each other out; here nobody is crowded, and replays are faster than shops.
        STORE_EVENTS_PER_MINUTE: "0",
        ...secretsOf(path),
        ...vars,
      },
      log,
      onProcess: (process) => state.recordRuntime(process),
    });
    return {
      url,
      state: path,
      async stop() {
        await runtime.dispose();
        state.release();
      },
    };
  } catch (error) {
    state.release();
    throw error;
  }
}

/** Stops on SIGINT or SIGTERM; a second signal does not wait. Resolves when everything is gone. */
export function untilSignal(stop: () => Promise<void>): Promise<void> {
  return new Promise((done) => {
    let stoppingSince = 0;
    const onSignal = (): void => {
      // npm passes Ctrl-C on to a child that got it already: an echo is not impatience.
      if (stoppingSince > 0 && Date.now() - stoppingSince > SIGNAL_ECHO_MS) process.exit(130);
      if (stoppingSince > 0) return;
      stoppingSince = Date.now();
      void stop().then(done);
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}

/** `NAME=VALUE` texts to an object; the value may hold `=`. */
export function readVars(texts: string[] = []): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new UsageExit(`--var takes NAME=VALUE, not "${text}"`, 1);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

async function seedOrStop(served: Served): Promise<void> {
  try {
    const { key } = await seedDemo(served.url, served.state);
    progress(`serve: demo store at ${served.url}/shop/?key=${key}, login ${DEMO.email} / ${DEMO.password}`);
  } catch (error) {
    await served.stop();
    throw error;
  }
}

await main(import.meta, async () => {
  const options = readOptions(USAGE, {
    port: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    state: { type: "string", default: ".cartwake" },
    seed: { type: "string", default: "none" },
    var: { type: "string", multiple: true },
  });
  const port = numberOption("port", options.port, 8787, 0, 65_535);
  if (options.seed !== "demo" && options.seed !== "none") throw new UsageExit("--seed is demo or none", 1);
  const served = await serve({ host: options.host, port, state: options.state, vars: readVars(options.var) });
  const stopped = untilSignal(() => served.stop());
  if (options.seed === "demo") await seedOrStop(served);
  process.stdout.write(`${JSON.stringify({ ready: true, url: served.url })}\n`);
  progress(`serve: ${served.url}, state in ${served.state}`);
  await stopped;
  process.exit(0);
});
