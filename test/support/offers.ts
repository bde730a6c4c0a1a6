/** An offer on a page, as a browser test meets it. */
import type { Locator, Page } from "playwright-core";
import { SIZES } from "./browser.ts";
import type { Merchant } from "./merchant.ts";

/** A campaign that makes an offer on the page, named by its trigger. */
export const createOffer = (
  store: Merchant,
  trigger: string,
  { templateId = "default", ...more }: { templateId?: string; coupon?: object } = {},
) =>
  store.call("POST", "/v1/campaigns", {
    name: trigger,
    trigger,
    steps: [{ id: "offer", channel: "onsite", variants: [{ id: "a", templateId, weight: 1 }], ...more }],
  });

export async function countShifts(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const seen = window as unknown as { shifts: number };
    seen.shifts = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.shifts += (entry as unknown as { value: number }).value;
    }).observe({ type: "layout-shift", buffered: true });
  });
}

/** How far the layout moved since the page began; counted by `countShifts`. */
export const shifts = (page: Page): Promise<number> =>
  page.evaluate(() => (window as unknown as { shifts: number }).shifts);
export const dialog = (page: Page): Locator =>
  page.getByRole("dialog", { name: /.+/ }).and(page.locator("cartwake-offer dialog"));
/** What has the focus, within shadow roots too. */
export const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    return at?.getAttribute("aria-label") ?? (at?.matches("button,a") ? (at.textContent ?? "") : (at?.localName ?? ""));
  });

/** The pointer goes up and out, once the page has been there for a moment. */
export async function leave(page: Page): Promise<void> {
  await page.waitForTimeout(1_200);
  await page.mouse.move(600, 300);
  await page.mouse.move(600, 40);
  await page.mouse.move(600, -5);
}

/** What the page told about offers, as the endpoint heard it. */
export function heard(page: Page): string[] {
  const told: string[] = [];
  page.on("request", (request) => {
    if (!request.url().includes("/v1/events")) return;
    for (const { type } of JSON.parse(request.postData() ?? "{}").events ?? []) told.push(type);
  });
  return told;
}

export async function shootOffer(page: Page, folder: string, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await page.waitForTimeout(200);
      await page.screenshot({ path: `${folder}/${name}-${size}-${colorScheme}.png` });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(SIZES.desktop);
}
