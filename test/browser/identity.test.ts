/** Accounts, members, keys and the audit log as people meet them in the dashboard, in a real Chromium. */
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Secret, TOTP } from "otpauth";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, newContext, shoot } from "../support/browser.ts";
import { byTestId, giveLogin, isIn, isOut, linkFor, logOut, violationsInBoth } from "../support/dashboard.ts";
import { http, Merchant } from "../support/merchant.ts";
import { type System, startSystem } from "../support/system.ts";

const SHOTS = "dist/screenshots";
const STEP_MS = 30_000;
const GRACE = {
  email: "grace@example.com",
  name: "Grace Hopper",
  password: "a compiler of words",
  next: "another of them",
};

describe("identity in the dashboard", () => {
  let system: System;
  let browser: Browser;
  let merchant: Merchant;
  let ada: Page;
  let grace: Page;
  let totp: TOTP;
  let recoveryCodes: string[] = [];
  const problems: string[] = [];

  const newPage = async (): Promise<Page> => {
    return (await newContext(browser, problems)).newPage();
  };
  const open = async (page: Page, hash: string, ready: string): Promise<void> => {
    await page.goto(`${system.url}/app/#/${hash}`);
    await page.waitForSelector(ready);
  };
  const row = (page: Page, kind: string, text: string): Locator =>
    page.locator(byTestId(`${kind}-row`)).filter({ hasText: text });

  const works = async (key: string) =>
    (await http(`${system.url}/v1/carts`, { headers: { authorization: `Bearer ${key}` } })).status;
  /** A secret key that Grace makes by the API. */
  async function keyOfGrace(): Promise<string> {
    const send = <T>(path: string, body: object, token = ""): Promise<T> =>
      http<T>(system.url + path, {
        method: "POST",
        headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
        body: JSON.stringify(body),
      }).then((answer) => answer.body);
    const login = { email: GRACE.email, password: GRACE.next };
    const { accessToken } = await send<{ accessToken: string }>("/auth/login", login);
    return (await send<{ key: string }>("/v1/api-keys", { name: "Of Grace" }, accessToken)).key;
  }

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    system = await startSystem();
    merchant = await Merchant.register(system.url, { name: "Oblong", url: "https://oblong.example/" });
    browser = await launchBrowser();
    ada = await newPage();
    grace = await newPage();
  });

  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  it("switches on a second factor with the code of the secret that it shows", async () => {
    await open(ada, "", byTestId("login-email"));
    expect(await violationsInBoth(ada)).toEqual([]);
    await giveLogin(ada, merchant.account.email, merchant.account.password);
    await isIn(ada);
    await open(ada, "settings/security", byTestId("mfa-setup"));
    await ada.fill(byTestId("mfa-password"), "not this one");
    await ada.click(byTestId("mfa-setup"));
    await ada.getByText("is wrong").first().waitFor();
    await ada.fill(byTestId("mfa-password"), merchant.account.password);
    await ada.click(byTestId("mfa-setup"));
    const picture = ada.getByAltText("QR code for the authenticator");
    await picture.waitFor();
    expect(
      await picture.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth)),
    ).toBeGreaterThan(0);
    totp = new TOTP({
      secret: Secret.fromBase32(((await ada.textContent(byTestId("secret"))) ?? "").replaceAll(" ", "")),
    });
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.fill(byTestId("field-code"), "000000");
    await ada.click(byTestId("mfa-enable"));
    await ada.getByText("is wrong, was used already").first().waitFor();
    await ada.fill(byTestId("field-code"), totp.generate());
    await ada.click(byTestId("mfa-enable"));
    await ada.waitForSelector(byTestId("recovery-codes"));
    recoveryCodes = await ada.locator(`${byTestId("recovery-codes")} code`).allTextContents();
    expect(recoveryCodes).toHaveLength(10);
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.click(byTestId("shown-done"));
    await ada.waitForSelector(byTestId("mfa-on"));
    expect(await ada.getByText(recoveryCodes[0] ?? "").count()).toBe(0);
  });

  it("asks for a code at the next login", async () => {
    await logOut(ada);
    await giveLogin(ada, merchant.account.email, merchant.account.password);
    await ada.waitForSelector(byTestId("field-code"));
    expect(await ada.getAttribute(byTestId("field-code"), "autocomplete")).toBe("one-time-code");
    expect(await violationsInBoth(ada)).toEqual([]);
    // The code of the moment was used to switch it on, and none is taken twice.
    await ada.fill(byTestId("field-code"), totp.generate({ timestamp: Date.now() + STEP_MS }));
    await ada.click(byTestId("code-submit"));
    await isIn(ada);
  });

  it("takes a recovery code instead, once", async () => {
    const other = await newPage();
    const giveRecoveryCode = async () => {
      await giveLogin(other, merchant.account.email, merchant.account.password);
      await other.click(byTestId("code-other"));
      await other.fill(byTestId("field-code"), recoveryCodes[0] ?? "");
      await other.click(byTestId("code-submit"));
    };
    await open(other, "", byTestId("login-email"));
    await giveRecoveryCode();
    await isIn(other);
    await logOut(other);
    await giveRecoveryCode();
    await other.getByText("The code is wrong").waitFor();
    expect(await violationsInBoth(other)).toEqual([]);
    await other.context().close();
  });

  it("lets somebody in by an invitation, as what they were invited as", async () => {
    await open(ada, "settings/members", byTestId("member-row"));
    await ada.fill(byTestId("field-email"), GRACE.email);
    await ada.click(byTestId("invite-submit"));
    await row(ada, "invitation", GRACE.email).waitFor();
    expect(await violationsInBoth(ada)).toEqual([]);
    await grace.goto(await linkFor(system.url, GRACE.email, "invitation"));
    await grace.fill(byTestId("field-name"), GRACE.name);
    await grace.fill(byTestId("field-password"), GRACE.password);
    expect(await violationsInBoth(grace)).toEqual([]);
    await grace.click(byTestId("accept-submit"));
    await isIn(grace);
    await open(grace, "settings/members", "text=Not part of your role");
    expect(await grace.getByRole("link", { name: "API keys" }).count()).toBe(0);
    expect(await violationsInBoth(grace)).toEqual([]);
  });

  it("changes the role of a member", async () => {
    await ada.reload();
    await row(ada, "member", GRACE.email).locator(byTestId("member-change")).click();
    await ada.selectOption(`${byTestId("dialog")} select`, "admin");
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.click(byTestId("confirm"));
    await row(ada, "member", GRACE.email).locator(byTestId("member-role")).filter({ hasText: "Admin" }).waitFor();
    await shoot(ada, SHOTS, "settings-members");
    await grace.reload();
    await row(grace, "member", merchant.account.email).waitFor();
    expect(await row(grace, "member", merchant.account.email).getByRole("button").count()).toBe(0);
  });

  it("brings back who forgot the password, by a link in a mail", async () => {
    await logOut(grace);
    await grace.getByRole("link", { name: "Forgot your password?" }).click();
    await grace.fill(byTestId("field-email"), "nobody@example.com");
    expect(await violationsInBoth(grace)).toEqual([]);
    await grace.click(byTestId("forgot-submit"));
    const neutral = (await grace.getByText("has an account here").textContent()) ?? "";
    await grace.getByRole("button", { name: "Try another address" }).click();
    await grace.fill(byTestId("field-email"), GRACE.email);
    await grace.click(byTestId("forgot-submit"));
    const told = (await grace.getByText("has an account here").textContent()) ?? "";
    expect(told.replace(GRACE.email, "")).toBe(neutral.replace("nobody@example.com", ""));
    expect(await violationsInBoth(grace)).toEqual([]);
    await grace.goto(await linkFor(system.url, GRACE.email, "reset"));
    await grace.fill(byTestId("field-password"), GRACE.next);
    expect(await violationsInBoth(grace)).toEqual([]);
    await grace.click(byTestId("reset-submit"));
    await grace.getByText("Log in with the new one").waitFor();
    await giveLogin(grace, GRACE.email, GRACE.next);
    await isIn(grace);
  });

  it("shows a new key once; it works, is rotated, and ends", async () => {
    await open(ada, "settings/keys", byTestId("key-row"));
    await ada.click(byTestId("key-new"));
    await ada.fill(byTestId("field-name"), "Nightly export");
    await ada.uncheck(byTestId("scope-carts:write"));
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.click(byTestId("key-create"));
    const first = (await ada.textContent(byTestId("secret"))) ?? "";
    expect(await works(first)).toBe(200);
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.click(byTestId("shown-done"));
    await ada.reload();
    await row(ada, "key", "Nightly export").waitFor();
    expect(await ada.getByText(first).count()).toBe(0);
    expect(await row(ada, "key", "Nightly export").textContent()).not.toContain("carts:write");

    await row(ada, "key", "Nightly export").locator(byTestId("key-rotate")).click();
    await ada.selectOption(`${byTestId("dialog")} select`, "1");
    await ada.click(byTestId("confirm"));
    const second = (await ada.textContent(byTestId("secret"))) ?? "";
    expect(second).not.toBe(first);
    expect([await works(first), await works(second)]).toEqual([200, 200]);
    await ada.click(byTestId("shown-done"));

    await row(ada, "key", "Being replaced").locator(byTestId("key-revoke")).click();
    await ada.click(byTestId("confirm"));
    await ada.locator(`${byTestId("key-row")}[data-state="Revoked"]`).waitFor();
    expect([await works(first), await works(second)]).toEqual([401, 200]);
  });

  it("removes a member, whose dashboard is closed to them", async () => {
    await open(ada, "settings/members", byTestId("member-row"));
    const key = await keyOfGrace();
    await row(ada, "member", GRACE.email).locator(byTestId("member-remove")).click();
    await ada.getByText("1 secret key they made stops working at once: Of Grace.").waitFor();
    await ada.click(byTestId("confirm"));
    await expect.poll(() => works(key)).toBe(401);
    await expect.poll(() => row(ada, "member", GRACE.email).count()).toBe(0);
    await grace.reload();
    await isOut(grace);
    await giveLogin(grace, GRACE.email, GRACE.next);
    await grace.getByText("belongs to no store").waitFor();
  });

  it("opens another store, and goes there and back", async () => {
    await open(ada, "settings/stores", byTestId("store-row"));
    await ada.fill(byTestId("field-store-name"), "Second & Sons");
    await ada.fill(byTestId("field-store-url"), "https://second.example");
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.click(byTestId("store-add"));
    expect(await ada.textContent(byTestId("secret"))).toMatch(/^cw_pk_/);
    await ada.click(byTestId("store-menu"));
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.getByTestId("menu-switch").filter({ hasText: "Second & Sons" }).click();
    await ada.locator(byTestId("store-menu")).filter({ hasText: "Second & Sons" }).waitFor();
    await row(ada, "store", "Oblong").locator(byTestId("store-switch")).click();
    await ada.locator(byTestId("store-menu")).filter({ hasText: "Oblong" }).waitFor();
    await row(ada, "store", "Second & Sons").locator(byTestId("store-leave")).click();
    await ada.click(byTestId("confirm"));
    await ada.getByText("the store's last owner").waitFor();
    await ada.keyboard.press("Escape");
    await expect.poll(() => ada.locator(byTestId("dialog")).count()).toBe(0);
  });

  it("tells all of it in the audit log, in words, and as a file", async () => {
    await open(ada, "settings/audit", byTestId("audit-row"));
    const told = await ada
      .locator(byTestId("audit-row"))
      .evaluateAll((rows) => rows.map((one) => one.getAttribute("data-action")));
    for (const action of [
      ...["mfa.enabled", "login.succeeded", "login.failed", "invitation.created", "invitation.accepted"],
      ...[
        "member.role_changed",
        "password.reset",
        "api_key.created",
        "api_key.rotated",
        "api_key.revoked",
        "member.removed",
      ],
    ])
      expect(told).toContain(action);
    const change = ada.locator(`${byTestId("audit-row")}[data-action="member.role_changed"]`);
    expect(await change.textContent()).toContain("Owner made");
    await change.locator("summary").click();
    expect(await change.locator("dl").textContent()).toBe("rolebefore: api_userafter: admin");
    expect(await violationsInBoth(ada)).toEqual([]);
    const [file] = await Promise.all([ada.waitForEvent("download"), ada.click(byTestId("audit-csv"))]);
    expect(await readFile(await file.path(), "utf8")).toContain("api_key.rotated");
    await ada.selectOption(byTestId("filter-action"), "api_key.rotated");
    await expect.poll(() => ada.locator(byTestId("audit-row")).count()).toBe(1);
    await ada.fill(byTestId("filter-to"), "2020-01-01");
    await ada.getByText("Nothing of the kind happened.").waitFor();
  });

  it("changes name and password", async () => {
    await open(ada, "settings/profile", byTestId("field-name"));
    await ada.fill(byTestId("field-name"), "Ada Lovelace");
    await ada.click(byTestId("profile-save"));
    await ada.getByText("Saved", { exact: false }).first().waitFor();
    await ada.fill(byTestId("field-currentPassword"), "not my password");
    await ada.fill(byTestId("field-newPassword"), "an engine of numbers");
    await ada.click(byTestId("password-save"));
    await ada.getByRole("alert").getByText("is wrong").first().waitFor();
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.fill(byTestId("field-currentPassword"), merchant.account.password);
    await ada.click(byTestId("password-save"));
    await ada.getByText("Other devices have to log in again").waitFor();
  });

  it("logs out everywhere, on other devices too", async () => {
    const other = await newPage();
    await open(other, "", byTestId("login-email"));
    await giveLogin(other, merchant.account.email, "an engine of numbers");
    await other.click(byTestId("code-other"));
    await other.fill(byTestId("field-code"), recoveryCodes[1] ?? "");
    await other.click(byTestId("code-submit"));
    await isIn(other);
    await open(ada, "settings/security", `${byTestId("session-row")} >> nth=1`);
    await shoot(ada, SHOTS, "settings-security");
    await ada.click(byTestId("logout-everywhere"));
    expect(await violationsInBoth(ada)).toEqual([]);
    await ada.click(byTestId("confirm"));
    await ada.getByText("logged out on all devices").waitFor();
    await other.reload();
    await isOut(other);
    expect(problems).toEqual([]);
  });

  it("cannot be framed by another page", async () => {
    const refusals: string[] = [];
    const page = await (await newContext(browser, refusals)).newPage();
    await page.setContent(`<iframe src="${system.url}/app/"></iframe>`);
    await expect.poll(() => refusals.join()).toMatch(/frame-ancestors|X-Frame-Options/i);
    expect(await page.frameLocator("iframe").locator("#app").count()).toBe(0);
  });
});
