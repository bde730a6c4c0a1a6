/** Offers as a shopper meets them: the demo shop and a stranger's page, a real Chromium, the production build. */
import { mkdirSync } from "node:fs";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, newContext, SIZES } from "../support/browser.ts";
import { byTestId, violationsInBoth } from "../support/dashboard.ts";
import { Merchant } from "../support/merchant.ts";
import { countShifts, createOffer, dialog, focused, heard, leave, shifts, shootOffer } from "../support/offers.ts";
import { type System, startSystem } from "../support/system.ts";

const SHOTS = "dist/screenshots";
/** The page behind it is inert meanwhile. */
const OVERLAY = "cartwake-offer";
const STRANGER = "http://stranger.test/";

let system: System;
let browser: Browser;
let merchant: Merchant;
/** Gives one code away, and no more. */
let giver: Merchant;
const problems: string[] = [];
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  system = await startSystem();
  merchant = await Merchant.register(system.url, { name: "Oblong", url: `${system.url}/shop/` });
  for (const trigger of ["exit_intent", "checkout_hesitation", "payment_failed", "price_drop", "back_in_stock"])
    expect((await createOffer(merchant, trigger)).status).toBe(201);
  giver = await Merchant.register(system.url, { name: "Oblong", url: `${system.url}/shop/` });
  const { body } = await giver.call<{ id: string }>("POST", "/v1/templates", { from: "onsite-exit-coupon" });
  const coupon = { kind: "percent", amount: 10, expiresHours: 24, budget: 1 };
  expect((await createOffer(giver, "exit_intent", { templateId: body.id, coupon })).status).toBe(201);
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

/** A shopper's browser of their own, which counts every shift of the layout. */
async function shopper(size: keyof typeof SIZES = "desktop"): Promise<Page> {
  for (const earlier of contexts.splice(0)) await earlier.close();
  const context = await newContext(browser, problems);
  contexts.push(context);
  const page = await context.newPage();
  await page.setViewportSize(SIZES[size]);
  await countShifts(page);
  return page;
}

async function shopWith(page: Page, products: string[] = [], store = merchant): Promise<void> {
  await page.goto(`${system.url}/shop/?key=${store.account.key}`);
  for (const product of products) await page.click(byTestId(`add-${product}`));
}

describe("who leaves with something in the cart", () => {
  it("is offered a word before they go, by keyboard and screen reader too, and nothing moves", async () => {
    const page = await shopper();
    const told = heard(page);
    await shopWith(page, ["p1"]);
    await page.focus(byTestId("cart-open"));
    const before = await shifts(page);
    await leave(page);
    const offer = dialog(page);
    await offer.waitFor();
    await expect.poll(() => told).toContain("offer_shown");
    expect(await shifts(page)).toBe(before);
    expect(await offer.getAttribute("aria-modal")).toBe("true");
    expect(await page.getByRole("heading", { name: "Before you go" }).count()).toBe(1);
    const described = await offer.evaluate(
      (element) => element.querySelector(`#${element.getAttribute("aria-describedby")}`)?.textContent,
    );
    expect(described).toContain("Your cart is saved.");
    expect(await focused(page)).toBe("dialog");
    const stops: string[] = [];
    for (let i = 0; i < 4; i++) {
      await page.keyboard.press("Tab");
      stops.push(await focused(page));
    }
    expect(stops).toEqual(["No, thanks", "To the checkout", "No, thanks", "No, thanks"]);
    await page.keyboard.press("Shift+Tab");
    expect(await focused(page)).toBe("No, thanks");
    expect(await violationsInBoth(page, OVERLAY)).toEqual([]);
    await shootOffer(page, SHOTS, "offer-exit");
    await page.keyboard.press("Escape");
    await offer.waitFor({ state: "detached" });
    expect(await focused(page)).toContain("Cart");
    await expect.poll(() => told).toContain("offer_dismissed");
  });

  it("is left alone after a no: over a reload, and in another tab", async () => {
    const page = contexts.at(-1)!.pages()[0]!;
    const again = { id: "another", headline: "Again", text: "t", button: "b", dismiss: "d", locale: "en" };
    const reply = (trigger: string) => ({
      accepted: 1,
      duplicates: 0,
      rejected: [],
      offers: [
        {
          ...again,
          id: trigger,
          trigger,
          cartId: "c",
          coupon: null,
          imageUrl: null,
          expiresAt: "2099-01-01T00:00:00Z",
        },
      ],
    });
    const answered = new Map<Page, number>();
    let trigger = "exit_intent";
    const answer = async (on: Page) =>
      on.route("**/v1/events*", async (route) => {
        await route.fulfill({ status: 202, json: reply(trigger) });
        answered.set(on, (answered.get(on) ?? 0) + 1);
      });
    await answer(page);
    await page.reload();
    const tab = await contexts.at(-1)!.newPage();
    await answer(tab);
    await tab.goto(`${system.url}/shop/`);
    for (const on of [page, tab]) {
      await expect.poll(() => answered.get(on) ?? 0, { timeout: 10_000 }).toBeGreaterThan(0);
      await on.waitForTimeout(300);
      expect(await dialog(on).count()).toBe(0);
    }
    trigger = "payment_failed";
    await tab.click(byTestId("add-p2"));
    await dialog(tab).waitFor();
    await tab.close();
    await page.unroute("**/v1/events*");
  });
});

