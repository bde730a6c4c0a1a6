/**
 * `npm run screenshots -- --key cw_pk_… [--url http://127.0.0.1:8787]`: pictures of a running `npm start` for the README, at phone and
 * desktop width, light and dark.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DEMO } from "../../workers/cli/seed.ts";
import { launchBrowser, newContext, shoot } from "../support/browser.ts";

const FOLDER = join(import.meta.dirname, "screenshots");
const { values } = parseArgs({
  options: { url: { type: "string", default: "http://127.0.0.1:8787" }, key: { type: "string", default: "" } },
});
const problems: string[] = [];
const browser = await launchBrowser();
const page = await (await newContext(browser, problems)).newPage();

await page.goto(`${values.url}/app/`);
await page.fill('[data-testid="login-email"]', DEMO.email);
await page.fill('[data-testid="login-password"]', DEMO.password);
await page.click('[data-testid="login-submit"]');
await page.waitForSelector('[data-testid="column-recovered"] [data-testid="cart-card"]', { timeout: 180_000 });
await page.waitForTimeout(2000);
await shoot(page, FOLDER, "board");
await page.click('[data-testid="column-recovered"] [data-testid="cart-card"]');
await page.waitForSelector('[data-testid="timeline-entry"][data-code="recovered"]');
await shoot(page, FOLDER, "cart");
await page.goto(`${values.url}/app/#/outbox`);
await page.locator('[data-testid="outbox-row"]').filter({ hasText: "is waiting" }).first().click();
await page.frameLocator('[data-testid="mail-frame"]').getByText("Back to your cart").waitFor();
await shoot(page, FOLDER, "outbox");
await page.goto(`${values.url}/app/#/settings/members`);
await page.waitForSelector('[data-testid="member-row"]');
await shoot(page, FOLDER, "settings-members");
await page.goto(`${values.url}/app/#/settings/security`);
await page.waitForSelector('[data-testid="session-row"]');
await page.click('[data-testid="mfa-setup"]');
await page.getByAltText("QR code for the authenticator").waitFor();
await shoot(page, FOLDER, "settings-security");
await page.goto(`${values.url}/shop/?key=${values.key}`);
await page.waitForSelector('[data-testid="product-p1"]');
await shoot(page, FOLDER, "shop");
await browser.close();
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
