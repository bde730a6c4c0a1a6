/** The API reference as a reader meets it: by eye, by keyboard, on a phone, without a script. */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser, newContext, shoot } from "../support/browser.ts";
import { http } from "../support/merchant.ts";
import { type System, startSystem } from "../support/system.ts";

const SHOTS = "dist/screenshots";
const AXE = readFileSync(join(createRequire(import.meta.url).resolve("axe-core"), "../axe.min.js"), "utf8");

let system: System;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const problems: string[] = [];

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  system = await startSystem();
  browser = await launchBrowser();
  context = await newContext(browser, problems);
  page = await context.newPage();
  await page.goto(`${system.url}/docs`);
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

/** Rules of WCAG 2 that the page breaks. */
async function violations(): Promise<string[]> {
  // The policy of the page allows no foreign script: the checker comes in by the debugger.
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[] }> };
    };
    const { violations: found } = await axe.run();
    return found.map(({ id, nodes }) => `${id}: ${nodes.length} × ${nodes[0]?.target} ${nodes[0]?.failureSummary}`);
  });
}

it("is one small page that asks no other host for anything and runs nothing inline", async () => {
  const answer = await http(`${system.url}/docs`);
  expect(answer.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; style-src 'self'; script-src 'self';/,
  );
  expect(answer.headers.get("content-security-policy")).not.toMatch(/unsafe|https?:/);
  expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
  expect(answer.text).not.toMatch(/ style=|<style|<script(?! src="\/docs\/docs\.js")| on\w+="/);
  expect(answer.text).not.toContain("cartwake.invalid");
  const bytes = gzipSync(answer.text).byteLength;
  process.stdout.write(`docs: ${answer.text.length} bytes, ${bytes} gzipped\n`);
  expect(bytes).toBeLessThan(150_000);
  const again = await http(`${system.url}/docs`, { headers: { "if-none-match": answer.headers.get("etag") ?? "" } });
  expect([again.status, again.text]).toEqual([304, ""]);
});

it("shows every operation of the document, each with an example for a shell", async () => {
  const spec = (
    await http<{ paths: Record<string, Record<string, { operationId: string }>> }>(`${system.url}/openapi.json`)
  ).body;
  const ids = Object.values(spec.paths).flatMap((methods) =>
    Object.values(methods).map((operation) => operation.operationId),
  );
  const shown = await page
    .locator("article.operation")
    .evaluateAll((articles) => articles.map((article) => article.id));
  expect(shown.sort()).toEqual(ids.sort());
  expect(await page.locator("article.operation .shown .code").count()).toBeGreaterThanOrEqual(ids.length);
  const curl = await page.locator("#createTemplate .code code").first().textContent();
  expect(curl).toContain(`curl -X POST "${system.url}/v1/templates"`);
  expect(curl).toContain('-H "Idempotency-Key: ');
});

it("has no link that leads nowhere in it", async () => {
  const dead = await page.evaluate(() =>
    [...document.querySelectorAll('a[href^="#"]')]
      .map((link) => link.getAttribute("href") ?? "")
      .filter((href) => !document.getElementById(href.slice(1))),
  );
  expect(dead).toEqual([]);
});

it("is accessible in light and dark", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violations()).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light" });
});

it("fits a phone of 360 pixels", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  await page.setViewportSize({ width: 1280, height: 800 });
});

it("finds a route from the keyboard and tells how many there are", async () => {
  await page.keyboard.press("/");
  await page.keyboard.type("delete template");
  await expect.poll(() => page.locator(".found").textContent()).toBe("1 route");
  expect(await page.locator("article.operation:visible").evaluateAll((all) => all.map((one) => one.id))).toEqual([
    "deleteTemplate",
  ]);
  await page.keyboard.press("Escape");
  await expect.poll(() => page.locator("article.operation:visible").count()).toBeGreaterThan(30);
});

it("can be read without a script", async () => {
  const plain = await browser.newContext({ javaScriptEnabled: false });
  const reader = await plain.newPage();
  await reader.goto(`${system.url}/docs#getCart`);
  expect(await reader.locator("#getCart").isVisible()).toBe(true);
  expect(await reader.locator(".find").count()).toBe(0);
  await plain.close();
});

it("looks as it should, and nothing in it fails", async () => {
  await page.evaluate(() => scrollTo(0, 0));
  await shoot(page, SHOTS, "docs");
  await page.goto(`${system.url}/docs#createTemplate`);
  await shoot(page, SHOTS, "docs-route");
  expect(problems).toEqual([]);
});
