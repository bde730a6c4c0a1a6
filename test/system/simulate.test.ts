/** A changed campaign, replayed over what really happened: the carts' own events, the arbiter's own decisions. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SimulationView } from "../../shared/simulation.ts";
import { add, identify, Merchant, until } from "../support/merchant.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system?.stop());

const CAMPAIGN = "abandoned-cart";
const simulated = async (merchant: Merchant, body: object = {}): Promise<SimulationView> => {
  const answer = await merchant.call<SimulationView>("POST", `/v1/campaigns/${CAMPAIGN}/simulate`, body);
  expect(answer.status).toBe(200);
  return answer.body;
};

test("says what would have been sent to whom, and why not, beside what was", async () => {
  const merchant = await Merchant.register(system.url);
  await merchant.call("PATCH", `/v1/stores/${merchant.account.storeId}`, { abandonAfterMinutes: 0.02 });
  const cart = (id: string, email: string) => [add(id, "mug", "12.50"), identify(id, email)];
  await merchant.accept([...cart("c-1", "ada@example.com"), ...cart("c-2", "bob@example.com")]);
  await merchant.accept([add("c-3", "mug", "12.50")]);
  await until("both to be written to", async () => {
    const { body } = await merchant.call<{ items: { status: string }[] }>("GET", "/v1/deliveries");
    return body.items.filter((d) => d.status === "sent").length === 2;
  });
  const stored = (await merchant.call<Record<string, unknown>>("GET", `/v1/campaigns/${CAMPAIGN}`)).body;

  // As it is: the replay comes to what really happened.
  const same = await until("the third cart to be known", async () => {
    const view = await simulated(merchant);
    return view.carts === 3 && view.items.every((i) => i.messages.length === 1) && view;
  });
  expect(same.summary).toMatchObject({ sent: 2, suppressed: 0, cancelled: 0, waiting: 1, shoppers: 2 });
  for (const id of ["c-1", "c-2"]) {
    const item = same.items.find((i) => i.cartId === id)!;
    expect(item.messages).toMatchObject([{ stepId: "reminder", channel: "email", outcome: "sent" }]);
    expect(item.before).toMatchObject([{ stepId: "reminder", channel: "email", status: "sent" }]);
    expect(item.notes.map((n) => n.code)).toContain("journey_entered");
  }
  const waiting = same.items.find((i) => i.cartId === "c-3")!;
  expect(waiting.messages).toMatchObject([{ outcome: "waiting", reason: "no_address" }]);

  // With conditions that no cart meets, and with everybody held out.
  const picky = await simulated(merchant, { campaign: { ...stored, conditions: { "total.amount": { $gte: 1e6 } } } });
  expect(picky.summary).toMatchObject({ sent: 0, shoppers: 0 });
  expect(picky.items[0]?.notes.map((n) => n.code)).toContain("no_campaign");
  const step = { id: "now", channel: "email", conditions: { "shopper.email": "ada@example.com" } };
  const one = await simulated(merchant, { campaign: { ...stored, steps: [step] } });
  expect(one.summary).toMatchObject({ sent: 1, cancelled: 2, shoppers: 1 });

  // Nothing of it was real.
  const { body } = await merchant.call<{ items: unknown[] }>("GET", "/v1/deliveries");
  expect(body.items).toHaveLength(3);
});

test("counts what is sent for one cart of a shopper under the caps of the next", async () => {
  const merchant = await Merchant.register(system.url);
  const settings = { abandonAfterMinutes: 0.02, frequencyCap: { max: 1, perHours: 24 } };
  await merchant.call("PATCH", `/v1/stores/${merchant.account.storeId}`, settings);
  for (const id of ["c-1", "c-2"]) await merchant.accept([add(id, "mug", "12.50"), identify(id, "ada@example.com")]);
  const view = await until("both carts", async () => {
    const found = await simulated(merchant);
    return found.carts === 2 && found.items.every((i) => i.messages.length === 1) && found;
  });
  expect(view.summary).toMatchObject({ sent: 1, waiting: 1, shoppers: 1 });
  expect(view.items.flatMap((i) => i.messages.map((m) => m.reason))).toContain("frequency_cap");
});

test("refuses a broken draft and another store's campaign like the campaign's own routes", async () => {
  const merchant = await Merchant.register(system.url);
  const broken = { campaign: { name: "x", steps: [{ id: "s" }], conditions: { $where: "1" } } };
  expect((await merchant.call("POST", `/v1/campaigns/${CAMPAIGN}/simulate`, broken)).status).toBe(400);
  expect((await merchant.call("POST", "/v1/campaigns/cmp_none/simulate", {})).status).toBe(404);
});
