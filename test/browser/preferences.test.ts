/** The page that every message links to, in a real Chromium: with a finger on a phone, without any script. */
import { mkdirSync } from "node:fs";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, newContext, SIZES, shoot } from "../support/browser.ts";
import { violationsInBoth } from "../support/dashboard.ts";
import { add, event, Merchant, until } from "../support/merchant.ts";
import { type System, startSystem } from "../support/system.ts";

const SHOTS = "dist/screenshots";
const LANGUAGES = ["en", "de", "fr", "es", "it", "nl"];

describe("the preference page", () => {
  let system: System;
  let browser: Browser;
  let merchant: Merchant;
  let url = "";
  const problems: string[] = [];

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    system = await startSystem();
    merchant = await Merchant.register(system.url, { name: "Manufaktur Königswinter & Töchter" });
    await merchant.settings({ abandonAfterMinutes: 0.01, requireConsent: [] });
    const person = { email: "ada@shopper.example", phone: "+4915112345678" };
    await merchant.accept([add("cart", "mug", "10.00"), event("cart", "shopper_identified", person)]);
    const mail = await until("a mail", async () => (await merchant.deliveries("&status=sent"))[0]);
    url = mail.unsubscribeUrl!;
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  const open = async (context: BrowserContext): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  };

  it("is clean under axe, fits every phone, and keeps its own policy, in all languages, light and dark", async () => {
    for (const locale of LANGUAGES) {
      const context = await browser.newContext({
        locale,
        viewport: { width: 320, height: 640 },
        reducedMotion: "reduce",
      });
      const page = await context.newPage();
      page.on("console", (message) => problems.push(`${locale}: ${message.text()}`));
      await page.goto(url);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), locale).toBeLessThanOrEqual(320);
      expect(await page.getByRole("switch").count()).toBe(2);
      expect(await violationsInBoth(page), locale).toEqual([]);
      await context.close();
    }
    expect(problems).toEqual([]);
  });

  it("works without a script: a switch off, everything off, one back on", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, locale: "en", viewport: SIZES.phone });
    const page = await open(context);
    const on = async () => [
      await page.getByRole("switch", { name: "E-mail" }).isChecked(),
      await page.getByRole("switch", { name: "SMS" }).isChecked(),
    ];
    const title = () => page.getByRole("heading").textContent();
    expect([await title(), ...(await on())]).toEqual(["No more reminders?", true, true]);
    await page.getByText("SMS", { exact: true }).click();
    await page.getByRole("button", { name: "Save my choice" }).click();
    expect([await title(), ...(await on())]).toEqual(["Done", true, false]);
    await page.getByRole("button", { name: "Unsubscribe from all" }).click();
    expect([await title(), ...(await on())]).toEqual(["Done", false, false]);
    expect(await page.getByRole("button").allTextContents()).toEqual(["Save my choice"]);
    await page.goto(url);
    expect([await title(), ...(await on())]).toEqual(["No reminders", false, false]);
    await page.getByRole("switch", { name: "E-mail" }).press("Space");
    await page.getByRole("button", { name: "Save my choice" }).press("Enter");
    expect([await title(), ...(await on())]).toEqual(["Done", true, false]);
    await context.close();
  });

  it("looks like this", async () => {
    const page = await open(await newContext(browser, problems));
    await shoot(page, SHOTS, "preferences");
    const german = await browser.newContext({ locale: "de", viewport: SIZES.phone });
    const small = await open(german);
    await shoot(small, SHOTS, "preferences-de");
    expect(problems).toEqual([]);
  });
});
