/**
 * Liquid templates of messages: autoescaped, bounded in steps and size, with the context documented below. Used by the
 * sender and by the merchant's preview.
 */
import type { ClaimedCart } from "./events/messages.ts";
import { Budget, boundedEngine, renderPart } from "./liquid.ts";
import { toMoney } from "./money.ts";
import { firstNameOf, withoutAddresses, withoutLinks } from "./names.ts";

export interface Template {
  id: string;
  subject: string;
  html: string;
  text: string;
}

export interface Rendered {
  subject: string;
  html: string;
  text: string;
}

/** What a template may use. */
export interface TemplateContext {
  cart: {
    items: {
      name: string;
      quantity: number;
      price: string;
      total: string;
      currency: string;
      url: string | null;
      image_url: string | null;
    }[];
    count: number;
    total: string;
    currency: string;
  };
  shopper: { email: string; name: string; firstName: string };
  store: { name: string; url: string };
  recovery_url: string;
  unsubscribe_url: string;
}

const MAX_OUTPUT = 500_000;

const html = boundedEngine({ outputEscape: "escape" });
const plain = boundedEngine({});

/**
 * `context`: a `TemplateContext` for what a store wrote. Throws with the engine's own message when the template is
 * broken or exceeds its limits.
 */
export async function render(template: Template, context: object): Promise<Rendered> {
  const budget = new Budget();
  const subject = await renderPart(plain, template.subject, { ...context }, budget);
  const body = await renderPart(html, template.html, { ...context }, budget);
  const text = await renderPart(plain, template.text, { ...context }, budget);
  if (subject.length + body.length + text.length > MAX_OUTPUT) throw new Error("the rendered message is too large");
  // A line break in a subject would be a new header.
  return { subject: subject.replace(/\s+/g, " ").trim().slice(0, 250), html: body, text };
}

export function contextOf(
  cart: Pick<ClaimedCart, "items" | "totalMinor" | "currency" | "email" | "name">,
  store: { name: string; url: string },
  links: { recovery: string; unsubscribe: string },
): TemplateContext {
  const money = (minor: number) => toMoney(minor, cart.currency).amount;
  const name = withoutAddresses(cart.name ?? "");
  return {
    cart: {
      items: cart.items.map((item) => ({
        name: withoutLinks(item.name ?? item.productId),
        quantity: item.quantity,
        price: money(item.priceMinor),
        total: money(item.priceMinor * item.quantity),
        currency: cart.currency,
        url: item.url,
        image_url: item.imageUrl,
      })),
      count: cart.items.reduce((sum, item) => sum + item.quantity, 0),
      total: money(cart.totalMinor),
      currency: cart.currency,
    },
    shopper: { email: cart.email, name, firstName: firstNameOf(name) },
    store,
    recovery_url: links.recovery,
    unsubscribe_url: links.unsubscribe,
  };
}

/** The reminder every store begins with: plain, responsive, readable with images off and in dark mode. */
export const DEFAULT_TEMPLATE: Template = {
  id: "default",
  subject:
    "{% if shopper.firstName != '' %}{{ shopper.firstName }}, your{% else %}Your{% endif %} cart at {{ store.name }} is waiting",
  text: `Hello{% if shopper.firstName != '' %} {{ shopper.firstName }}{% endif %},

you left something at {{ store.name }}:
{% for item in cart.items %}
- {{ item.quantity }} x {{ item.name }}  {{ item.total }} {{ item.currency }}{% endfor %}

Total: {{ cart.total }} {{ cart.currency }}

Your cart is as you left it:
{{ recovery_url }}

No more reminders? {{ unsubscribe_url }}
`,
  html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>Your cart at {{ store.name }}</title>
<style>
@media (prefers-color-scheme: dark) { .page { background: #16181d !important; } .card { background: #20242b !important; color: #eceef2 !important; } .soft { color: #a9b0bd !important; } .line { border-color: #343a44 !important; } }
</style></head>
<body style="margin:0">
<div class="page" style="background:#f3f1ec;padding:32px 12px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<div class="card" style="max-width:560px;margin:0 auto;background:#ffffff;color:#22262e;border-radius:14px;padding:32px">
<p class="soft" style="margin:0 0 20px;color:#5f6775;font-size:14px">{{ store.name }}</p>
<h1 style="margin:0 0 12px;font-size:24px;line-height:1.25">{% if shopper.firstName != '' %}{{ shopper.firstName }}, you{% else %}You{% endif %} left something behind</h1>
<p style="margin:0 0 20px;font-size:16px;line-height:1.5">We kept your cart exactly as you left it.</p>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse;font-size:15px">
{% for item in cart.items %}<tr>
<td class="line" style="padding:12px 0;border-top:1px solid #e5e2da">{{ item.quantity }} × {{ item.name }}</td>
<td class="line" style="padding:12px 0;border-top:1px solid #e5e2da;text-align:right;white-space:nowrap">{{ item.total }} {{ item.currency }}</td>
</tr>{% endfor %}
<tr><td class="line" style="padding:14px 0;border-top:2px solid #cfcabf;font-weight:600">Total</td>
<td class="line" style="padding:14px 0;border-top:2px solid #cfcabf;text-align:right;font-weight:600;white-space:nowrap">{{ cart.total }} {{ cart.currency }}</td></tr>
</table>
<p style="margin:24px 0 0"><a href="{{ recovery_url }}" style="display:inline-block;background:#1d5c4a;color:#ffffff;text-decoration:none;font-weight:600;font-size:16px;padding:14px 26px;border-radius:10px">Back to your cart</a></p>
<p class="soft" style="margin:28px 0 0;color:#5f6775;font-size:13px;line-height:1.5">You get this because you left a cart at {{ store.name }}. <a href="{{ unsubscribe_url }}" class="soft" style="color:#5f6775">Unsubscribe</a></p>
</div></div></body></html>`,
};
