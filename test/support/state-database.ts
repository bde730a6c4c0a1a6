/** The database of a state folder that no server holds, as the runtime keeps it. */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions as workerOptionsOf } from "wrangler";
import { WRANGLER_CONFIG } from "../../workers/cli/paths.ts";

export async function withDatabase<T>(
  state: string,
  work: (db: Awaited<ReturnType<Miniflare["getD1Database"]>>) => Promise<T>,
): Promise<T> {
  const { d1Databases } = workerOptionsOf(WRANGLER_CONFIG).workerOptions;
  const config = convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    log: new Log(LogLevel.ERROR),
    workers: [{ name: "cartwake", modules: true, script: "export default {}", d1Databases }],
  } as Parameters<typeof convertV4MiniflareOptions>[0]);
  config.resourcePersistencePath = state;
  const miniflare = new Miniflare(config);
  try {
    return await work(await miniflare.getD1Database("DB", "cartwake"));
  } finally {
    await miniflare.dispose();
  }
}
