import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildSnippet, type Script } from "../../workers/storefront/build.ts";

const LIMITS: Record<Script, number> = { "cartwake.js": 6_144, "cartwake-offer.js": 5_120, "cartwake-sw.js": 1_024 };
const NAMES = Object.keys(LIMITS) as Script[];
const code = new Map<Script, string>();
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cartwake-snippet-"));
  await buildSnippet(folder);
  for (const name of NAMES) code.set(name, await readFile(join(folder, name), "utf8"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each(NAMES)("%s costs a page little: 6 KiB each, 5 more when there is something to draw", (name) => {
  expect(gzipSync(code.get(name) ?? "").length).toBeLessThanOrEqual(LIMITS[name]);
});

it.each(NAMES)("%s is one classic script that shares no name but its own", (name) => {
  const text = code.get(name) ?? "";
  expect(() => new Function(text)).not.toThrow();
  expect(text).not.toMatch(/\bimport\b|\bexport\b|eval\(|innerHTML|insertAdjacentHTML|\.style\b/);
  expect(text.trim()).toMatch(/^\(function|^\(\(\)=>/);
});
