import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildDashboard } from "../../workers/dashboard/build.ts";

let folder = "";
const files = new Map<string, Buffer>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cartwake-dashboard-"));
  await buildDashboard(folder);
  const assets = join(folder, "app/assets");
  for (const name of await readdir(assets)) files.set(name, await readFile(join(assets, name)));
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const weigh = (belongs: (name: string) => boolean): number =>
  [...files].filter(([name]) => belongs(name)).reduce((sum, [, content]) => sum + gzipSync(content).length, 0);

it("the dashboard opens with at most 35 KiB, and is at most 46 KiB with all its settings", () => {
  expect(weigh((name) => name.startsWith("index-"))).toBeLessThanOrEqual(35 * 1024);
  expect(weigh(() => true)).toBeLessThanOrEqual(46 * 1024);
});

it("the dashboard is built for production, whoever builds it", () => {
  const scripts = [...files].filter(([name]) => name.endsWith(".js")).map(([, content]) => content.toString());
  expect(scripts).toHaveLength(2);
  for (const script of scripts) expect(script).not.toContain("lineNumber");
});
