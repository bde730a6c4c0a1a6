import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildDashboard } from "../../workers/dashboard/build.ts";

let folder = "";
let page = "";
const files = new Map<string, Buffer>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cartwake-dashboard-"));
  await buildDashboard(folder);
  page = await readFile(join(folder, "app/index.html"), "utf8");
  const assets = join(folder, "app/assets");
  for (const name of await readdir(assets)) files.set(name, await readFile(join(assets, name)));
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const weigh = (belongs: (name: string) => boolean): number =>
  [...files].filter(([name]) => belongs(name)).reduce((sum, [, content]) => sum + gzipSync(content).length, 0);

const scripts = (): string[] => [...files].filter(([name]) => name.endsWith(".js")).map(([, text]) => text.toString());

/** What the page loads before anything is asked for: its own script and style, and what they import at once. */
const opening = (name: string): boolean => name.startsWith("index-");
const area = (page: string) => (name: string) => name.startsWith(`${page}-page-`);

it.each([
  ["opens", opening, 40],
  ["has its settings", area("settings"), 16],
  // With the templates and coupons that campaigns are made of.
  ["has its campaigns", area("campaigns"), 30],
  ["has its models", area("models"), 17],
  ["has everything", () => true, 102],
] as const)("the dashboard %s within its bound", (_what, belongs, kib) => {
  const weight = weigh(belongs);
  expect(weight).toBeGreaterThan(0);
  expect(weight).toBeLessThanOrEqual(kib * 1024);
});

it("the page names no script but its first, and that one imports the others only when asked", () => {
  const named = [...page.matchAll(/(?:src|href)="\/app\/assets\/([^"]+)"/g)].map(([, name]) => name ?? "");
  expect(named.filter((name) => !opening(name))).toEqual([]);
  const entry = [...files].find(([name]) => /^index-.*\.js$/.test(name))?.[1].toString() ?? "";
  expect(entry.match(/(?:^|[;\n}])import\s*(?:[\w*{][^;]*from)?\s*["']/g) ?? []).toEqual([]);
});

it("the dashboard is built for production, whoever builds it", () => {
  expect(scripts().length).toBeGreaterThanOrEqual(3);
  for (const script of scripts()) expect(script).not.toContain("lineNumber");
});
