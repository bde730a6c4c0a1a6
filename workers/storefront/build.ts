/** Builds the snippet and the demo shop into static assets. Node only: the CLI's build calls it. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type InlineConfig } from "vite";

const here = import.meta.dirname;

/** What a shop's page may pay for the snippet. */
export const SNIPPET_LIMIT_BYTES = 6 * 1024;

const common: InlineConfig = { configFile: false, envDir: false, logLevel: "warn", mode: "production" };

/** Classic scripts with no imports and no exports, by the file they are made of. */
const SCRIPTS = {
  "cartwake.js": "index.ts",
  // Loaded only when there is something to draw.
  "cartwake-offer.js": "overlay/index.ts",
  "cartwake-sw.js": "worker.ts",
} as const;
export type Script = keyof typeof SCRIPTS;

/** Returns the gzipped sizes in bytes. */
export async function buildSnippet(outDir: string): Promise<Record<Script, number>> {
  const sizes: [string, number][] = [];
  for (const [name, source] of Object.entries(SCRIPTS)) {
    await build({
      ...common,
      root: join(here, "snippet"),
      publicDir: false,
      build: {
        target: "es2020",
        outDir,
        emptyOutDir: false,
        modulePreload: false,
        rolldownOptions: { input: join(here, "snippet", source), output: { format: "iife", entryFileNames: name } },
      },
    });
    sizes.push([name, gzipSync(await readFile(join(outDir, name)), { level: 9 }).length]);
  }
  const made = Object.fromEntries(sizes) as Record<Script, number>;
  const bytes = made["cartwake.js"];
  if (bytes > SNIPPET_LIMIT_BYTES) throw new Error(`cartwake.js is ${bytes} B gzipped, over ${SNIPPET_LIMIT_BYTES} B`);
  return made;
}

/** The demo shop under `/shop/`: hashed assets, no inline script or style, so that a strict CSP holds. */
export async function buildShop(outDir: string): Promise<void> {
  const target = join(outDir, "shop");
  await rm(target, { recursive: true, force: true });
  await build({
    ...common,
    root: join(here, "shop"),
    base: "/shop/",
    build: {
      target: "es2022",
      outDir: target,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: false,
    },
  });
}

/** Writes the scripts and `shop/` into `outDir`, leaving whatever else is there. */
export async function buildStorefront(outDir: string): Promise<void> {
  await Promise.all([buildSnippet(outDir), buildShop(outDir)]);
}
