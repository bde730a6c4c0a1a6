import { availableParallelism } from "node:os";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { fakeAiWorker } from "./test/support/ai-script.ts";
import { scratchFolder } from "./test/support/scratch.ts";

// Of every temporary folder in the tests, and in what they start.
process.env.TMPDIR ??= scratchFolder();

/** System tests that mostly wait for time to pass, the longest first: begun early, they wait while others compute. */
const LONG_WAITS = [
  "limits",
  "providers",
  "loop",
  "email-providers",
  "outage",
  "kill",
  "training",
  "identity",
  "routes",
];
const rankOf = ({ moduleId }: TestSpecification): number => {
  const at = LONG_WAITS.findIndex((name) => moduleId.endsWith(`/system/${name}.test.ts`));
  return at < 0 ? LONG_WAITS.length : at;
};

class LongWaitsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rankOf(a) - rankOf(b));
  }
}

/**
 * Actor tests that share one isolate, which starts faster: each of their actors has a name of its own. All others look at
 * actors of which there is one (the keyring, the meter), or run a schedule over all that is there.
 */
const SHARED = [
  ...["cart-alarm", "cart-beacon", "cart-end", "cart-model", "cart-publish", "cart-upcast", "coupons", "limiter"],
  ...["loss-figures", "measure", "measure-shares", "migrate", "offers", "order-signal", "sender", "shopper"],
  ...["shopper-move", "store", "template-tests", "timers", "trace"],
].map((name) => `test/actor/${name}.test.ts`);
/** A test that waits for something must not fail because a machine is slow; one that is green waits no longer for it. */
const WAIT_MS = 100_000;
const WAIT = { poll: { timeout: WAIT_MS } };

/** Vitest leaves one core free, of two as well. */
const COMPUTING = Math.max(2, availableParallelism() - 1);

const actors = (
  test: Pick<TestProjectInlineConfiguration["test"] & object, "name" | "include" | "exclude" | "isolate">,
) => ({
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
  test: { ...test, maxWorkers: COMPUTING, testTimeout: 2 * WAIT_MS, hookTimeout: 2 * WAIT_MS, expect: WAIT },
});

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
          testTimeout: 2 * WAIT_MS,
          hookTimeout: 2 * WAIT_MS,
          expect: WAIT,
          // Pure functions: what one file loaded serves the next.
          isolate: false,
        },
      },
      actors({ name: "actor", include: ["test/actor/**/*.test.ts"], exclude: SHARED }),
      actors({ name: "actor-shared", include: SHARED, isolate: false }),
      {
        test: {
          name: "system",
          include: ["test/system/**/*.test.ts"],
          environment: "node",
          // Each file has a server of its own, and most of them wait for time to pass.
          maxWorkers: Math.max(3, COMPUTING),
          testTimeout: 4 * WAIT_MS,
          hookTimeout: 3 * WAIT_MS,
          expect: WAIT,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          environment: "node",
          // The first of them unpacks the browser, which two at once cannot.
          fileParallelism: false,
          testTimeout: 4 * WAIT_MS,
          hookTimeout: 3 * WAIT_MS,
          expect: WAIT,
        },
      },
    ],
  },
});
