/**
 * `npm run screenshots -- --key cw_pk_… [--url http://127.0.0.1:8787] [--folder dist/screenshots] [--only NAME]...`: pictures of
 * an `npm start` that has run for three minutes, at phone and desktop width, light and dark. The README's are kept in
 * `test/browser/screenshots`.
 */
import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { DEMO } from "../../workers/cli/seed.ts";
import { launchBrowser, newContext, shoot } from "../support/browser.ts";
import { byTestId } from "../support/dashboard.ts";
import { dialog, leave } from "../support/offers.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string", default: "http://127.0.0.1:8787" },
    key: { type: "string", default: "" },
    folder: { type: "string", default: "dist/screenshots" },
    only: { type: "string", multiple: true },
  },
});
const { url, key, folder } = values;
mkdirSync(folder, { recursive: true });
const problems: string[] = [];
const browser = await launchBrowser();
const desk = await (await newContext(browser, problems)).newPage();
desk.setDefaultTimeout(20_000);

/** Goes there on the dashboard, and takes the picture when that is to be seen. */
async function picture(name: string, hash: string, ready: string, then?: (page: Page) => Promise<unknown>) {
  if (values.only && !values.only.includes(name)) return;
  try {
    await desk.goto(`${url}/app/#/${hash}`);
    await desk.locator(ready).first().waitFor();
    await then?.(desk);
    await shoot(desk, folder, name);
  } catch (error) {
    problems.push(`${name}: ${error instanceof Error ? error.message : error}`);
  }
}

const row = (channel: string, status = ""): string =>
  `${byTestId("outbox-row")}[data-channel="${channel}"]${status && `[data-status="${status}"]`}`;
const reading = (selector: string, ready: string) => async (page: Page) => {
  await page.locator(selector).first().click();
  await page.waitForSelector(ready);
};
/** In whichever language. */
const inMail = async (page: Page) => page.frameLocator(byTestId("mail-frame")).locator("a").first().waitFor();

await desk.goto(`${url}/app/`);
await desk.fill(byTestId("login-email"), DEMO.email);
await desk.fill(byTestId("login-password"), DEMO.password);
await desk.click(byTestId("login-submit"));
await desk.waitForSelector(`${byTestId("column-recovered")} ${byTestId("cart-card")}`, { timeout: 180_000 });

await picture("board", "", byTestId("cart-card"), (page) => page.waitForTimeout(2000));
await picture("cart", "", `${byTestId("column-recovered")} ${byTestId("cart-card")}`, (page) =>
  reading(
    `${byTestId("column-recovered")} ${byTestId("cart-card")}`,
    `${byTestId("timeline-entry")}[data-code="recovered"]`,
  )(page),
);
await picture("outbox", "outbox", byTestId("outbox-row"), async (page) => {
  await page.locator(byTestId("outbox-row")).filter({ hasText: "is waiting" }).first().click();
  await inMail(page);
});
for (const [channel, status] of [
  ["sms", "sent"],
  ["onsite", "clicked"],
] as const)
  await picture(
    `outbox-${channel}`,
    "outbox",
    row(channel, status),
    reading(row(channel, status), byTestId("delivery")),
  );
await picture(
  "outbox-suppressed",
  "outbox",
  row("email", "suppressed"),
  reading(row("email", "suppressed"), byTestId("delivery")),
);
await picture("preferences", "outbox", row("email", "sent"), async (page) => {
  await reading(row("email", "sent"), byTestId("delivery"))(page);
  const link = page.frameLocator(byTestId("mail-frame")).locator('a[href*="/u/"]');
  await page.goto((await link.getAttribute("href")) ?? "");
});
await picture("campaigns", "campaigns", byTestId("effect"));
const open =
  (name: string, tab = "") =>
  async (page: Page) => {
    const link = page.locator(byTestId("campaign-row")).filter({ hasText: name }).locator("a").first();
    const href = await link.getAttribute("href");
    await page.goto(`${url}/app/${href}${tab}`);
  };
await picture("campaign-editor", "campaigns", byTestId("campaign-row"), async (page) => {
  await open("Abandoned cart")(page);
  await inMail(page);
});
await picture("campaign-simulate", "campaigns", byTestId("campaign-row"), async (page) => {
  await open("Abandoned cart", "/simulate")(page);
  await page.click(byTestId("simulate"));
  await page.waitForSelector(byTestId("simulated-cart"));
});
await picture("campaign-results", "campaigns", byTestId("campaign-row"), async (page) => {
  await open("Abandoned cart", "/results")(page);
  await page.waitForSelector(byTestId("results"));
});
await picture("campaign-coupons", "campaigns", byTestId("campaign-row"), async (page) => {
  await open("Before they go, with a code", "/results")(page);
  await page.locator(byTestId("coupon-result")).scrollIntoViewIfNeeded();
});
await picture("templates", "templates", byTestId("template-row"));
await picture("template", "templates", byTestId("template-row"), async (page) => {
  await page.getByRole("link", { name: "Last call" }).first().click();
  await inMail(page);
});
await picture("coupons", "coupons", byTestId("giving-row"));
await picture("models", "models", byTestId("model-row"));
await picture("settings-members", "settings/members", byTestId("member-row"));
await picture("settings-providers", "settings/providers", byTestId("provider-new"));
await picture("settings-security", "settings/security", byTestId("session-row"), async (page) => {
  await page.fill(byTestId("mfa-password"), DEMO.password);
  await page.click(byTestId("mfa-setup"));
  await page.getByAltText("QR code for the authenticator").waitFor();
});

if (!values.only || values.only.includes("shop")) {
  const shop = await (await newContext(browser, problems)).newPage();
  await shop.goto(`${url}/shop/?key=${key}`);
  await shop.waitForSelector(byTestId("product-p1"));
  await shoot(shop, folder, "shop");
  await shop.click(byTestId("add-p1"));
  await shop.click(byTestId("add-p2"));
  await leave(shop);
  await dialog(shop).waitFor();
  await shoot(shop, folder, "offer");
}
await browser.close();
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
