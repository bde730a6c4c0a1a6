/** The models as a merchant meets them in the dashboard, in a real Chromium. */
import { mkdirSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ModelView, ServingView, TrainingRunView } from "../../shared/model/views.ts";
import { launchBrowser, newContext, SIZES, shoot } from "../support/browser.ts";
import { byTestId, giveLogin, isIn, violationsInBoth } from "../support/dashboard.ts";
import { auditOf, joinAs } from "../support/members.ts";
import { add, event, identify, Merchant, until } from "../support/merchant.ts";
import { driftOf, keepModels, metricsOf, modelOf, runOf } from "../support/model-views.ts";
import { type System, startSystem } from "../support/system.ts";

const SHOTS = "dist/screenshots";
/** Pictures are for people who change the pages; nothing is judged by them. */
const shot = async (page: Page, name: string): Promise<void> => {
  if (process.env.CARTWAKE_SCREENSHOTS) await shoot(page, SHOTS, name);
};
/** Models as other libraries keep them, with names of columns that no cart has. */
const FILES = "test/support/models";
const COLUMNS = [
  "productViews",
  "adds",
  "minutesSinceFirst",
  "priceRank",
  "couponTries",
  "checkoutStage",
  "hour",
  "mobile",
];
const NOW = Date.now();
const JUST_BEGUN = { startedAt: new Date(NOW - 70_000).toISOString(), endedAt: null };

/** Of the last weeks: two that were trained, one that failed its gates, one from elsewhere. */
const MODELS: ModelView[] = [
  modelOf({ version: "m-2026-11-18", age: 3, metrics: metricsOf(0.8, 0.01) }, NOW),
  modelOf(
    {
      ...{ version: "imp-7c1d", name: "warehouse lightgbm", age: 5, kind: "imported", trees: 400 },
      ...{ metrics: null, baseline: null, examples: 0, window: { from: null, to: null }, createdBy: "ada" },
    },
    NOW,
  ),
  modelOf(
    {
      ...{ version: "m-2026-10-21", age: 31, stage: "archived", metrics: metricsOf(0.7, 0.04) },
      note: "Promoted after 9 days as the canary: its log loss was 0.012 lower on the same carts.",
    },
    NOW,
  ),
  modelOf({ version: "m-2026-10-14", age: 38, stage: "rejected", metrics: metricsOf(0.5, 0.4) }, NOW),
];
const RUNS = [
  runOf({ id: "r4", status: "running", step: "train", progress: 0.42, trigger: "drift", ...JUST_BEGUN }, NOW),
  runOf({ id: "r3", version: "m-2026-11-18", status: "promoted", reason: "It passed its gates." }, NOW),
  runOf(
    { id: "r2", version: "m-2026-10-14", status: "rejected", reason: "Its log loss was 0.014 above production’s." },
    NOW,
  ),
];

const advised = (id: string, ago: number, status: string, reason: string, proposal: object | null) => ({
  ...{ id, cart_id: "lamp", at: NOW - ago, status, reason, proposal: JSON.stringify(proposal), ms: 900 },
  ...(proposal ? { model: "@cf/meta/llama-3.3-70b-instruct-fp8-fast", neurons: 41.3 } : { model: "", neurons: 0 }),
});
const WAIT = { action: "wait", delayMinutes: 90, reason: "She may come back." };
const ADJUST = { action: "adjust", channel: "sms", discountPercent: 10, reason: "She came back twice today." };
const ADVICE = [
  advised("a1", 9_000, "applied", ADJUST.reason, ADJUST),
  advised("a2", 99_000, "refused", "delay_beyond_bounds", WAIT),
  advised("a3", 999_000, "budget_spent", "", null),
];