describe("at the checkout", () => {
  it("a declined card is met with help, and trying again is one key away", async () => {
    const page = await shopper("phone");
    const told = heard(page);
    await shopWith(page, ["p1"]);
    await page.goto(`${system.url}/shop/?page=checkout`);
    await page.fill(byTestId("email"), "ada@example.com");
    await page.fill(byTestId("name"), "Ada");
    await page.check(byTestId("card-declined"));
    await page.click(byTestId("place-order"));
    await page.getByRole("heading", { name: "That payment did not go through" }).waitFor();
    expect(await violationsInBoth(page, OVERLAY)).toEqual([]);
    await shootOffer(page, SHOTS, "offer-payment");
    await page.getByRole("button", { name: "Try again" }).click();
    await dialog(page).waitFor({ state: "detached" });
    expect(await focused(page)).toContain("Place order");
    await expect.poll(() => told).toContain("offer_accepted");
    expect(page.url()).toContain("page=checkout");
    await page.check(byTestId("card-works"));
    await page.click(byTestId("place-order"));
    await page.waitForSelector(byTestId("order-done"));
  });

  it("the price that fell is told to whoever has it in the cart, also over an open dialog of the shop's", async () => {
    const page = await shopper();
    await shopWith(page, ["p3"]);
    await page.click(byTestId("cart-open"));
    // By script, as the shop's own news would: behind its open dialog nothing can be clicked.
    await page.evaluate(() => document.getElementById("sale")?.click());
    await page.getByRole("heading", { name: "Good news: the price has dropped" }).waitFor();
    expect(await page.locator("cartwake-offer #text").textContent()).toContain("€103.20");
    await page.getByRole("button", { name: "To the checkout" }).click();
    await page.waitForURL(/page=checkout/);
    expect(await page.locator(".summary .grand dd").textContent()).toBe("€103.20");
  });
});

describe("who looks again", () => {
  it("at what was sold out hears that it is back", async () => {
    const page = await shopper("phone");
    await shopWith(page, ["p2"]);
    await page.click(".counter summary");
    await page.check(byTestId("sold-out"));
    expect(await page.locator(byTestId("add-p2")).isDisabled()).toBe(true);
    await page.uncheck(byTestId("sold-out"));
    await page.getByRole("heading", { name: "It is back in stock" }).waitFor();
    expect(await page.locator(byTestId("add-p2")).isEnabled()).toBe(true);
  });

  it("for the address bar of a phone, with a flick back up, is about to leave", async () => {
    const phone = await browser.newContext({
      viewport: SIZES.phone,
      hasTouch: true,
      isMobile: true,
      reducedMotion: "reduce",
    });
    const page = await phone.newPage();
    const told = heard(page);
    await shopWith(page, ["p1"]);
    // A finger that drags the page by so many px a frame: headless Chromium does not scroll by a synthetic one.
    const drag = (by: number, frames: number) =>
      page.evaluate(
        async ([step, count]) => {
          for (let i = 0; i < count; i++) {
            dispatchEvent(new Event("touchmove"));
            scrollBy(0, step);
            await new Promise((resolve) => requestAnimationFrame(resolve));
          }
        },
        [by, frames] as const,
      );
    await page.waitForTimeout(1_200);
    await drag(100, 20);
    await drag(-4, 20);
    await page.waitForTimeout(700);
    expect(told).not.toContain("exit_intent_detected");
    await drag(-90, 12);
    await page.getByRole("heading", { name: "Before you go" }).waitFor();
    await phone.close();
  });
});

