/** What the demo store says to its shoppers. The words are the built-in ones of each channel and trigger. */
import type { Merchant } from "../api.ts";

const COUPON = { kind: "percent", amount: 10, expiresHours: 24, budget: 5_000 };

const onsite = (more: object = {}) => ({ steps: [{ id: "offer", channel: "onsite", ...more }] });

/** The codes are for carts that are worth them; the others get a word. `{gallery}`: a template to be taken over. */
const CAMPAIGNS = [
  { name: "Before they go", trigger: "exit_intent", holdout: 0.2, ...onsite() },
  {
    ...{ name: "Before they go, with a code", trigger: "exit_intent", priority: 10 },
    conditions: { "total.amount": { $gte: 60 } },
    ...onsite({ coupon: COUPON, variants: [{ id: "a", templateId: "{onsite-exit-coupon}" }] }),
  },
  { name: "At the checkout", trigger: "checkout_hesitation", ...onsite() },
  { name: "Payment failed", trigger: "payment_failed", ...onsite() },
  { name: "Price drop", trigger: "price_drop", ...onsite() },
  { name: "Back in stock", trigger: "back_in_stock", ...onsite() },
  {
    ...{ name: "A mail, then a text", trigger: "cart_abandoned", priority: 10 },
    conditions: { "shopper.phone": { $ne: null } },
    exit: { "journey.clicked": true },
    steps: [
      // In a shop these are hours; here somebody watches.
      { id: "reminder", channel: "all", fallbackMinutes: 0.4 },
      {
        ...{ id: "last-call", delayMinutes: 1.5, coupon: COUPON },
        variants: [{ id: "a", templateId: "{last-call}" }],
      },
    ],
  },
];

/** Every fourth shopper is not written to, so that the effect of this campaign can be measured. */
const MEASURED = {
  holdout: 0.25,
  allocation: "thompson",
  steps: [
    {
      id: "reminder",
      variants: [
        { id: "plain", templateId: "default" },
        { id: "welcome", templateId: "{welcome-back}" },
      ],
    },
  ],
};

interface Made {
  id: string;
  name: string;
}

export async function makeCampaigns(merchant: Merchant): Promise<void> {
  const templates = new Map<string, string>();
  /** The campaign with the ids of its own templates in the place of `{gallery}`. */
  async function withTemplates(campaign: object): Promise<object> {
    const text = JSON.stringify(campaign);
    for (const [, from = ""] of text.matchAll(/"\{([\w-]+)\}"/g)) {
      if (templates.has(from)) continue;
      const { id } = await merchant.call<Made>("/v1/templates", { method: "POST", body: { from } });
      templates.set(from, id);
    }
    return JSON.parse(text.replace(/"\{([\w-]+)\}"/g, (_, from) => `"${templates.get(from)}"`));
  }
  for (const campaign of CAMPAIGNS)
    await merchant.call("/v1/campaigns", { method: "POST", body: await withTemplates(campaign) });
  const { items } = await merchant.call<{ items: Made[] }>("/v1/campaigns");
  const first = items.find(({ name }) => name === "Abandoned cart");
  if (first) await merchant.call(`/v1/campaigns/${first.id}`, { method: "PATCH", body: await withTemplates(MEASURED) });
}
