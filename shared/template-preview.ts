/** A message as a merchant sees it before any shopper does: nothing is claimed, and its links only lead to the shop. */
import type { CartContents } from "./events/messages.ts";
import { sampleContext } from "./template-check.ts";
import { contextOf, inLocale, type Rendered, render, type Template, type TemplateStore } from "./templates.ts";

/**
 * `cart` null: a sample cart. `wanted`: the shopper's locale, the cart's when nothing is said. `locale` of the answer is
 * what amounts and dates are written in. Throws a `TemplateError`.
 */
export async function previewOf(
  template: Template,
  cart: CartContents | null,
  store: TemplateStore,
  wanted: string | null,
): Promise<{ parts: Rendered; locale: string }> {
  const { parts, locale } = inLocale(template, wanted ?? cart?.locale ?? null);
  const links = { recovery: store.url, unsubscribe: `${store.url.replace(/#.*$/, "")}#unsubscribe` };
  const context = cart ? contextOf(cart, store, links, locale) : sampleContext(locale, store);
  return { parts: await render(parts, context), locale };
}