describe("models in the dashboard", () => {
  let system: System;
  let browser: Browser;
  let merchant: Merchant;
  let ada: Page;
  const problems: string[] = [];

  const open = async (page: Page, hash: string, ready: string): Promise<void> => {
    await page.goto(`${system.url}/app/#/${hash}`);
    await page.waitForSelector(ready);
  };
  const enter = async (email: string, password: string): Promise<Page> => {
    const page = await (await newContext(browser, problems)).newPage();
    await open(page, "", byTestId("login-email"));
    await giveLogin(page, email, password);
    await isIn(page);
    return page;
  };
  /** Nothing is wider than a phone. */
  const fits = async (page: Page): Promise<void> => {
    await page.setViewportSize(SIZES.phone);
    const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(inner).toBeLessThanOrEqual(outer!);
    await page.setViewportSize(SIZES.desktop);
  };
  const lanes = (page: Page): Promise<string[]> =>
    page.locator(byTestId("lane")).evaluateAll((all) => all.map((one) => one.textContent ?? ""));
  const row = (version: string) => ada.locator(`${byTestId("model-row")}[data-version="${version}"]`);
  const served = async () => (await merchant.get<{ serving: ServingView }>("/v1/models")).serving;
  const settled = (lane: string) => ada.locator(byTestId("lane")).filter({ hasText: lane }).waitFor();

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    system = await startSystem();
    merchant = await Merchant.register(system.url, { name: "Oblong", url: "https://oblong.example/" });
    browser = await launchBrowser();
    ada = await enter(merchant.account.email, merchant.account.password);
  });

  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  it("says what scores the carts of a store without a model of its own", async () => {
    await ada.getByRole("link", { name: "Models" }).click();
    await ada.waitForSelector(byTestId("prior"));
    expect(await lanes(ada)).toEqual(["ProductionCartwake’s priorevery cart"]);
    expect(await ada.textContent(byTestId("prior"))).toContain("at least 500 moments");
    expect(await ada.locator(byTestId("model-row")).count()).toBe(1);
    await fits(ada);
    expect(await violationsInBoth(ada)).toEqual([]);
    await shot(ada, "models-none");

    await ada.click(byTestId("train"));
    await ada.waitForSelector(`${byTestId("past-run")}[data-status="too_few"]`);
    const { items } = await merchant.get<{ items: TrainingRunView[] }>("/v1/models/runs");
    expect(await ada.textContent(byTestId("past-run"))).toContain(items[0]!.reason!.slice(1));
    await ada.waitForSelector(byTestId("train")); // it can be tried again
  });

  it("tells of each cart what speaks for a purchase and what against it, and which model says so", async () => {
    const kept = { models: MODELS, runs: RUNS, drift: [driftOf("m-2026-10-21", NOW)], advice: ADVICE };
    keepModels(system, merchant.account.storeId, kept);
    await merchant.accept([
      add("lamp", "lamp", "129.00", 2, { name: "Brass lamp" }),
      identify("lamp", "grace@shopper.example", "Grace Hopper"),
      event("lamp", "checkout_started"),
      event("lamp", "exit_intent_detected"),
    ]);
    await open(ada, "carts/lamp", byTestId("reason"));
    const { reasons } = (await merchant.cart("lamp")).prediction;
    const shown = await ada
      .locator(byTestId("reason"))
      .evaluateAll((all) =>
        all.map((one) => [
          (one as HTMLElement).dataset.feature,
          one.textContent,
          one.closest(".reasons")?.getAttribute("data-direction"),
        ]),
      );
    expect(shown.map(([feature]) => feature).sort()).toEqual(reasons.map(({ feature }) => feature).sort());
    for (const { feature, effect } of reasons) {
      const [, text, direction] = shown.find(([name]) => name === feature)!;
      expect(direction).toBe(effect < 0 ? "against" : "for");
      expect(text).toMatch(/^[A-Z0-9][^:]+$/);
    }
    await ada.waitForSelector(byTestId("advice"));
    expect(await ada.locator(`${byTestId("advice")} li`).allTextContents()).toEqual([
      expect.stringMatching(/^FollowedSend by SMS, with 10% offShe came back twice today/),
      expect.stringMatching(/^Refused by the store’s rulesWait 90 minutesDelay beyond bounds/),
      expect.stringMatching(/^Rules decidedBudget spent/),
    ]);
    expect(await violationsInBoth(ada)).toEqual([]);
    await shot(ada, "cart-reasons");
    await ada.click(`${byTestId("prediction")} .panel-foot a`);
    await ada.waitForSelector(byTestId("model-head"));
    expect(await ada.textContent("h1")).toBe("Cartwake’s prior");
    expect(await violationsInBoth(ada)).toEqual([]);
  });

  it("tries a model on a share of the carts, promotes it, and leads back, by keyboard", async () => {
    await open(ada, "models/m-2026-10-21", byTestId("model-promote"));
    await ada.click(byTestId("model-promote"));
    expect(await violationsInBoth(ada, byTestId("dialog"))).toEqual([]);
    await ada.keyboard.press("Escape");
    await ada.waitForSelector(byTestId("dialog"), { state: "detached" });
    expect(await ada.evaluate(() => (document.activeElement as HTMLElement).dataset.testid)).toBe("model-promote");
    await ada.keyboard.press("Enter");
    await ada.click(byTestId("confirm"));
    await ada.waitForSelector(`${byTestId("model-head")}[data-stage="production"]`);

    await open(ada, "models", byTestId("model-row"));
    await row("imp-7c1d").locator(byTestId("model-shadow")).click();
    await ada.click(byTestId("confirm"));
    await settled("Shadowwarehouse lightgbm");
    await row("m-2026-11-18").locator(byTestId("model-canary")).click();
    await ada.locator(byTestId("canary-share")).waitFor(); // before that it takes no focus
    await ada.focus(byTestId("canary-share"));
    for (let i = 0; i < 5; i++) await ada.keyboard.press("ArrowRight");
    await ada.getByRole("button", { name: "Score 15% of the carts" }).waitFor();
    expect(await violationsInBoth(ada, byTestId("dialog"))).toEqual([]);
    await shot(ada, "models-canary");
    await ada.click(byTestId("confirm"));
    await settled("Canarym-2026-11-1815% of the carts");
    expect(await served()).toMatchObject({
      ...{ production: "m-2026-10-21", shadow: "imp-7c1d" },
      canary: { version: "m-2026-11-18", share: 0.15 },
    });
  });

  it("shows what serves, the run under way and every version", async () => {
    expect(await lanes(ada)).toEqual([
      "Productionm-2026-10-2185% of the cartsRoll back to Cartwake’s prior",
      "Canarym-2026-11-1815% of the cartsStop the canary",
      "Shadowwarehouse lightgbmcompared on finished carts",
    ]);
    expect(await ada.getAttribute(byTestId("run"), "data-step")).toBe("train");
    expect(await ada.locator(byTestId("train")).count()).toBe(0); // one at a time
    expect(await ada.locator(byTestId("model-row")).count()).toBe(MODELS.length + 1);
    await fits(ada);
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.evaluate(() => scrollTo(0, 0));
    await shot(ada, "models");
  });

  it("shows one version's figures, charts and drift", async () => {
    await open(ada, "models/m-2026-10-21", byTestId("drift-feature"));
    expect(await ada.locator(`${byTestId("metrics")} svg`).count()).toBe(2);
    expect(await ada.textContent(`${byTestId("metric")}[data-metric="logLoss"]`)).toContain("0.490 0.481 to 0.499");
    const { importance } = (await merchant.get<ModelView>("/v1/models/m-2026-10-21")).metrics!;
    const bars = await ada.locator(`${byTestId("importance")} li`).allTextContents();
    expect(bars).toHaveLength(12);
    expect(bars[0]).toContain(importance![0]!.effect.toFixed(3));
    expect(await ada.getAttribute(byTestId("drift"), "data-status")).toBe("drifted");
    expect(await ada.textContent(byTestId("drift-alarms"))).toContain("Mobile drifted");
    // What is drawn is there as a table, too.
    await ada.getByText("Calibration as a table").click();
    expect(await ada.locator(`${byTestId("metrics")} details[open] tbody tr`).count()).toBe(10);
    await fits(ada);
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.getByText("Calibration as a table").click();
    await shot(ada, "model");
    await ada.locator(`${byTestId("metrics")} .charts`).scrollIntoViewIfNeeded();
    await shot(ada, "model-charts");
  });

  it("does nothing on what somebody else changed meanwhile, and shows how it stands", async () => {
    await open(ada, "models", byTestId("model-row"));
    expect((await merchant.call("POST", "/v1/models/m-2026-11-18/rollback")).status).toBe(200);
    await ada.locator(byTestId("lane")).getByRole("button", { name: "Roll back to Cartwake’s prior" }).click();
    await ada.click(byTestId("confirm"));
    await ada.waitForSelector(`${byTestId("dialog")} [role="alert"]`);
    expect((await served()).production).toBe("m-2026-10-21");
    expect(await violationsInBoth(ada, byTestId("dialog"))).toEqual([]);
    await ada.click(byTestId("confirm")); // having seen how it stands
    await settled("ProductionCartwake’s prior");
    expect(await served()).toMatchObject({ production: "prior", canary: null });
    const actions = auditOf(system, merchant.account.storeId).map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(["model.promoted", "model.canaried", "model.rolled_back"]));
  });

  it("takes in a model that was trained elsewhere, and the carts show what it says", async () => {
    await open(ada, "models", byTestId("model-row"));
    await ada.click(byTestId("model-import"));
    expect(await violationsInBoth(ada, byTestId("dialog"))).toEqual([]);
    await ada.setInputFiles(byTestId("import-file"), `${FILES}/xgboost-native.json`);
    await ada.fill(byTestId("import-name"), "Warehouse trees");
    await ada.click(byTestId("confirm"));
    await ada.waitForSelector(`${byTestId("dialog")} [role="alert"]`);
    expect(await ada.textContent(`${byTestId("dialog")} [role="alert"]`)).toContain('there is no feature "views"');
    expect(await violationsInBoth(ada, byTestId("dialog"))).toEqual([]);
    await shot(ada, "models-import");
    await ada.fill(byTestId("import-columns"), COLUMNS.join(", "));
    await ada.click(byTestId("confirm"));
    await ada.waitForSelector(`${byTestId("model-head")}[data-stage="staging"]`);
    expect(await ada.textContent("h1")).toBe("Warehouse trees");
    expect(await ada.locator(`${byTestId("features")} li`).count()).toBe(COLUMNS.length);
    const version = decodeURIComponent(ada.url().split("/models/")[1]!);
    const download = ada.waitForEvent("download");
    await ada.click(byTestId("model-download"));
    expect((await download).suggestedFilename()).toBe(`${version}.cartwake`);

    await ada.click(byTestId("model-promote"));
    await ada.click(byTestId("confirm"));
    await ada.waitForSelector(`${byTestId("model-head")}[data-stage="production"]`);
    // A beacon waits for no weights: the first one after the change may still be the prior's.
    const listed = await until("carts are scored by the new model", async () => {
      await merchant.accept([add("lamp", "shade", "19.00")]);
      const { model, abandonmentRisk } = (await merchant.cart("lamp")).prediction;
      const [cart] = await merchant.carts();
      return model === version && Math.abs(cart!.abandonmentRisk - abandonmentRisk) < 0.02 && cart;
    });
    await open(ada, "", byTestId("cart-card"));
    await ada.getByText(`${Math.round(listed.abandonmentRisk * 100)}% risk`).waitFor();
    await ada.click(byTestId("cart-card"));
    await ada.waitForSelector(byTestId("reason"));
    await ada.getByRole("link", { name: version }).click();
    await ada.waitForSelector(byTestId("model-head"));
    expect(await ada.textContent("h1")).toBe("Warehouse trees");
  });

  it("says why carts were lost this week, and sums it up again", async () => {
    await open(ada, "models", byTestId("loss-make"));
    expect(await ada.textContent(byTestId("loss"))).toContain("In the words of rules");
    await ada.click(byTestId("loss-make"));
    await ada.getByRole("button", { name: "Sum up again" }).waitFor();
    await fits(ada);
    expect(await violationsInBoth(ada, byTestId("loss"))).toEqual([]);
    await shot(ada, "models-loss");
  });

  it("offers no change to a member who may make none", async () => {
    const grace = await joinAs(system, merchant, "api_user", "grace@oblong.example");
    const page = await enter(grace.account.email, grace.account.password);
    await open(page, "models", byTestId("model-row"));
    expect(await page.locator("main button").count()).toBe(0);
    await open(page, "models/m-2026-10-21", byTestId("drift-feature"));
    expect(await page.locator("main button").allTextContents()).toEqual(["Download"]);
    await page.context().close();
    expect(problems).toEqual([]);
  });
});
