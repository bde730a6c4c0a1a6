/** The gallery's e-mails as a mail program shows them: narrow and wide, light and dark, with and without pictures. */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GALLERY as ALL } from "../../shared/gallery/index.ts";
import { sampleContext } from "../../shared/template-check.ts";
import { inLocale, render } from "../../shared/templates.ts";
import { launchBrowser, newContext } from "../support/browser.ts";

const GALLERY = ALL.filter(({ channel }) => channel === "email");
const SHOTS = "dist/screenshots";
const AXE = readFileSync(join(createRequire(import.meta.url).resolve("axe-core"), "../axe.min.js"), "utf8");
const SIZES = { narrow: { width: 360, height: 740 }, wide: { width: 700, height: 900 } } as const;
const PICTURE = "https://shop.example/mug.png";
const LONG = "A hand-thrown stoneware mug with a speckled glaze and Donaudampfschifffahrtsgesellschaftskapitänsmütze";

let browser: Browser;
let context: BrowserContext;
let page: Page;
const problems: string[] = [];
const asked: string[] = [];

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  browser = await launchBrowser();
  context = await newContext(browser, problems);
  page = await context.newPage();
  // Answers a coloured square for the product's picture, and nothing else: a mail has no other resources.
  await page.route("**/*", (route) => {
    asked.push(route.request().url());
    const square =
      '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60"><rect width="60" height="60" fill="#b98b5e"/></svg>';
    return route.request().url() === PICTURE
      ? route.fulfill({ contentType: "image/svg+xml", body: square })
      : route.abort();
  });
});
afterAll(async () => {
  await browser?.close();
});

/** The mail of an entry with a sample cart of three: with a picture, without one, and with a very long name. */
async function mailOf(id: string, wanted: string, { broken = false, coupon = true } = {}): Promise<string> {
  const entry = GALLERY.find((known) => known.id === id)!;
  const { parts, locale } = inLocale(entry, wanted);
  const sample = sampleContext(locale);
  const [first, second] = sample.cart.items;
  const items = [
    { ...first!, image_url: broken ? "https://shop.example/gone.png" : PICTURE },
    second!,
    { ...first!, name: LONG, price: "12345.67", total: "24691.34" },
  ];
  const data = { ...sample, cart: { ...sample.cart, items, total: "24741.14" }, ...(coupon ? {} : { coupon: null }) };
  return (await render(parts, data)).html;
}

/** Rules of WCAG 2 that the mail breaks; landmarks are the mail program's. */
async function violations(): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(
          root: Document,
          options: object,
        ): Promise<{ violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[] }>;
      };
    };
    const rules = { region: { enabled: false }, "landmark-one-main": { enabled: false } };
    const { violations: found } = await axe.run(document, { rules });
    return found.map(({ id, nodes }) => `${id}: ${nodes.length} × ${nodes[0]?.target} ${nodes[0]?.failureSummary}`);
  });
}

const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

describe.each(GALLERY.flatMap(({ id }) => ["en", "de"].map((locale) => [id, locale] as const)))(
  "%s in %s",
  (id, locale) => {
    it("fits, reads well and breaks no rule, narrow and wide, light and dark", async () => {
      await page.setContent(await mailOf(id, locale));
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        for (const [size, viewport] of Object.entries(SIZES)) {
          await page.setViewportSize(viewport);
          expect(await overflow(), `${size} ${colorScheme}`).toBeLessThanOrEqual(0);
          expect(await violations(), `${size} ${colorScheme}`).toEqual([]);
          await page.screenshot({
            path: `${SHOTS}/gallery-${id}-${locale}-${size}-${colorScheme}.png`,
            fullPage: true,
          });
        }
      }
      expect(await page.locator("html").getAttribute("lang")).toBe(locale);
    });
  },
);

it("a finger finds the button, and it leads to the cart", async () => {
  await page.setViewportSize(SIZES.narrow);
  await page.setContent(await mailOf("reminder", "en"));
  const button = page.getByRole("link", { name: "Back to your cart" });
  expect((await button.boundingBox())!.height).toBeGreaterThanOrEqual(44);
  expect((await button.boundingBox())!.width).toBeGreaterThanOrEqual(240);
  expect(await button.getAttribute("href")).toBe("https://shop.example/r/sample-of-20-letters");
  expect(await page.getByRole("link", { name: "Unsubscribe" }).getAttribute("href")).toBe(
    "https://shop.example/u/sample",
  );
});

it("is 600 px wide at most", async () => {
  await page.setViewportSize({ width: 1200, height: 900 });
  await page.setContent(await mailOf("reminder", "en"));
  expect((await page.locator(".card").boundingBox())!.width).toBe(600);
});

it("a picture that does not load leaves its words, and nothing moves", async () => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(SIZES.narrow);
  await page.setContent(await mailOf("reminder", "en", { broken: true }));
  expect(await page.locator("img").getAttribute("alt")).toBe("Stoneware mug");
  expect(await page.locator("img").boundingBox()).toMatchObject({ width: 60, height: 60 });
  expect(await overflow()).toBeLessThanOrEqual(0);
  await page.screenshot({ path: `${SHOTS}/gallery-without-pictures.png`, fullPage: true });
});

it("reads well where `<style>` is thrown away", async () => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(SIZES.narrow);
  await page.setContent((await mailOf("last-call", "en")).replace(/<style>.*?<\/style>/s, ""));
  expect(await overflow()).toBeLessThanOrEqual(0);
  expect(await violations()).toEqual([]);
  await page.screenshot({ path: `${SHOTS}/gallery-without-style.png`, fullPage: true });
});

it("without a coupon there is no box for one", async () => {
  await page.setContent(await mailOf("last-call", "en", { coupon: false }));
  expect(await page.locator(".code").count()).toBe(0);
  await page.setContent(await mailOf("last-call", "en"));
  expect(await page.locator(".code").textContent()).toMatch(/COMEBACK10\s*good until November 27, 2026/);
});

it("what comes beside the subject is the preheader, and no one sees it in the mail", async () => {
  await page.setContent(await mailOf("reminder", "en"));
  const first = page.locator("body > div").first();
  expect(await first.textContent()).toMatch(/^We kept it exactly as you left it\./);
  expect(await first.isVisible()).toBe(false);
});

it("no mail has a script, asks anybody but the shop for anything, or is cut off by Gmail", async () => {
  for (const { id } of GALLERY) {
    const html = await mailOf(id, "de");
    expect(html).not.toMatch(/<script|<link|@import|@font-face|url\(| on\w+=/);
    expect(Buffer.byteLength(html)).toBeLessThan(102_000);
  }
  expect(new Set(asked)).toEqual(new Set([PICTURE, "https://shop.example/gone.png"]));
  expect(problems).toEqual([]);
});
