/** The models as a merchant meets them in the dashboard, in a real Chromium. */
import { mkdirSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ModelView, ServingView, TrainingRunView } from "../../shared/model/views.ts";
import { launchBrowser, newContext, SIZES, shoot } from "../support/browser.ts";
import { byTestId, giveLogin, isIn, violationsInBoth } from "../support/dashboard.ts";
import { Merchant } from "../support/merchant.ts";
import { driftOf, metricsOf, modelOf, modelsPage, runOf, serving } from "../support/model-views.ts";
import { type System, startSystem } from "../support/system.ts";

const SHOTS = "dist/screenshots";
/** Pictures are for people who change the pages; nothing is judged by them. */
const shot = async (page: Page, name: string): Promise<void> => {
  if (process.env.CARTWAKE_SCREENSHOTS) await shoot(page, SHOTS, name);
  if (process.env.FULL) {
    await page.screenshot({ path: `${SHOTS}/${name}-full.png`, fullPage: true });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize(SIZES.phone);
    await page.screenshot({ path: `${SHOTS}/${name}-full-phone.png`, fullPage: true });
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(SIZES.desktop);
  }
};
const NOW = Date.now();
const JUST_BEGUN = { startedAt: new Date(NOW - 70_000).toISOString(), endedAt: null };

/** What weeks of carts would make: three versions in service, one that failed its gates, one from elsewhere. */
const MODELS: ModelView[] = [
  modelOf({ version: "m-2026-11-18", age: 3, stage: "canary", share: 0.1, metrics: metricsOf(0.8, 0.01) }, NOW),
  modelOf(
    {
      ...{ version: "imp-7c1d", name: "warehouse lightgbm", age: 5, stage: "shadow", kind: "imported", trees: 400 },
      ...{
        metrics: null,
        baseline: null,
        examples: 0,
        window: { from: null, to: null },
        createdBy: "ada@oblong.example",
      },
    },
    NOW,
  ),
  modelOf(
    {
      ...{ version: "m-2026-10-21", age: 31, stage: "production", metrics: metricsOf(0.7, 0.04) },
      note: "Promoted after 9 days as the canary: its log loss was 0.012 lower on the same carts.",
    },
    NOW,
  ),
  modelOf({ version: "m-2026-10-14", age: 38, stage: "rejected", metrics: metricsOf(0.5, 0.4) }, NOW),
];
const SERVING: ServingView = serving({
  production: "m-2026-10-21",
  canary: { version: "m-2026-11-18", share: 0.1 },
  shadow: "imp-7c1d",
});
const RUNS: TrainingRunView[] = [
  runOf({ id: "r4", status: "running", step: "train", progress: 0.42, trigger: "drift", ...JUST_BEGUN }, NOW),
  runOf({ id: "r3", version: "m-2026-11-18", status: "promoted", reason: "passed its gates" }, NOW),
  runOf({ id: "r2", version: "m-2026-10-14", status: "rejected", reason: "log loss 0.014 above production’s" }, NOW),
];

describe("models in the dashboard", () => {
  let system: System;
  let browser: Browser;
  let merchant: Merchant;
  let ada: Page;
  const problems: string[] = [];

  const open = async (hash: string, ready: string): Promise<void> => {
    await ada.goto(`${system.url}/app/#/${hash}`);
    await ada.waitForSelector(ready);
  };
  /** Answers of weeks that no test can wait for; everything else is the server's. */
  const answer = async (path: string, body: unknown): Promise<void> => {
    await ada.route(
      (url) => url.pathname + url.search === path || url.pathname === path,
      (route) => (route.request().method() === "GET" ? route.fulfill({ json: body }) : route.fallback()),
    );
  };
  const grown = async (): Promise<void> => {
    await answer("/v1/models", modelsPage(MODELS, SERVING));
    await answer("/v1/models/runs", { items: RUNS });
    for (const model of MODELS) await answer(`/v1/models/${model.version}`, model);
    await answer("/v1/models/drift", driftOf("m-2026-10-21", NOW));
  };
  const fits = async (): Promise<void> => {
    await ada.setViewportSize(SIZES.phone);
    const [inner, outer] = await ada.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(inner).toBeLessThanOrEqual(outer!);
    await ada.setViewportSize(SIZES.desktop);
  };

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    system = await startSystem();
    merchant = await Merchant.register(system.url, { name: "Oblong", url: "https://oblong.example/" });
    browser = await launchBrowser();
    ada = await (await newContext(browser, problems)).newPage();
    ada.setDefaultTimeout(15_000);
    await open("", byTestId("login-email"));
    await giveLogin(ada, merchant.account.email, merchant.account.password);
    await isIn(ada);
  });

  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  it("shows what serves, the run under way and every version", async () => {
    await grown();
    await open("models", byTestId("model-row"));
    expect(await ada.locator(byTestId("lane")).evaluateAll((all) => all.map((one) => one.textContent))).toEqual([
      "Productionm-2026-10-2190% of the cartsRoll back to Cartwake’s prior",
      "Canarym-2026-11-1810% of the cartsStop the canary",
      "Shadowwarehouse lightgbmcompared on finished carts",
    ]);
    expect(await ada.getAttribute(byTestId("run"), "data-step")).toBe("train");
    expect(await ada.locator(byTestId("model-row")).count()).toBe(MODELS.length);
    await fits();
    expect(await violationsInBoth(ada)).toEqual([]);
    await shot(ada, "models");
  });

  it("shows one version's figures, charts and drift", async () => {
    await open("models/m-2026-10-21", byTestId("drift-feature"));
    expect(await ada.locator(`${byTestId("metrics")} svg`).count()).toBe(2);
    await fits();
    expect(await violationsInBoth(ada)).toEqual([]);
    await shot(ada, "model");
  });
});
