import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildSnippet } from "../../workers/storefront/build.ts";

let folder = "";
let code: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cartwake-snippet-"));
  await buildSnippet(folder);
  code = await readFile(join(folder, "cartwake.js"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("the snippet costs a page at most 6 KiB", () => {
  expect(gzipSync(code).length).toBeLessThanOrEqual(6_144);
});

it("the snippet is one classic script that shares no name but its own", () => {
  const text = code.toString();
  expect(() => new Function(text)).not.toThrow();
  expect(text).not.toMatch(/\bimport\b|\bexport\b|eval\(/);
  expect(text.trim()).toMatch(/^\(function|^\(\(\)=>/);
});