describe("a code", () => {
  it("is shown, copied, and on the cart as soon as the offer is taken", async () => {
    const page = await shopper();
    const told = heard(page);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: system.url });
    await shopWith(page, ["p2"], giver);
    await leave(page);
    await page.getByRole("heading", { name: "10% off your order" }).waitFor();
    const code = (await page.locator(`${OVERLAY} code`).textContent()) ?? "";
    expect(code).toMatch(/^[\w-]{6,}$/);
    await page.getByRole("button", { name: "Copy code" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(code);
    expect(await page.locator(`${OVERLAY} [role=status]`).textContent()).toBe("Copied");
    expect(await violationsInBoth(page, OVERLAY)).toEqual([]);
    await shootOffer(page, SHOTS, "offer-coupon");
    await page.getByRole("button", { name: "To the checkout" }).click();
    await page.waitForSelector(byTestId("coupon-row"));
    expect(await page.textContent(byTestId("coupon-row"))).toBe(`Code ${code}−€7.60`);
    expect(await page.locator(".summary .grand dd").textContent()).toBe("€68.40");
    await expect
      .poll(() => told.filter((type) => type === "coupon_applied" || type === "offer_accepted"))
      .toHaveLength(2);
    expect(await violationsInBoth(page)).toEqual([]);
    await shootOffer(page, SHOTS, "shop-coupon");
  });

  it("of which none is left is not promised to the next shopper", async () => {
    const page = await shopper();
    await shopWith(page, ["p2"], giver);
    const answered = page.waitForResponse((response) =>
      Boolean(response.request().postData()?.includes("exit_intent_detected")),
    );
    await leave(page);
    expect(await (await answered).json()).toMatchObject({ accepted: 1, offers: [] });
  });
});

describe("a stranger's page", () => {
  /** Nothing is allowed but scripts with the nonce, and requests to Cartwake. */
  const policy = () => `default-src 'none'; script-src 'nonce-n1'; connect-src ${system.url}; base-uri 'none'`;
  async function visit(page: Page, attributes: string): Promise<void> {
    await page.route(STRANGER, (route) =>
      route.fulfill({
        contentType: "text/html",
        headers: { "content-security-policy": policy() },
        body: `<!doctype html><html lang="en"><title>Stranger</title><h1>A shop</h1><input aria-label="Street" id="street"><input aria-label="Card" id="card" autocomplete="cc-number">
          <script nonce="n1" src="${system.url}/cartwake.js" data-key="${merchant.account.key}" ${attributes}></script>
          <script nonce="n1">
            cartwake("add", { productId: "x", name: "<img src=x onerror=alert(1)>", price: "30.00", currency: "EUR",
              imageUrl: "https://elsewhere.test/x.png" });
            cartwake("checkout", "start");
          </script>`,
      }),
    );
    await page.goto(STRANGER);
  }

  it("with the strictest policy sees who hesitates, in its own colours, and logs no violation", async () => {
    const page = await shopper();
    const violated: string[] = [];
    await page.exposeFunction("violated", (what: string) => violated.push(what));
    await page.addInitScript(() =>
      addEventListener("securitypolicyviolation", (event) =>
        (window as unknown as { violated(what: string): void }).violated(event.violatedDirective),
      ),
    );
    await visit(
      page,
      'data-hesitate-seconds="1" data-accent="rgb(120, 20, 90)" data-scheme="light" data-position="center"',
    );
    await page.getByRole("heading", { name: "Almost there" }).waitFor();
    const button = page.getByRole("button", { name: "Continue" });
    expect(await button.evaluate((element) => getComputedStyle(element).backgroundColor)).toBe("rgb(120, 20, 90)");
    expect(await dialog(page).evaluate((element) => getComputedStyle(element).position)).toBe("fixed");
    await shootOffer(page, SHOTS, "offer-stranger");
    await page.evaluate(() => {
      document.addEventListener("cartwake:accept", (event) => {
        document.title = (event as CustomEvent).detail.trigger;
      });
    });
    await button.click();
    await dialog(page).waitFor({ state: "detached" });
    expect(await page.title()).toBe("checkout_hesitation");
    expect(page.url()).toBe(STRANGER);
    expect(violated).toEqual([]);
  });

  it("is left alone while a card's number is being typed", async () => {
    const page = await shopper();
    await visit(page, 'data-hesitate-seconds="1"');
    await page.focus("#card");
    const answered = page.waitForResponse((response) => Boolean(response.request().postData()?.includes("hesitation")));
    expect((await (await answered).json()).offers).toHaveLength(1);
    await page.waitForTimeout(1_500);
    expect(await dialog(page).count()).toBe(0);
    await page.focus("#street");
    await dialog(page).waitFor();
    await page.keyboard.press("Escape");
    await dialog(page).waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("street");
  });

  it("may draw the offer itself", async () => {
    const page = await shopper();
    await page.addInitScript(() =>
      document.addEventListener("cartwake:offer", (event) => {
        event.preventDefault();
        document.title = (event as CustomEvent).detail.headline;
      }),
    );
    await visit(page, 'data-hesitate-seconds="1"');
    await expect.poll(() => page.title(), { timeout: 10_000 }).toBe("Almost there");
    await page.waitForTimeout(300);
    expect(await dialog(page).count()).toBe(0);
  });
});

