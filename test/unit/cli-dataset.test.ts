/** The real clickstream, where it lies beside the project; it is no part of it. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { readStream } from "../../workers/cli/simulate.ts";

const FILE = resolve(import.meta.dirname, "../../../shared/data/rees46_oct2019_sample.csv.gz");

it.skipIf(!existsSync(FILE))("reads the REES46 sample whole (skipped when it is not there)", async () => {
  const { events, skipped } = await readStream({ dataset: FILE });
  expect(skipped).toEqual({});
  expect(events).toHaveLength(8_562);
  expect(new Set(events.map(({ id }) => id)).size).toBe(8_562);
  const orders = events.filter(({ body }) => body.type === "checkout_completed");
  expect(new Set(orders.map(({ body }) => (body.data as { order: { id: string } }).order.id)).size).toBe(112);
});
