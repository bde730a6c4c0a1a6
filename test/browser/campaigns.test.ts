/** Campaigns and providers as a merchant works with them in the dashboard, in a real Chromium. */
import { mkdirSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, newContext, shoot } from "../support/browser.ts";
import { byTestId, giveLogin, isIn, violationsInBoth } from "../support/dashboard.ts";
import { add, event, identify, Merchant, order, until } from "../support/merchant.ts";
import { PROVIDERS } from "../support/providers/index.ts";
import { sendgridServer } from "../support/providers/sendgrid.ts";
import { type System, startSystem } from "../support/system.ts";

const SHOTS = "dist/screenshots";
/** Pictures are for people who change the pages; nothing is judged by them. */
const shot = async (page: Page, name: string): Promise<void> => {
  if (process.env.CARTWAKE_SCREENSHOTS) await shoot(page, SHOTS, name);
};
/** Enough for an estimate: 30 shoppers and 10 buyers in each arm, however the names fall. */
const SHOPPERS = 100;

interface Stored {
  id: string;
  version: number;
  name: string;
}

describe("campaigns in the dashboard", () => {
  let system: System;
  let browser: Browser;
  let merchant: Merchant;
  let ada: Page;
  let measured: Stored;
  /** Under way while campaigns are edited. */
  let experiments: Promise<unknown>;
  let made = "";
  const problems: string[] = [];

  const newPage = async (): Promise<Page> => {
    return (await newContext(browser, problems)).newPage();
  };
  const open = async (page: Page, hash: string, ready: string): Promise<void> => {
    await page.goto(`${system.url}/app/#/${hash}`);
    await page.waitForSelector(ready);
  };
  const logIn = async (page: Page): Promise<void> => {
    await open(page, "", byTestId("login-email"));
    await giveLogin(page, merchant.account.email, merchant.account.password);
    await isIn(page);
  };
  const field = (path: string): string => byTestId(`field-${path}`);
  const channel = (step: number, value: string): string => `[name="steps.${step}.channel"][value="${value}"]`;
  const save = async (page: Page): Promise<void> => {
    await page.click(byTestId("campaign-save"));
    await page.getByText("Saved", { exact: true }).waitFor();
  };
  const stored = (id: string) => merchant.get<Record<string, unknown> & Stored>(`/v1/campaigns/${id}`);

  /** Half of the shoppers get a mail; two of three of them buy, and one of three of the others. */
  async function experiment(): Promise<void> {
    const body = {
      name: "Come back",
      holdout: 0.5,
      allocation: "thompson",
      steps: [{ id: "mail", variants: [{ id: "plain" }, { id: "warm" }] }],
    };
    measured = (await merchant.call<Stored>("POST", "/v1/campaigns", body)).body;
    const carts = Array.from({ length: SHOPPERS }, (_, i) => `cart-${i}`);
    for (let i = 0; i < SHOPPERS; i += 50)
      await merchant.accept(
        carts.slice(i, i + 50).flatMap((id) => [add(id, "mug", "40.00"), identify(id, `${id}@shopper.example`)]),
      );
    const deliveries = await until(
      "every message is sent or held back",
      async () => {
        const found = (await merchant.deliveries()).filter(({ cartId }) => carts.includes(cartId));
        return (
          found.length === SHOPPERS && found.every((d) => d.status === "sent" || d.status === "suppressed") && found
        );
      },
      { within: 60_000, every: 500 },
    );
    const buyers = ["sent", "suppressed"].flatMap((status, arm) =>
      deliveries.filter((d) => d.status === status).filter((_, i) => i % 3 < 2 - arm),
    );
    await Promise.all(buyers.map(({ cartId }) => merchant.accept([order(cartId, `order-${cartId}`, "40.00")])));
  }

  /** One shopper whom a text, a push message and an offer reach. */
  async function everyChannel(): Promise<void> {
    const only = { conditions: { "items.productId": "kite" }, priority: 5 };
    const short = {
      name: "Short words",
      ...only,
      steps: [
        { id: "text", channel: "sms" },
        { id: "ping", channel: "push" },
      ],
    };
    const stay = { name: "Stay", ...only, trigger: "exit_intent", steps: [{ id: "offer", channel: "onsite" }] };
    for (const body of [short, stay]) expect((await merchant.call("POST", "/v1/campaigns", body)).status).toBe(201);
    await merchant.accept([
      add("kite-cart", "kite", "55.00", 1, { name: "Stunt kite" }),
      event("kite-cart", "shopper_identified", { name: "Wilbur Wright", phone: "+4915112345678" }),
      event("kite-cart", "consent_updated", { sms: "granted", push: "granted", text: "Text me" }),
      event("kite-cart", "push_subscribed", { subscription: { token: "0123456789abcdefghijklmnop" } }),
      event("kite-cart", "exit_intent_detected"),
    ]);
  }

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    system = await startSystem();
    merchant = await Merchant.register(system.url, { name: "Oblong", url: "https://oblong.example/" });
    await merchant.settings({ abandonAfterMinutes: 0.02 });
    experiments = Promise.all([experiment(), everyChannel()]);
    experiments.catch(() => undefined); // told where it is waited for
    browser = await launchBrowser();
    ada = await newPage();
    await logIn(ada);
  });

  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  it("makes a campaign with two variants and a coupon", async () => {
    await open(ada, "campaigns", byTestId("campaign-row"));
    await ada.click(byTestId("campaign-new"));
    await ada.click(byTestId("campaign-save")); // without a name
    expect(await ada.locator(`${field("name")}:invalid`).count()).toBe(1);
    await ada.fill(field("name"), "Second thoughts");
    await ada.selectOption(field("trigger"), "cart_abandoned");
    await ada.click(byTestId("condition-add-conditions"));
    await ada.fill(byTestId("condition-value-conditions-0"), "50");
    await ada.fill(field("steps.0.delayMinutes"), "2");
    await ada.getByLabel("After the trigger: unit").selectOption("hours");
    await ada.click(byTestId("variant-add-steps.0.variants"));
    await ada.fill(field("steps.0.variants.1.weight"), "3");
    await ada.check(byTestId("coupon-steps.0.coupon"));
    await ada.selectOption(field("steps.0.coupon.kind"), "pool");
    await ada.locator(field("steps.0.coupon.poolId")).getByText("No pool yet").waitFor({ state: "attached" });
    await ada.selectOption(field("steps.0.coupon.kind"), "percent");
    await ada.fill(field("steps.0.coupon.amount"), "15");
    await ada.click(byTestId("step-add"));
    await ada.check(channel(1, "all"));
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.click(byTestId("campaign-save"));
    await ada.getByText("version 1", { exact: true }).waitFor();
    made = /campaigns\/([^/]+)$/.exec(ada.url())?.[1] ?? "";
    expect(await stored(made)).toMatchObject({
      name: "Second thoughts",
      enabled: false,
      trigger: "cart_abandoned",
      conditions: { "total.amount": { $gt: 50 } },
      holdout: 0.1,
      steps: [
        {
          id: "reminder",
          delayMinutes: 120,
          channel: "email",
          variants: [
            { id: "a", templateId: "default", weight: 1 },
            { id: "b", templateId: "default", weight: 3 },
          ],
          coupon: { kind: "percent", amount: 15, expiresHours: 72, budget: 500 },
        },
        { id: "step-2", delayMinutes: 1440, channel: "all", fallbackMinutes: 240 },
      ],
    });
  });

  it("shows the message as a real cart gets it", async () => {
    await experiments;
    await merchant.accept([
      add("lamp-cart", "lamp", "129.00", 1, { name: "Brass lamp" }),
      identify("lamp-cart", "grace@shopper.example", "Grace Hopper"),
    ]);
    await until("the cart is listed", async () => (await merchant.carts())[0]?.id === "lamp-cart");
    await ada.reload();
    await ada.selectOption(byTestId("field-preview-cart"), "lamp-cart");
    const mail = ada.frameLocator(byTestId("mail-frame"));
    await mail.getByText("Brass lamp").first().waitFor();
    await ada.getByText("Oblong", { exact: false }).first().waitFor();
    await ada.check(channel(0, "sms"));
    await ada.waitForSelector(byTestId("look-sms"));
    expect(await ada.textContent(byTestId("look-sms"))).toMatch(/sent and paid as \d/);
    await ada.check(channel(0, "onsite"));
    await ada.waitForSelector(byTestId("look-onsite"));
    await ada.check(channel(0, "email"));
    await mail.getByText("Brass lamp").first().waitFor();
    await shot(ada, "campaign-editor");
  });

  it("says what the server refuses at its field", async () => {
    await ada.fill(field("steps.1.id"), "reminder"); // the first step's
    await ada.click(byTestId("campaign-save"));
    await ada.getByText("step ids must differ").first().waitFor();
    await ada.fill(field("steps.1.id"), "last-call");
    await ada.click(byTestId("conditions-mode-conditions"));
    await ada.fill(field("conditions.json"), '{"total.amount": {"$where": "1"}}');
    await ada.click(byTestId("campaign-save"));
    await ada.locator(".field-fault").getByText("unknown operator $where").waitFor();
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.fill(field("conditions.json"), "{ nonsense");
    await ada.click(byTestId("campaign-save"));
    expect(await ada.locator(`${field("conditions.json")}:invalid`).count()).toBe(1);
    await ada.fill(field("conditions.json"), '{"total.amount": {"$gte": 60}}');
    await ada.click(byTestId("conditions-mode-conditions"));
    expect(await ada.inputValue(byTestId("condition-value-conditions-0"))).toBe("60");
    await save(ada);
    expect(await stored(made)).toMatchObject({ conditions: { "total.amount": { $gte: 60 } }, version: 2 });
  });

  it("asks before unsaved work is left behind", async () => {
    await ada.fill(field("name"), "Not yet saved");
    await ada.getByRole("link", { name: "Outbox" }).click();
    await ada.getByText("Leave without saving?").waitFor();
    expect(ada.url()).toContain(`#/campaigns/${made}`);
    await ada.click(byTestId("dialog-cancel"));
    expect(await ada.inputValue(field("name"))).toBe("Not yet saved");
    await ada.getByRole("link", { name: "Outbox" }).click();
    await ada.click(byTestId("confirm"));
    await ada.waitForSelector(byTestId("outbox"));
    expect((await stored(made)).name).toBe("Second thoughts");
  });

  it("tells of what somebody else saved meanwhile, and lets the reader choose", async () => {
    const grace = await ada.context().newPage();
    for (const page of [ada, grace]) await open(page, `campaigns/${made}`, field("name"));
    await grace.fill(field("priority"), "7");
    await save(grace);
    await ada.fill(field("name"), "Second thoughts, again");
    await ada.click(byTestId("campaign-save"));
    await ada.waitForSelector(byTestId("conflict"));
    expect(await ada.textContent(byTestId("conflict"))).toContain("priority 0 → 7");
    expect(await violationsInBoth(ada)).toEqual([]);
    await shot(ada, "campaign-conflict");
    await ada.click(byTestId("take-theirs"));
    expect(await ada.inputValue(field("priority"))).toBe("7");
    expect(await ada.inputValue(field("name"))).toBe("Second thoughts");

    await grace.fill(field("priority"), "8");
    await save(grace);
    await ada.fill(field("name"), "Mine");
    await ada.click(byTestId("campaign-save"));
    await ada.click(byTestId("confirm"));
    await ada.getByText("version 5", { exact: true }).waitFor();
    expect(await stored(made)).toMatchObject({ name: "Mine", priority: 7, version: 5 });
    await grace.close();
  });

  it("lists campaigns with their effect, and switches them", async () => {
    await open(ada, "campaigns", `${byTestId("effect")} >> nth=1`);
    const row = ada.locator(`${byTestId("campaign-row")}[data-campaign-id="${made}"]`);
    expect(await row.textContent()).toContain("cart total is at least 60");
    expect(await row.locator(byTestId("effect")).textContent()).toContain("Not enough yet");
    await row.locator(byTestId("campaign-switch")).click();
    await ada.locator(`${byTestId("campaign-row")}[data-campaign-id="${made}"][data-enabled="true"]`).waitFor();
    expect(await stored(made)).toMatchObject({ enabled: true, version: 6 });
    const effect = ada.locator(`[data-campaign-id="${measured.id}"] ${byTestId("effect")}`);
    await effect.getByText("incremental").waitFor();
    expect(await violationsInBoth(ada)).toEqual([]);
    await shot(ada, "campaigns");
  });

  it("shows what a campaign caused beside what attribution credits", async () => {
    await open(ada, `campaigns/${measured.id}/results`, byTestId("results"));
    expect(await ada.textContent(byTestId("incremental"))).toMatch(/^\+€\d/);
    expect(await ada.textContent(byTestId("comparison"))).toMatch(/^Attribution credits €\d/);
    expect(await ada.locator(byTestId("arm-result")).count()).toBe(2);
    expect(await ada.locator(byTestId("variant-result")).count()).toBe(2);
    expect(await violationsInBoth(ada)).toEqual([]);
    await shot(ada, "campaign-results");
  });

  it("replays recorded carts through what was changed, and sends nothing", async () => {
    const before = (await merchant.deliveries()).length;
    await open(ada, `campaigns/${made}`, field("name"));
    await ada.fill(field("steps.0.delayMinutes"), "0");
    await ada.getByRole("link", { name: "Simulate" }).click();
    await ada.getByText("with the changes you have not saved yet").waitFor();
    await ada.selectOption(byTestId("field-simulate-limit"), "20");
    await ada.click(byTestId("simulate"));
    const lamp = ada.locator(byTestId("simulated-cart")).filter({ hasText: "Grace Hopper" });
    await lamp.getByText("Really happened").waitFor();
    expect(await lamp.textContent()).toMatch(
      /Would happen.*(reminder · [ab] (would be sent|held out)).*Really happened/,
    );
    await lamp.getByText("Why", { exact: true }).click();
    expect(await lamp.locator("details li").count()).toBeGreaterThan(0);
    expect(await violationsInBoth(ada)).toEqual([]);
    await shot(ada, "campaign-simulate");
    await ada.getByRole("link", { name: "Edit" }).click();
    await ada.getByRole("button", { name: "Discard" }).click();
    expect(await ada.inputValue(field("steps.0.delayMinutes"))).toBe("2");
    expect((await merchant.deliveries()).length).toBe(before);
  });

  it("shows messages of every channel as shoppers see them", async () => {
    const sent = await until("messages of all three", async () => {
      const found = (await merchant.deliveries()).filter((d) => d.cartId === "kite-cart" && d.status === "sent");
      return found.length === 3 && found;
    });
    for (const [channel, ready, words] of [
      ["sms", byTestId("look-sms"), "Hi Wilbur"],
      ["push", byTestId("look-push"), "Stunt kite"],
      ["onsite", byTestId("delivery"), "while the shopper is on it"],
    ] as const) {
      const id = sent.find((d) => d.channel === channel)?.id;
      await open(ada, `outbox/${id}`, `${ready}:has-text("${words}")`);
      expect(await violationsInBoth(ada)).toEqual([]);
      await shot(ada, `outbox-${channel}`);
    }
    await open(ada, "carts/kite-cart", byTestId("timeline-entry"));
    expect(await ada.textContent(".cart-side")).toMatch(/On-site offer · Offer.*SMS · Text.*Push · Ping/);
    await shot(ada, "cart-channels");
  });

  it("says so when the order signal is lost, and what to do", async () => {
    const page = await ada.context().newPage();
    // As the store's watch would tell it; that it does is its own test. The date keeps later news from undoing it.
    await page.route("**/v1/analytics/realtime", async (route) => {
      const answer = await route.fetch();
      const lost = { ...(await answer.json()), orderSignal: "signal_loss", at: "2100-01-01T00:00:00.000Z" };
      await route.fulfill({ response: answer, json: lost });
    });
    for (const hash of ["campaigns", "outbox", ""]) await open(page, hash, byTestId("signal-notice"));
    expect(await page.textContent(byTestId("signal-notice"))).toContain("Place a test order");
    expect(await violationsInBoth(page)).toEqual([]);
    await shot(page, "signal-loss");
    await page.click(byTestId("signal-override"));
    expect(await violationsInBoth(page)).toEqual([]);
    await page.click(byTestId("confirm"));
    await page.waitForSelector(byTestId("signal-notice"), { state: "detached" });
    const { overriddenUntil } = await merchant.get<{ overriddenUntil: string | null }>(
      `/v1/stores/${merchant.account.storeId}/order-signal`,
    );
    expect(overriddenUntil).not.toBeNull();
    await page.close();
  });

  it("adds a provider, tests it, and never shows its credentials", async () => {
    const { setup } = PROVIDERS[0]!;
    const server = await sendgridServer().start();
    const endpoint = server.url;
    try {
      await open(ada, "settings/providers", byTestId("provider-new"));
      await ada.click(byTestId("provider-new"));
      await ada.fill(byTestId("field-sender"), "hello@oblong.example");
      await ada.fill(byTestId("field-apiKey"), "SG.wrong-from-the-start");
      expect(await violationsInBoth(ada)).toEqual([]);
      await ada.click(byTestId("provider-add"));
      await ada.waitForSelector(byTestId("provider-row"));
      // The form does not ask for an endpoint: only tests have one.
      const { items } = await merchant.get<{ items: { id: string }[] }>("/v1/providers");
      await merchant.call("PATCH", `/v1/providers/${items[0]?.id}`, { settings: { endpoint } });
      await ada.reload();
      const test = async (outcome: string) => {
        await ada.click(byTestId("provider-test"));
        await ada.fill(byTestId("field-to"), "ada@oblong.example");
        await ada.click(byTestId("provider-test-send"));
        await ada.locator(`${byTestId("verdict")}[data-outcome="${outcome}"]`).waitFor();
      };
      await test("refused");
      expect(await violationsInBoth(ada)).toEqual([]);
      await ada.getByRole("button", { name: "Close" }).click();
      await ada.click(byTestId("provider-rotate"));
      const { apiKey } = setup(endpoint).credentials as { apiKey: string };
      await ada.fill(byTestId("field-apiKey"), apiKey);
      await ada.click(byTestId("confirm"));
      await ada.getByText(`credential …${apiKey.slice(-4)}`).waitFor();
      await test("sent");
      await ada.getByRole("button", { name: "Close" }).click();
      expect(await ada.content()).not.toContain(apiKey);
      expect(await ada.getByText("/v1/callbacks/sendgrid/").count()).toBe(1);
      await ada.click(byTestId("provider-toggle"));
      await ada.locator(`${byTestId("provider-row")}[data-enabled="false"]`).waitFor();
      const second = PROVIDERS.find(({ kind }) => kind === "resend")?.setup(endpoint);
      expect((await merchant.call("POST", "/v1/providers", second)).status).toBe(201);
      await ada.reload();
      await ada.click(byTestId("provider-earlier"));
      await ada.locator(`li:first-child${byTestId("provider-row")}[data-kind="resend"]`).waitFor();
      const { items: ordered } = await merchant.get<{ items: { kind: string; breaker: string }[] }>("/v1/providers");
      expect(ordered.map(({ kind, breaker }) => [kind, breaker])).toEqual([
        ["resend", "closed"],
        ["sendgrid", "closed"],
      ]);
      expect(await violationsInBoth(ada)).toEqual([]);
      await shot(ada, "settings-providers");
    } finally {
      await server.stop();
    }
    expect(problems).toEqual([]);
  });
});
