/** The whole loop as a shopper and a merchant live it, in a real Chromium against the production build. */
import { mkdirSync } from "node:fs";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, newContext, shoot } from "../support/browser.ts";
import { byTestId, violations } from "../support/dashboard.ts";
import { Merchant } from "../support/merchant.ts";
import { type System, startSystem } from "../support/system.ts";

/** Kept for the README when CARTWAKE_SCREENSHOTS=1, else beside the build. */
const SHOTS = process.env.CARTWAKE_SCREENSHOTS ? "test/browser/screenshots" : "dist/screenshots";

describe("a cart is saved, end to end", () => {
  let system: System;
  let browser: Browser;
  let shopper: BrowserContext;
  let office: BrowserContext;
  let merchant: Merchant;
  let board: Page;
  let cartId = "";
  const problems: string[] = [];

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    system = await startSystem();
    merchant = await Merchant.register(system.url, {
      name: "Oblong",
      url: `${system.url}/shop/`,
      timezone: "Europe/Berlin",
    });
    await merchant.settings({ url: `${system.url}/shop/?key=${merchant.account.key}`, abandonAfterMinutes: 0.05 });
    browser = await launchBrowser();
    shopper = await newContext(browser, problems);
    office = await newContext(browser, problems);
  });

  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  it("shows the merchant an empty board after login", async () => {
    board = await office.newPage();
    await board.goto(`${system.url}/app/`);
    await board.fill(byTestId("login-email"), merchant.account.email);
    await board.fill(byTestId("login-password"), merchant.account.password);
    await shoot(board, SHOTS, "login");
    await board.click(byTestId("login-submit"));
    await board.waitForSelector(`${byTestId("live")}[data-state="online"]`);
    expect(await board.locator(byTestId("cart-card")).count()).toBe(0);
  });

  it("lets the shopper fill a cart, leave an address, and go", async () => {
    const shop = await shopper.newPage();
    await shop.goto(`${system.url}/shop/?key=${merchant.account.key}`);
    await shop.click(byTestId("add-p1"));
    await shop.click(byTestId("add-p2"));
    await shop.click(byTestId("add-p3"));
    await expect.poll(() => shop.textContent(byTestId("cart-count"))).toBe("3");
    await shoot(shop, SHOTS, "shop");
    await shop.click(byTestId("cart-open"));
    await shop.click(byTestId("remove-p3"));
    await shop.fill(byTestId("save-email"), "ada@example.com");
    await shop.click(byTestId("save-cart"));
    await shop.waitForSelector(byTestId("saved"));
    await shoot(shop, SHOTS, "drawer");
    expect(await violations(shop)).toEqual([]);
    await shop.close();
    const card = board.locator(byTestId("cart-card")).first();
    await card.waitFor();
    cartId = (await card.getAttribute("data-cart-id")) ?? "";
    expect(cartId).not.toBe("");
  });

  it("abandons the cart by itself and writes to the shopper, live on the board", async () => {
    await board.locator(`${byTestId("column-recovering")} [data-cart-id="${cartId}"]`).waitFor({ timeout: 30_000 });
    const [delivery, ...others] = await merchant.deliveries();
    expect(others).toEqual([]);
    await board.goto(`${system.url}/app/#/outbox/${delivery?.id}`);
    const mail = board.frameLocator(byTestId("mail-frame"));
    await mail.getByText("Back to your cart").waitFor();
    expect(await mail.getByText("Total").count()).toBeGreaterThan(0);
    await shoot(board, SHOTS, "outbox");
    expect(await violations(board)).toEqual([]);
  });

  it("restores the same cart by the link in the mail, on another device", async () => {
    const [delivery] = await merchant.deliveries();
    const device = await newContext(browser, problems);
    const shop = await device.newPage();
    await shop.goto(delivery?.recoveryUrl ?? "");
    await shop.waitForSelector(byTestId("restored"));
    await expect.poll(() => shop.textContent(byTestId("cart-count"))).toBe("2");
    expect(shop.url()).not.toContain("cartwake=");
    await shoot(shop, SHOTS, "restored");
    await shop.click(byTestId("cart-open"));
    await shop.waitForSelector(byTestId("cart-line-p1"));
    await shop.waitForSelector(byTestId("cart-line-p2"));
    expect(await shop.locator(byTestId("cart-line-p3")).count()).toBe(0);
    await shop.click(byTestId("checkout"));
    await shop.fill(byTestId("email"), "ada@example.com");
    await shop.fill(byTestId("name"), "Ada Lovelace");
    await shoot(shop, SHOTS, "checkout");
    await shop.click(byTestId("place-order"));
    await shop.waitForSelector(byTestId("order-done"));
  });

  it("counts the recovered revenue on the live board, without a reload", async () => {
    await board.goto(`${system.url}/app/#/`);
    await board.locator(`${byTestId("column-recovered")} [data-cart-id="${cartId}"]`).waitFor({ timeout: 30_000 });
    const cart = await merchant.cart(cartId);
    expect(cart.status).toBe("recovered");
    await expect
      .poll(async () => (await board.textContent(byTestId("tile-recovered")))?.replace(/[^\d.]/g, ""))
      .toContain(cart.total?.amount);
    expect(await violations(board)).toEqual([]);
  });

  it("tells the merchant why, on the cart's page", async () => {
    await board.goto(`${system.url}/app/#/carts/${encodeURIComponent(cartId)}`);
    for (const code of ["abandoned", "sent", "recovered"]) {
      await board
        .locator(`${byTestId("timeline-entry")}[data-code="${code}"]`)
        .first()
        .waitFor();
    }
    await shoot(board, SHOTS, "cart");
    expect(await violations(board)).toEqual([]);
    expect(problems).toEqual([]);
  });
});
