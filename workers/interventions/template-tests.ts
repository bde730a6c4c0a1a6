/** Test mails of templates: rendered when they are sent, from the template and the cart as they are then. */
import { cartStub, storeStub } from "../../objects/stubs.ts";
import type { AccountMailData } from "../../shared/db/account-mails.ts";
import { templateOf, templateRow } from "../../shared/db/templates.ts";
import { previewOf } from "../../shared/template-preview.ts";
import type { Env } from "../env.ts";
import type { Composed } from "./account-mails.ts";

/** `null` when the store, the template or the cart is gone meanwhile. */
export async function composeTest(
  env: Env,
  storeId: string,
  { templateId, cartId, locale }: AccountMailData["template_test"],
): Promise<Composed | null> {
  const [store, row, cart] = await Promise.all([
    storeStub(env, storeId).settings(),
    templateRow(env.DB, storeId, templateId),
    cartId === null ? null : cartStub(env, storeId, cartId).contents(),
  ]);
  if (!store.ok || !row || (cart && !cart.ok)) return null;
  const { parts } = await previewOf(templateOf(row), cart ? cart.value : null, store.value, locale);
  const from = store.value.name.replace(/["\r\n\\]/g, "");
  return { from, parts: { ...parts, subject: `[Test] ${parts.subject}` } };
}
