/** `npm start`: everything at once on this machine: build, server, demo store, demo shop, simulated shoppers. */
import { mkdirSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { toMoney } from "../../shared/money.ts";
import { main, numberOption, progress, readOptions } from "./command.ts";
import { isFree } from "./runtime.ts";
import { DEMO, type Demo, seedDemo } from "./seed.ts";
import { readVars, serve, untilSignal } from "./serve.ts";
import { CURRENCY } from "./shop/plan.ts";
import { type News, runShoppers } from "./shoppers.ts";

const USAGE = `
Usage: npm start [-- --port 8787] [--host 127.0.0.1] [--state .cartwake] [--no-shoppers] [--var NAME=VALUE]...

Builds, serves and fills a demo store, and runs simulated shoppers until Ctrl-C. Needs no account and no network.
  --port          the next free one is taken when it is in use
  --no-shoppers   only the server and the demo store
`;

/** A cart is abandoned after a time long enough to see it active and short enough to wait for; messages go out at night too. */
const SETTINGS = { abandonAfterMinutes: 0.25, quietHours: null };
const PORTS_TRIED = 50;

async function nextFreePort(host: string, wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + PORTS_TRIED && port <= 65_535; port++) {
    if (!(await isFree(host, port))) continue;
    if (port !== wanted) progress(`start: port ${wanted} is in use, taking ${port}`);
    return port;
  }
  return 0;
}

/** What the Worker logs goes to a file, begun anew at each start; warnings and errors are shown too. */
function serverLog(state: string): { path: string; write: (line: string) => void } {
  const path = resolve(state, "server.log");
  mkdirSync(resolve(state), { recursive: true });
  const file = openSync(path, "w", 0o600);
  return {
    path,
    write(line) {
      writeSync(file, `${line}\n`);
      if (!/"level":"(info|debug)"/.test(line)) progress(line);
    },
  };
}

const banner = ({ url, key }: Demo, log: string, shoppers: boolean): string => `
  Cartwake is running.

  Dashboard   ${url}/app/
  Demo login  ${DEMO.email}  /  ${DEMO.password}
  Demo shop   ${url}/shop/?key=${key}

  ${shoppers ? "Simulated shoppers are coming in; the first recovered cart is due within two minutes." : "No simulated shoppers."}
  Server log  ${log}
  Ctrl-C stops everything; the same command resumes.
`;

const SAYS: Record<News["kind"], string> = {
  bought: "bought at once",
  left: "left a cart of",
  accepted: "took an offer on the page for",
  clicked: "came back by a message to",
  recovered: "recovered:",
  returned: "came back unasked and bought",
};

function tell({ kind, name, minor }: News): void {
  const { amount, currency } = toMoney(minor, CURRENCY);
  const time = new Date().toTimeString().slice(0, 8);
  process.stdout.write(`  ${time}  ${name.padEnd(16)} ${SAYS[kind]} ${amount} ${currency}\n`);
}

await main(import.meta, async () => {
  const options = readOptions(USAGE, {
    port: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    state: { type: "string", default: ".cartwake" },
    "no-shoppers": { type: "boolean", default: false },
    var: { type: "string", multiple: true },
  });
  const { host, state } = options;
  const vars = readVars(options.var);
  const port = await nextFreePort(host, numberOption("port", options.port, 8787, 0, 65_535));
  const log = serverLog(state);
  const served = await serve({ host, port, state, vars, log: log.write });
  const shoppers = new AbortController();
  const stopped = untilSignal(() => {
    shoppers.abort();
    return served.stop();
  });
  try {
    const seeded = await seedDemo(served.url, served.state, { settings: SETTINGS });
    process.stdout.write(`${banner(seeded, log.path, !options["no-shoppers"])}\n`);
    if (!options["no-shoppers"]) void runShoppers({ ...seeded, onNews: tell }, shoppers.signal);
  } catch (error) {
    await served.stop();
    throw error;
  }
  await stopped;
  process.exit(0);
});
