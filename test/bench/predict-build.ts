/** The production build's processor time an event: carts of a store that the prior scores, beside carts that large trees score. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { encodeModel } from "../../shared/model/codec.ts";
import { FEATURE_NAMES } from "../../shared/model/features.ts";
import { build } from "../../workers/cli/build.ts";
import { DIST } from "../../workers/cli/paths.ts";
import { type Contender, startContender } from "./contender.ts";
import { runLoad } from "./load.ts";
import { type Merchant, openStore } from "./merchant.ts";
import { largeModel } from "./predict-trees.ts";
import { Shoppers } from "./shoppers.ts";

const CARTS = 300;
const CLIENTS = 24;
/** Of a slice: what it takes to fall quiet afterwards. */
export const QUIET_SECONDS = 2;

export interface BuildResult {
  /** Microseconds of processor time an event, background work included; one of each round. */
  prior: number[];
  trees: number[];
}

const STORES = ["prior", "trees"] as const;

/** One event a beacon: of every event's cost a prediction is the largest share there. */
export async function raceBuild(rounds: number, secondsEach: number, step: () => void): Promise<BuildResult> {
  await build({ log: () => {} });
  const folder = mkdtempSync(join(DIST, "bench-"));
  const product = await startContender(folder, "product");
  try {
    const stores = { prior: await openStore(product.url, "prior"), trees: await openStore(product.url, "trees") };
    await serveTrees(product, stores.trees);
    for (const name of STORES) await load(stores[name], `warm-${name}`, 2);
    await product.settle();
    const result: BuildResult = { prior: [], trees: [] };
    for (let round = 0; round < rounds; round++)
      for (const name of round % 2 ? STORES.toReversed() : STORES) {
        const before = product.cpuMs();
        const events = await load(stores[name], `${name}-${round}`, secondsEach);
        await product.settle();
        result[name].push((1000 * (product.cpuMs() - before)) / events);
        step();
      }
    return result;
  } finally {
    await product.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function serveTrees({ url }: Contender, { accessToken }: Merchant): Promise<void> {
  const post = async (path: string, body?: Uint8Array<ArrayBuffer>): Promise<{ version: string; stage: string }> => {
    const headers = { authorization: `Bearer ${accessToken}`, "content-type": "application/octet-stream" };
    const reply = await fetch(`${url}/v1/models/${path}`, { method: "POST", headers, body });
    if (!reply.ok) throw new Error(`the trees do not serve: ${reply.status} ${await reply.text()}`);
    return (await reply.json()) as { version: string; stage: string };
  };
  const { version } = await post("import?name=bench", new Uint8Array(encodeModel(largeModel([...FEATURE_NAMES]))));
  await post(`${version}/promote`);
}

async function load({ beacons }: Merchant, run: string, seconds: number): Promise<number> {
  const shoppers = new Shoppers(run);
  const until = performance.now() + seconds * 1000;
  const next = () => (performance.now() < until ? shoppers.next(CARTS, 1) : null);
  return (await runLoad({ url: beacons, clients: CLIENTS, next })).allEvents;
}
