/** A real Chromium whose binary comes with npm: no browser has to be installed. */
import sparticuz from "@sparticuz/chromium";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await sparticuz.executablePath(),
    // In a single process, closing one context takes the whole browser down.
    args: [...sparticuz.args.filter((flag) => flag !== "--single-process"), "--disable-background-networking"],
    headless: true,
  });
}

export const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } } as const;

/** What a page is waited for on the slowest machine; on others it is there at once. */
const WAIT_MS = 100_000;

/** A context whose pages report what went wrong in them. */
export async function newContext(browser: Browser, problems: string[]): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: SIZES.desktop, colorScheme: "light", reducedMotion: "reduce" });
  context.setDefaultTimeout(WAIT_MS);
  context.on("page", (page) => watch(page, problems));
  return context;
}

function watch(page: Page, problems: string[]): void {
  page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.message}`));
  page.on("console", (message) => {
    // A 4xx answer is logged by the browser itself; the pages show it, so it is no problem of theirs.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      problems.push(`${page.url()}: ${message.text()}`);
  });
}

/** The page at phone and desktop width, light and dark: `<folder>/<name>-<size>-<scheme>.png`. */
export async function shoot(page: Page, folder: string, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await page.waitForTimeout(250);
      await page.screenshot({ path: `${folder}/${name}-${size}-${colorScheme}.png` });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(SIZES.desktop);
}
