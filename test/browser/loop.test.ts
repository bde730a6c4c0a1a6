/** The whole loop as a shopper and a merchant live it, in a real Chromium against the production build. */
import { mkdirSync } from "node:fs";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, newContext, shoot } from "../support/browser.ts";
import { byTestId, violations } from "../support/dashboard.ts";
import { Merchant, until } from "../support/merchant.ts";
import { dialog, heard, leave } from "../support/offers.ts";
import { type System, startSystem } from "../support/system.ts";

const SHOTS = "dist/screenshots";
/** Pictures are for people who change the pages; nothing is judged by them. */
const shot = async (page: Page, name: string): Promise<void> => {
  if (process.env.CARTWAKE_SCREENSHOTS) await shoot(page, SHOTS, name);
};
const ADA = "ada@example.com";

interface Coupon {
  code: string;
  status: string;
  cartId: string;
  redeemed: { orderId: string } | null;
}

describe("a cart is saved, end to end", () => {
  let system: System;
  let browser: Browser;
  /** Where the shopper began, and the device on which the mail is read. */
  let laptop: BrowserContext;
  let phone: Page;
  let merchant: Merchant;
  /** Stays on the board from the login on. */
  let board: Page;
  /** Reads messages, carts and campaigns. */
  let desk: Page;
  let cartId = "";
  let code = "";
  let orderId = "";
  let mailId = "";
  let recovery = "";
  let unsubscribe = "";
  const problems: string[] = [];

  const open = async (hash: string, ready: string): Promise<void> => {
    await desk.goto(`${system.url}/app/#/${hash}`);
    await desk.locator(ready).first().waitFor();
  };
  const column = (name: string): string => `${byTestId(`column-${name}`)} [data-cart-id="${cartId}"]`;
  const messages = async () => (await merchant.deliveries()).filter(({ channel }) => channel === "email");

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    system = await startSystem();
    merchant = await Merchant.register(system.url, {
      name: "Oblong",
      url: `${system.url}/shop/`,
      timezone: "Europe/Berlin",
    });
    await merchant.settings({ url: `${system.url}/shop/?key=${merchant.account.key}` });
    const template = await merchant.call<{ id: string }>("POST", "/v1/templates", { from: "onsite-exit-coupon" });
    const coupon = { kind: "percent", amount: 10, expiresHours: 24, budget: 5 };
    const variants = [{ id: "a", templateId: template.body.id }];
    const steps = [{ id: "offer", channel: "onsite", variants, coupon }];
    const made = await merchant.call("POST", "/v1/campaigns", { name: "Stay", trigger: "exit_intent", steps });
    expect(made.status).toBe(201);
    browser = await launchBrowser();
    laptop = await newContext(browser, problems);
  });

  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  it("shows the merchant an empty board after login", async () => {
    const office = await newContext(browser, problems);
    board = await office.newPage();
    await board.goto(`${system.url}/app/`);
    await board.fill(byTestId("login-email"), merchant.account.email);
    await board.fill(byTestId("login-password"), merchant.account.password);
    await shot(board, "login");
    await board.click(byTestId("login-submit"));
    await board.waitForSelector(`${byTestId("live")}[data-state="online"]`);
    expect(await board.locator(byTestId("cart-card")).count()).toBe(0);
    await board.evaluate(() => Object.assign(window, { neverReloaded: true }));
    desk = await office.newPage();
  });

  it("lets the shopper fill a cart and leave an address", async () => {
    const shop = await laptop.newPage();
    await shop.goto(`${system.url}/shop/?key=${merchant.account.key}`);
    await shop.click(byTestId("add-p1"));
    await shop.click(byTestId("add-p2"));
    await shop.click(byTestId("add-p3"));
    await expect.poll(() => shop.textContent(byTestId("cart-count"))).toBe("3");
    await shot(shop, "shop");
    await shop.click(byTestId("cart-open"));
    await shop.click(byTestId("remove-p3"));
    await shop.fill(byTestId("save-email"), ADA);
    await shop.click(byTestId("save-cart"));
    await shop.waitForSelector(byTestId("saved"));
    await shot(shop, "drawer");
    expect(await violations(shop)).toEqual([]);
    await shop.click(byTestId("cart-close"));
    const card = board.locator(byTestId("cart-card")).first();
    await card.waitFor();
    cartId = (await card.getAttribute("data-cart-id")) ?? "";
    expect(cartId).not.toBe("");
  });

  it("offers a code when the pointer leaves, and takes a no for an answer", async () => {
    const [shop] = laptop.pages() as [Page];
    const told = heard(shop);
    await leave(shop);
    const offer = dialog(shop);
    await offer.waitFor();
    code = (await shop.locator("cartwake-offer code").textContent()) ?? "";
    expect(code).toMatch(/^[A-Z2-9]{12}$/);
    expect(await violations(shop, undefined, "cartwake-offer")).toEqual([]);
    await shot(shop, "offer");
    // From the next beacon on; sooner, the cart would be abandoned while the offer is read.
    await merchant.settings({ abandonAfterMinutes: 0.05 });
    await shop.getByRole("button", { name: "No, thanks" }).last().click();
    await offer.waitFor({ state: "detached" });
    await expect.poll(() => told).toContain("offer_dismissed");
    await shop.close();
  });

  it("abandons the cart by itself and writes to the shopper, live on the board", async () => {
    await board.locator(column("recovering")).waitFor();
    await open("outbox", `${byTestId("outbox-row")}[data-channel="email"]`);
    await desk.click(`${byTestId("outbox-row")}[data-channel="email"]`);
    const mail = desk.frameLocator(byTestId("mail-frame"));
    await mail.getByText("Back to your cart").waitFor();
    expect(await mail.getByText("Total").count()).toBeGreaterThan(0);
    recovery = (await mail.getByRole("link", { name: "Back to your cart" }).getAttribute("href")) ?? "";
    unsubscribe = (await mail.getByRole("link", { name: "Unsubscribe" }).getAttribute("href")) ?? "";
    mailId = desk.url().split("/").at(-1) ?? "";
    expect((await messages()).map(({ id, to }) => [id, to])).toEqual([[mailId, ADA]]);
    await shot(desk, "outbox");
    expect(await violations(desk)).toEqual([]);
  });

  it("restores the same cart by the link in the mail, on another device, where it is bought with the code", async () => {
    phone = await (await newContext(browser, problems)).newPage();
    await phone.goto(recovery);
    await phone.waitForSelector(byTestId("restored"));
    await expect.poll(() => phone.textContent(byTestId("cart-count"))).toBe("2");
    expect(phone.url()).not.toContain("cartwake=");
    await shot(phone, "restored");
    await phone.click(byTestId("cart-open"));
    await phone.waitForSelector(byTestId("cart-line-p1"));
    await phone.waitForSelector(byTestId("cart-line-p2"));
    expect(await phone.locator(byTestId("cart-line-p3")).count()).toBe(0);
    await phone.click(byTestId("checkout"));
    await phone.fill(byTestId("coupon"), code.toLowerCase());
    await phone.click(byTestId("coupon-apply"));
    await phone.waitForSelector(byTestId("coupon-row"));
    await phone.fill(byTestId("email"), ADA);
    await phone.fill(byTestId("name"), "Ada Lovelace");
    await shot(phone, "checkout");
    await phone.click(byTestId("place-order"));
    await phone.waitForSelector(byTestId("order-done"));
    orderId = (await phone.textContent(byTestId("order-id"))) ?? "";
  });

  it("counts the recovered revenue on the live board, without a reload", async () => {
    await board.locator(column("recovered")).waitFor();
    const cart = await merchant.cart(cartId);
    expect(cart).toMatchObject({ status: "recovered", order: { id: orderId } });
    await expect
      .poll(async () => (await board.textContent(byTestId("tile-recovered")))?.replace(/[^\d.]/g, ""))
      .toContain(cart.total?.amount);
    expect(await board.evaluate(() => "neverReloaded" in window)).toBe(true);
    expect(await violations(board)).toEqual([]);
  });

  it("tells the merchant why, on the cart's page: the campaign, the message and the rule", async () => {
    await open(`carts/${encodeURIComponent(cartId)}`, byTestId("timeline-entry"));
    for (const happened of ["opened", "dismissed", "abandoned", "sent", "coupon_applied", "recovered"])
      await desk
        .locator(`${byTestId("timeline-entry")}[data-code="${happened}"]`)
        .first()
        .waitFor();
    const credited = desk.locator(byTestId("credited"));
    expect(await credited.textContent()).toBe("Credited to Abandoned cart, E-mail · Reminder by last click");
    expect(await credited.getByRole("link").last().getAttribute("href")).toBe(`#/outbox/${mailId}`);
    await shot(desk, "cart");
    expect(await violations(desk)).toEqual([]);
  });

  it("counts the order among the campaign's results, and the code as redeemed", async () => {
    await desk.click(`${byTestId("credited")} a`);
    await desk.getByRole("link", { name: "Results" }).click();
    const treated = desk.locator(byTestId("arm-result")).first();
    // Shoppers, bought, conversion, a shopper's revenue, revenue, credited; the shop has no till that knows the code's worth.
    const total = "€94.00";
    await expect
      .poll(async () => {
        await desk.reload();
        await treated.waitFor();
        return treated.locator("td").allTextContents();
      })
      .toEqual(["1", "1", "100.0%", total, total, total]);
    expect(await desk.textContent(byTestId("comparison"))).toContain(`Attribution credits ${total}`);
    const redeemed = await until("the code is redeemed", async () => {
      const { items } = await merchant.get<{ items: Coupon[] }>(`/v1/coupons?code=${code}`);
      return items[0]?.status === "redeemed" && items[0];
    });
    expect(redeemed).toMatchObject({ code, cartId, redeemed: { orderId } });
    await open("campaigns", byTestId("campaign-row"));
    await desk.getByRole("link", { name: "Stay" }).click();
    await desk.getByRole("link", { name: "Results" }).click();
    const coupons = desk.locator(byTestId("coupon-result"));
    await coupons.waitFor();
    expect(await coupons.locator("td").allTextContents()).toEqual(["1", "1", "0", "4"]);
    expect(await violations(desk)).toEqual([]);
  });

  it("writes no more to who unsubscribed by the link in the mail, and says so", async () => {
    const page = await phone.context().newPage();
    await page.goto(unsubscribe);
    await page.getByRole("heading", { name: "No more reminders?" }).waitFor();
    expect(await page.getByRole("switch", { name: "E-mail" }).isChecked()).toBe(true);
    await page.getByRole("button", { name: "Unsubscribe" }).click();
    await page.getByRole("heading", { name: "Done" }).waitFor();
    expect(await page.getByRole("switch", { name: "E-mail" }).isChecked()).toBe(false);
    await page.close();

    await phone.getByRole("link", { name: "Back to the objects" }).click();
    await phone.click(byTestId("add-p5"));
    await phone.click(byTestId("cart-open"));
    await phone.click(byTestId("checkout"));
    await phone.fill(byTestId("email"), ADA);
    await phone.fill(byTestId("name"), "Ada Lovelace");
    await phone.close();
    const held = `${byTestId("outbox-row")}[data-status="suppressed"]`;
    await open("outbox", held);
    await desk.click(held);
    await desk.getByText("The shopper unsubscribed").waitFor();
    expect(await violations(desk)).toEqual([]);
    const [second, first, ...others] = await messages();
    expect(others).toEqual([]);
    expect(first).toMatchObject({ id: mailId });
    expect(second).toMatchObject({ status: "suppressed", sentAt: null });
    expect(second?.cartId).not.toBe(cartId);
    expect(problems).toEqual([]);
  });
});
