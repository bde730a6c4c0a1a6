/** Asking for push messages: in a click or by a dialog, and never again after a no. */
import { beforeEach, describe, expect, it } from "vitest";
import { optIn, type PushBrowser } from "../../workers/storefront/snippet/overlay/push.ts";
import { bytesOf } from "../../workers/storefront/snippet/overlay/subscribe.ts";
import type { PushOptions, PushVia } from "../../workers/storefront/snippet/types.ts";
import { FakeStorage, storeOver } from "./snippet-support.ts";

const ASK = { ask: true, text: "May we tell you?", yes: "Yes", no: "No" };
const SUBSCRIPTION = { endpoint: "https://push.example/1", keys: { p256dh: "p", auth: "a" } };

/** One browser: its permission, what it was asked, and what came out. */
class FakeBrowser implements PushBrowser {
  supported = true;
  state: NotificationPermission = "default";
  /** What the shopper will say: to our dialog, and to the browser's. */
  says: boolean | null = true;
  permits: NotificationPermission = "granted";
  key: string | null = "BKey";
  asked: string[] = [];
  told: unknown[] = [];
  local = new FakeStorage();
  isSupported = () => this.supported;
  permission = () => this.state;
  async request() {
    this.asked.push("browser");
    this.state = this.permits;
    return this.state;
  }
  async ask() {
    this.asked.push("dialog");
    return this.says;
  }
  async subscribe(key: string) {
    this.asked.push(`subscribe ${key}`);
    return SUBSCRIPTION;
  }
  optIn(options: PushOptions = {}) {
    const via: PushVia = {
      store: storeOver(this.local),
      publicKey: async () => this.key,
      visitorId: () => "v-1",
      record: (type, data) => void this.told.push([type, data]),
      consent: (text) => void this.told.push(["consent", text]),
    };
    return optIn(options, via, this);
  }
}

let browser: FakeBrowser;
beforeEach(() => {
  browser = new FakeBrowser();
});

describe("a yes", () => {
  it("subscribes with the store's key, and is told once with the words", async () => {
    expect(await browser.optIn(ASK)).toBe("subscribed");
    expect(browser.asked).toEqual(["dialog", "browser", "subscribe BKey"]);
    expect(browser.told).toEqual([
      ["push_subscribed", { subscription: SUBSCRIPTION }],
      ["consent", "May we tell you?"],
    ]);
    expect(await browser.optIn(ASK)).toBe("subscribed");
    expect(browser.told).toHaveLength(2);
    expect(browser.asked.filter((what) => what !== "subscribe BKey")).toEqual(["dialog", "browser"]);
  });

  it("that a click gave to the browser needs no dialog", async () => {
    browser.state = "granted"; // the snippet asked in the click
    expect(await browser.optIn()).toBe("subscribed");
    expect(browser.asked).toEqual(["subscribe BKey"]);
  });
});

describe("a no", () => {
  it("to the dialog is remembered, and the browser never asked", async () => {
    browser.says = false;
    expect(await browser.optIn(ASK)).toBe("dismissed");
    expect(await browser.optIn(ASK)).toBe("denied");
    expect(browser.asked).toEqual(["dialog"]);
    browser.state = "granted";
    expect(await browser.optIn()).toBe("subscribed");
  });

  it("to the browser is remembered, even when the browser forgets it", async () => {
    browser.permits = "denied";
    expect(await browser.optIn(ASK)).toBe("denied");
    expect(await browser.optIn(ASK)).toBe("denied");
    browser.state = "default";
    expect(await browser.optIn(ASK)).toBe("denied");
    expect(browser.asked).toEqual(["dialog", "browser"]);
    expect(browser.told).toEqual([]);
  });

  it("is not what happens while something else is on the screen", async () => {
    browser.says = null;
    expect(await browser.optIn(ASK)).toBe("dismissed");
    browser.says = true;
    expect(await browser.optIn(ASK)).toBe("subscribed");
  });
});

it("nobody is asked for what the store or the browser cannot do", async () => {
  browser.key = null;
  expect(await browser.optIn(ASK)).toBe("unavailable");
  browser.supported = false;
  expect(await browser.optIn(ASK)).toBe("unsupported");
  expect([browser.asked, browser.told]).toEqual([[], []]);
});

it("a VAPID key is read as base64url", () => {
  expect([...bytesOf("-_8A")]).toEqual([251, 255, 0]);
});
