/** The dashboard as its users drive it: logging in, going somewhere, reading the mails of the local server. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { http, until } from "./merchant.ts";

const AXE = readFileSync(join(createRequire(import.meta.url).resolve("axe-core"), "../axe.min.js"), "utf8");

export const byTestId = (id: string): string => `[data-testid="${id}"]`;

/** Accessibility violations, by axe, of the page or of what is within a selector. Run through the protocol, so the page's own policy holds. */
export async function violations(page: Page, rules?: string[], within?: string): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(
    async ([runOnly, root]) => {
      interface Found {
        violations: { id: string; nodes: { html: string }[] }[];
      }
      const { axe } = globalThis as unknown as {
        axe: { run(context: unknown, options: object): Promise<Found> };
      };
      const found = (await axe.run(root ?? document, runOnly ? { runOnly } : {})).violations;
      return found.map((v) => `${v.id}: ${v.nodes[0]?.html}`);
    },
    [rules, within] as const,
  );
}

/** The same, light and dark: in the dark only the colours are other ones. */
export async function violationsInBoth(page: Page, within?: string): Promise<string[]> {
  await paint(page, "dark");
  const dark = await violations(page, ["color-contrast"], within);
  await paint(page, "light");
  return [...dark.map((text) => `dark ${text}`), ...(await violations(page, undefined, within))];
}

/** The page has every colour of the scheme: one read too early would be compared with one of the other. */
async function paint(page: Page, colorScheme: "dark" | "light"): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.waitForFunction((scheme) => matchMedia(`(prefers-color-scheme: ${scheme})`).matches, colorScheme);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  // A colour that is on its way belongs to neither.
  await page.evaluate(async () => {
    const ending = document
      .getAnimations()
      .filter((a) => a.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
    await Promise.allSettled(ending.map((animation) => animation.finished));
  });
}

/** Fills the login form; what comes next is the caller's to expect. */
export async function giveLogin(page: Page, email: string, password: string): Promise<void> {
  await page.fill(byTestId("login-email"), email);
  await page.fill(byTestId("login-password"), password);
  await page.click(byTestId("login-submit"));
}

export const isIn = async (page: Page): Promise<unknown> =>
  page.waitForSelector(`${byTestId("live")}[data-state="online"]`);

export const isOut = async (page: Page): Promise<unknown> => page.waitForSelector(byTestId("login-email"));

export async function logOut(page: Page): Promise<void> {
  await page.click(byTestId("store-menu"));
  await page.click(byTestId("logout"));
  await isOut(page);
}

/** The link to the dashboard in the newest mail to an address that leads to such a page. */
export async function linkFor(url: string, to: string, page: "reset" | "invitation"): Promise<string> {
  const link = new RegExp(`https?://[^\\s"<]+/app/#/${page}/[\\w.-]+`);
  return until(`a mail to ${to}`, async () => {
    const { body } = await http<{ items: { to: string; text: string }[] }>(`${url}/local/mails`);
    const found = body.items.filter((mail) => mail.to === to).map((mail) => link.exec(mail.text)?.[0]);
    return found.find((text) => text !== undefined) ?? null;
  });
}
