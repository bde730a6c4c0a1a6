/** Makes the demo store's journeys fast enough to watch: minutes instead of hours. A store without one gets one. */
import type { Merchant } from "./api.ts";

interface Step {
  id: string;
  delayMinutes: number;
  channel: string;
  [other: string]: unknown;
}

interface Campaign {
  id: string;
  name: string;
  enabled: boolean;
  trigger: string;
  steps: Step[];
}

const FIRST_DELAY_MINUTES = 0.1;
const NEXT_DELAY_MINUTES = 1.5;

/** Shortens the delays of every enabled journey for abandoned carts; steps that are fast already stay as they are. */
export async function quickenJourneys(merchant: Merchant): Promise<void> {
  const { items } = await merchant.call<{ items: Campaign[] }>("/v1/campaigns");
  const journeys = items.filter(({ enabled, trigger }) => enabled && trigger === "cart_abandoned");
  if (journeys.length === 0) return makeJourney(merchant);
  for (const { id, steps } of journeys) {
    const quick = steps.map((step, i) => ({ ...step, delayMinutes: Math.min(step.delayMinutes, delayOf(i)) }));
    const changed = quick.some((step, i) => step.delayMinutes !== steps[i]!.delayMinutes);
    if (changed) await merchant.call(`/v1/campaigns/${id}`, { method: "PATCH", body: { steps: quick } });
  }
}

const delayOf = (index: number): number => (index === 0 ? FIRST_DELAY_MINUTES : NEXT_DELAY_MINUTES);

async function makeJourney(merchant: Merchant): Promise<void> {
  const template = await merchant.call<{ id: string }>("/v1/templates", {
    body: {
      name: "Your cart is waiting",
      channel: "email",
      locale: "en",
      subject: "Your cart at {{ store.name }} is waiting",
      html: '<p>You left something behind.</p><p><a href="{{ recoveryUrl }}">Back to your cart</a></p><p><a href="{{ unsubscribeUrl }}">Unsubscribe</a></p>',
      text: "You left something behind: {{ recoveryUrl }}\n\nUnsubscribe: {{ unsubscribeUrl }}",
    },
  });
  await merchant.call("/v1/campaigns", {
    body: {
      name: "Demo recovery",
      enabled: true,
      trigger: "cart_abandoned",
      conditions: {},
      holdout: 0,
      goal: { attributionHours: 72 },
      steps: [
        {
          id: "reminder",
          delayMinutes: FIRST_DELAY_MINUTES,
          channel: "email",
          variants: [{ id: "a", templateId: template.id, weight: 1 }],
        },
      ],
    },
  });
}
