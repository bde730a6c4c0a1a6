/** Builds the dashboard into static assets: `${outDir}/app/index.html` and hashed files beside it, all under `/app/`. */
import { join, resolve } from "node:path";
import { preact } from "@preact/preset-vite";
import { build } from "vite";

export async function buildDashboard(outDir: string): Promise<void> {
  // Whatever the caller's is, e.g. a test runner's: in any other mode each element of the page carries its line number.
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = "production";
  try {
    await buildPage(resolve(outDir, "app"));
  } finally {
    if (before === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = before;
  }
}

async function buildPage(outDir: string): Promise<void> {
  await build({
    configFile: false,
    root: join(import.meta.dirname, "app"),
    base: "/app/",
    logLevel: "warn",
    plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false })],
    build: {
      outDir,
      emptyOutDir: true,
      // The oldest browsers with `light-dark()`, so that the style sheet is shipped as written.
      target: ["chrome123", "firefox120", "safari17.5"],
      // The content policy allows no inline script, and a polyfill is not needed by these browsers.
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
    },
  });
}
