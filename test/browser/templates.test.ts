/** Templates and coupon pools as a merchant works with them in the dashboard, in a real Chromium. */
import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, newContext } from "../support/browser.ts";
import { byTestId, giveLogin, isIn, violationsInBoth } from "../support/dashboard.ts";
import { add, http, identify, Merchant, until } from "../support/merchant.ts";
import { type System, startSystem } from "../support/system.ts";

interface Stored {
  id: string;
  version: number;
  name: string;
  text: string;
  translations: Record<string, { text: string }>;
}

const field = (path: string): string => byTestId(`field-${path}`);
const fault = byTestId("template-fault");

describe("templates and coupons in the dashboard", () => {
  let system: System;
  let browser: Browser;
  let merchant: Merchant;
  let page: Page;
  let made = "";
  const problems: string[] = [];

  const open = async (hash: string, ready: string): Promise<void> => {
    await page.goto(`${system.url}/app/#/${hash}`);
    await page.locator(ready).first().waitFor();
  };
  const stored = () => merchant.get<Stored>(`/v1/templates/${made}`);
  const saved = (version: number) => page.getByText(`version ${version}`).waitFor();
  const mail = () => page.frameLocator(byTestId("mail-frame"));

  beforeAll(async () => {
    system = await startSystem();
    merchant = await Merchant.register(system.url, { name: "Oblong", url: "https://oblong.example/" });
    await merchant.accept([
      add("lamp-cart", "lamp", "129.00", 1, { name: "Brass lamp" }),
      identify("lamp-cart", "grace@shopper.example", "Grace Hopper"),
    ]);
    await until("the cart is listed", async () => (await merchant.carts())[0]?.id === "lamp-cart");
    browser = await launchBrowser();
    page = await (await newContext(browser, problems)).newPage();
    page.setDefaultTimeout(15_000);
    await open("", byTestId("login-email"));
    await giveLogin(page, merchant.account.email, merchant.account.password);
    await isIn(page);
  });

  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  it("begins with one of the gallery, and shows it with a real cart before it is stored", async () => {
    await open("campaigns", byTestId("campaign-row"));
    await page.getByRole("link", { name: "Templates", exact: true }).click();
    await page.click(byTestId("gallery-last-call"));
    await mail().getByText("Brass lamp").first().waitFor();
    expect(await page.textContent(".preview-subject")).toContain("Grace, last call");
    const { items } = await merchant.get<{ items: Stored[] }>("/v1/templates");
    expect(items.filter(({ version }) => version > 0)).toEqual([]);
    await page.fill(field("name"), "Second mail");
    await page.click(byTestId("template-save"));
    await saved(1);
    made = /templates\/([^/]+)$/.exec(page.url())?.[1] ?? "";
    expect(await stored()).toMatchObject({ name: "Second mail", version: 1 });
    expect(Object.keys((await stored()).translations)).toEqual(["de"]);
  });

  it("says what is wrong at its line and column, leads there, and does not make the page jump", async () => {
    await mail().getByText("Brass lamp").first().waitFor();
    await page.evaluate(() => {
      const shifts: string[] = [];
      Object.assign(globalThis, { shifts });
      // Also what moves right after a key was pressed, which the measure itself forgives.
      const observer = new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as (PerformanceEntry & { sources: { node: Element | null }[] })[])
          shifts.push(
            ...entry.sources.map(({ node }) =>
              (node?.outerHTML ?? node?.parentElement?.outerHTML ?? "gone").slice(0, 100),
            ),
          );
      });
      observer.observe({ type: "layout-shift" });
    });
    await page.fill(field("text"), "Hello\n  {{ cart.totl }}");
    await page.locator(fault).getByText("unknown variable cart.totl").waitFor();
    expect(await page.textContent(byTestId("preview-state"))).toBe("1 problem: this is how it was before");
    expect(await page.getAttribute(field("text"), "aria-invalid")).toBe("true");
    await page.getByRole("button", { name: "Line 2, column 6" }).focus();
    await page.keyboard.press("Enter");
    const place = await page.evaluate(() => {
      const { selectionStart, value } = document.activeElement as HTMLTextAreaElement;
      return value.slice(selectionStart ?? 0);
    });
    expect(place).toBe("cart.totl }}");
    expect(await page.evaluate(() => (globalThis as unknown as { shifts: string[] }).shifts)).toEqual([]);
    expect(await violationsInBoth(page)).toEqual([]);
  });

  it("has the variables beside it, puts one where the reader is, and undoes it", async () => {
    await page.fill(field("text"), "Total: ");
    await page.check('[name="template-side"][value="variables"]');
    expect(await violationsInBoth(page, ".editor-side")).toEqual([]);
    await page.click(byTestId("variable-cart.total"));
    expect(await page.inputValue(field("text"))).toBe("Total: {{ cart.total | money }}");
    await page.keyboard.press("Control+z");
    expect(await page.inputValue(field("text"))).toBe("Total: ");
    await page.keyboard.press("Control+Shift+z");
    await page.check('[name="template-side"][value="preview"]');
    await page.locator(byTestId("preview-state")).getByText("As it is written now, in en").waitFor();
  });

  it("is written in other languages, each seen as its readers see it", async () => {
    await page.fill(field("new-locale"), "fr");
    await page.press(field("new-locale"), "Enter");
    await page.fill(field("translations.fr.subject"), "{{ shopper.firstName }}, votre panier");
    await page.locator(".preview-subject").getByText("Grace, votre panier").waitFor();
    await page.locator(byTestId("preview-state")).getByText("in fr").waitFor();
    await page.check('[name="template-locale"][value="de"]');
    await page.click(byTestId("locale-remove"));
    await page.click(byTestId("template-save"));
    await saved(2);
    expect(await stored()).toMatchObject({ version: 2, text: "Total: {{ cart.total | money }}" });
    expect(Object.keys((await stored()).translations)).toEqual(["fr"]);
  });

  it("is sent as a test once it is saved", async () => {
    await page.click(byTestId("template-test"));
    await page.fill(field("to"), "ada@oblong.example");
    await page.click(byTestId("confirm"));
    await page.getByText("On its way to ada@oblong.example").waitFor();
    const subject = await until("the test is sent", async () => {
      const { body } = await http<{ items: { to: string; subject: string }[] }>(`${system.url}/local/mails`);
      return body.items.find(({ to }) => to === "ada@oblong.example")?.subject;
    });
    expect(subject).toBe("[Test] Grace, last call for your cart at Oblong");
    expect((await stored()).version).toBe(2); // the dialog's form is not the editor's
    await page.fill(field("name"), "Unsaved");
    expect(await page.getAttribute(byTestId("template-test"), "aria-disabled")).toBe("true");
  });

  it("keeps what is not saved, and lets the reader choose when somebody else saved meanwhile", async () => {
    await page.getByRole("link", { name: "Outbox" }).click();
    await page.getByText("Leave without saving?").waitFor();
    await page.click(byTestId("dialog-cancel"));
    const theirs = async (name: string) => {
      const {
        id: _id,
        version: _version,
        updatedAt: _at,
        ...known
      } = (await stored()) as Stored & { updatedAt: string };
      expect((await merchant.call("PUT", `/v1/templates/${made}`, { ...known, name })).status).toBe(200);
    };
    await theirs("Theirs");
    await page.click(byTestId("template-save"));
    await page.waitForSelector(byTestId("conflict"));
    expect(await page.textContent(byTestId("conflict"))).toBe("name Second mail → Theirs");
    await page.click(byTestId("take-theirs"));
    expect(await page.inputValue(field("name"))).toBe("Theirs");
    await theirs("Theirs again");
    await page.fill(field("name"), "Mine");
    await page.click(byTestId("template-save"));
    await page.click(byTestId("confirm"));
    await saved(5);
    expect(await stored()).toMatchObject({ name: "Mine", version: 5 });
  });

  it("tells who sends it before it is deleted", async () => {
    const steps = [{ id: "mail", variants: [{ id: "a", templateId: made }] }];
    expect((await merchant.call("POST", "/v1/campaigns", { name: "Second thoughts", steps })).status).toBe(201);
    await open("templates", byTestId("template-row"));
    expect(await page.textContent(byTestId("template-row"))).toContain("sent by 1 campaign");
    expect(await violationsInBoth(page)).toEqual([]);
    await page.getByRole("link", { name: "Mine" }).click();
    await page.click(byTestId("template-delete"));
    await page.getByText("Second thoughts will send the built-in template").waitFor();
    await page.click(byTestId("confirm"));
    await page.getByText("No template of your own yet").waitFor();
    expect((await merchant.call("GET", `/v1/templates/${made}`)).status).toBe(404);
  });

  it("counts what a text message costs as it is written", async () => {
    await open("templates/new/sms", byTestId("look-sms"));
    await page.fill(field("text"), `${"x".repeat(160)}✓`);
    await page.getByText("161 characters · sent and paid as 3 messages (UCS-2)").waitFor();
    await page.fill(field("text"), "x".repeat(160));
    await page.getByText("160 characters · sent and paid as 1 message (GSM-7)").waitFor();
  });

  it("fills a pool from a file, says what was refused and why, and makes codes for the shop", async () => {
    await page.getByRole("link", { name: "Templates", exact: true }).first().click();
    await page.click(byTestId("confirm")); // what was not saved is left
    await page.getByRole("link", { name: "Coupons", exact: true }).click();
    await page.click(byTestId("pool-new"));
    await page.fill(byTestId("pool-name"), "Spring");
    await page.click(byTestId("confirm"));
    await page.click(byTestId("pool-import"));
    const csv = ["code,note", "SPRING-1,x", "spring-1", "no code", '"SPRING', "SPRING-2"].join("\r\n");
    await page.setInputFiles(byTestId("codes-file"), { name: "codes.csv", mimeType: "", buffer: Buffer.from(csv) });
    await page.click(byTestId("confirm"));
    await page.waitForSelector(byTestId("outcome"));
    expect(await page.textContent(byTestId("outcome"))).toBe(
      "2 codes added, 1 known already, 2 refusedLine 4: a code has 3 to 64 printable characters, without spacesLine 5: the quotes do not fit",
    );
    expect(await violationsInBoth(page, byTestId("dialog"))).toEqual([]);
    await page.click(byTestId("dialog-cancel"));
    await page.click(byTestId("pool-generate"));
    await page.fill(byTestId("codes-count"), "25");
    await page.fill(byTestId("codes-prefix"), "MAY-");
    await page.click(byTestId("confirm"));
    const download = page.waitForEvent("download");
    await page.click(byTestId("codes-save"));
    const file = await readFile(await (await download).path(), "utf8");
    expect(file).toMatch(/^code\r\n(MAY-[A-HJ-NP-Z2-9]{12}\r\n){25}$/);
    await page.click(byTestId("dialog-cancel"));
    await page.locator(byTestId("pool-row")).getByText("27 left of 27 codes").waitFor();
    expect(await violationsInBoth(page)).toEqual([]);
  });

  it("shows who draws from a pool, and keeps it while they do", async () => {
    const { items } = await merchant.get<{ items: { id: string; left: number }[] }>("/v1/coupon-pools");
    expect(items.map(({ left }) => left)).toEqual([27]);
    const coupon = { kind: "pool", amount: 0, poolId: items[0]?.id, expiresHours: 24, budget: 100 };
    const body = { name: "With a code", trigger: "exit_intent", steps: [{ id: "offer", channel: "onsite", coupon }] };
    const { body: campaign } = await merchant.call<Stored>("POST", "/v1/campaigns", body);
    await open(`campaigns/${campaign.id}`, field("steps.0.coupon.poolId"));
    await page.getByRole("link", { name: "Pools and their codes" }).click();
    const row = page.locator(byTestId("pool-row"));
    await row.getByText("Its steps may give 73 codes more than there are.").waitFor();
    expect(await page.textContent(byTestId("giving-row"))).toContain("0 of 100");
    await page.click(byTestId("pool-delete"));
    await page.click(byTestId("confirm"));
    await page.getByText("An enabled campaign draws from this pool").waitFor();
    await merchant.call("DELETE", `/v1/campaigns/${campaign.id}`);
    await page.click(byTestId("confirm"));
    await page.getByText("No pool yet").waitFor();
    expect(problems).toEqual([]);
  });
});