describe("push messages", () => {
  /** Headless Chromium has no permission to show any: what the browser would say is the test's. */
  const permitted = (page: Page, permission: NotificationPermission) =>
    page.addInitScript((said) => {
      Object.assign(window, { Notification: { permission: said, requestPermission: async () => said } });
    }, permission);

  it("have a service worker that the page's policy lets in", async () => {
    const page = await shopper();
    await shopWith(page);
    const state = await page.evaluate(async () => {
      const { installing, active } = await navigator.serviceWorker.register("/cartwake-sw.js");
      const worker = installing ?? active;
      while (worker?.state !== "activated") await new Promise((resolve) => setTimeout(resolve, 20));
      return worker.state;
    });
    expect(state).toBe("activated");
  });

  it("are not asked for where the store sends none, and the shop says so", async () => {
    const page = await shopper();
    await permitted(page, "granted");
    await page.route("**/v1/push-key*", (route) => route.fulfill({ json: { publicKey: null } }));
    await shopWith(page);
    await page.click(byTestId("push"));
    await expect.poll(() => page.textContent(byTestId("push-said"))).toBe("This store sends no push messages yet.");
  });

  it("are asked for in words of the shop's, by a dialog that remembers a no", async () => {
    const page = await shopper();
    await permitted(page, "default");
    await page.route("**/v1/push-key*", (route) => route.fulfill({ json: { publicKey: "BAAA" } }));
    await shopWith(page);
    const ask = () =>
      page.evaluate(() =>
        (window as unknown as { cartwake(...args: unknown[]): void }).cartwake("push", {
          ask: true,
          text: "May we tell you when your cart gets cheaper?",
          yes: "Yes, please",
          no: "Not now",
        }),
      );
    const asked = ask();
    await page.getByRole("heading", { name: "May we tell you when your cart gets cheaper?" }).waitFor();
    expect(await violationsInBoth(page, OVERLAY)).toEqual([]);
    await shootOffer(page, SHOTS, "push-ask");
    await page.getByRole("button", { name: "Not now" }).last().click();
    await asked;
    await page.reload();
    await page.waitForFunction(
      () => "cartwake" in window && (window as { cartwake?: { ready?: true } }).cartwake?.ready,
    );
    await ask();
    expect(await dialog(page).count()).toBe(0);
  });
});

it("no page had anything to complain about", () => {
  expect(problems).toEqual([]);
});
