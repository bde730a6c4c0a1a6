/** Builds the dashboard into static assets: `${outDir}/app/index.html` and hashed files beside it, all under `/app/`. */
import { join, resolve } from "node:path";
import { preact } from "@preact/preset-vite";
import { build } from "vite";

export async function buildDashboard(outDir: string): Promise<void> {
  await build({
    configFile: false,
    root: join(import.meta.dirname, "app"),
    base: "/app/",
    logLevel: "warn",
    plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false })],
    build: {
      outDir: resolve(outDir, "app"),
      emptyOutDir: true,
      // The oldest browsers with `light-dark()`, so that the style sheet is shipped as written.
      target: ["chrome123", "firefox120", "safari17.5"],
      // The content policy allows no inline script, and a polyfill is not needed by these browsers.
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
    },
  });
}
