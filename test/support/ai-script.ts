/** The Workers AI of tests as a Worker of its own: what `env.AI` is bound to, spoken to by RPC; and told how to behave. */
import { join } from "node:path";
import { buildSync } from "esbuild";

const ENTRY = `
import { WorkerEntrypoint } from "cloudflare:workers";
import { FakeAi } from "./ai.ts";
const fake = new FakeAi();
export default class extends WorkerEntrypoint {
  run(model, inputs) { return fake.run(model, inputs); }
  behave(as) { fake.behave(as); }
  write(text) { fake.write(text); }
  seen() { return fake.seen; }
  async fetch(request) {
    const [how, what] = await request.json();
    if (how === "behave") fake.behave(what);
    if (how === "write") fake.write(what);
    return Response.json(fake.seen);
  }
}`;

/** As an option of Miniflare. */
export const fakeAiWorker = () => ({
  name: "fake-ai",
  compatibilityDate: "2026-11-01",
  modules: true as const,
  script: buildSync({
    stdin: { contents: ENTRY, resolveDir: join(import.meta.dirname), loader: "js" },
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:workers"],
    write: false,
  }).outputFiles[0]!.text,
});
