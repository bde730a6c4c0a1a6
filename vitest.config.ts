import { availableParallelism } from "node:os";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { fakeAiWorker } from "./test/support/ai-script.ts";
import { scratchFolder } from "./test/support/scratch.ts";

// Of every temporary folder in the tests, and in what they start.
process.env.TMPDIR ??= scratchFolder();

/** System tests that mostly wait for time to pass, the longest first: begun early, they wait while others compute. */
const LONG_WAITS = ["limits", "providers", "loop", "email-providers", "outage", "email-adapters", "kill", "training"];
const rankOf = ({ moduleId }: TestSpecification): number => {
  const at = LONG_WAITS.findIndex((name) => moduleId.endsWith(`/system/${name}.test.ts`));
  return at < 0 ? LONG_WAITS.length : at;
};

class LongWaitsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rankOf(a) - rankOf(b));
  }
}

/** Vitest leaves one core free, of two as well. */
const COMPUTING = Math.max(2, availableParallelism() - 1);

export default defineConfig({
  test: {
    sequence: { sequencer: LongWaitsFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          environment: "node",
          maxWorkers: COMPUTING,
          // Ten thousand random schedules compute for long beside others.
          testTimeout: 60_000,
          hookTimeout: 180_000,
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: "./wrangler.toml" },
            // wrangler.toml is what production runs; its local secrets are refused there.
            miniflare: {
              bindings: { ENVIRONMENT: "test", MIGRATIONS: await readD1Migrations("./migrations") },
              // Nobody's `AI` until a test says so.
              serviceBindings: { FAKE_AI: "fake-ai" },
              workers: [fakeAiWorker()],
            },
          })),
        ],
        test: { name: "actor", include: ["test/actor/**/*.test.ts"], maxWorkers: COMPUTING, testTimeout: 30_000 },
      },
      {
        test: {
          name: "system",
          include: ["test/system/**/*.test.ts"],
          environment: "node",
          // Each file has a server of its own, and most of them wait for time to pass.
          maxWorkers: Math.max(3, COMPUTING),
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          environment: "node",
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
