/** What the demo store offers on its own pages: the words are the built-in ones of each trigger. */
import type { Merchant } from "../api.ts";

const COUPON = { kind: "percent", amount: 10, expiresHours: 24, budget: 100_000 };

/** The code is for carts that are worth it; the others get a word. */
const CAMPAIGNS = [
  { name: "Before they go", trigger: "exit_intent" },
  {
    name: "Before they go, with a code",
    trigger: "exit_intent",
    priority: 10,
    conditions: { "total.amount": { $gte: 60 } },
    from: "onsite-exit-coupon",
    coupon: COUPON,
  },
  { name: "At the checkout", trigger: "checkout_hesitation" },
  { name: "Payment failed", trigger: "payment_failed" },
  { name: "Price drop", trigger: "price_drop" },
  { name: "Back in stock", trigger: "back_in_stock" },
];

export async function offerOnSite(merchant: Merchant): Promise<void> {
  for (const { from, coupon, ...campaign } of CAMPAIGNS) {
    const made = from ? await merchant.call<{ id: string }>("/v1/templates", { method: "POST", body: { from } }) : null;
    const variants = [{ id: "a", templateId: made?.id ?? "default", weight: 1 }];
    const steps = [{ id: "offer", channel: "onsite", variants, ...(coupon ? { coupon } : {}) }];
    await merchant.call("/v1/campaigns", { method: "POST", body: { ...campaign, steps } });
  }
}
