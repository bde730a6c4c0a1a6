import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { shopperStub } from "../../objects/stubs.ts";
import type { Prospect } from "../../shared/events/messages.ts";
import { DAY_MS, HOUR_MS } from "../../shared/time.ts";
import { env, setClock, T0, unique } from "./support.ts";

beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

const policy = { frequencyCap: { max: 2, perHours: 24 }, quietHours: null, timezone: "UTC" };

const asked = (deliveryId: string, over: Partial<Prospect> = {}): Prospect => ({
  effectId: "g1.cmp.s",
  deliveryId,
  campaignId: "cmp",
  holdout: 0,
  channels: ["email"],
  priority: 0,
  cartId: "cart",
  push: null,
  shopperId: "sh_1",
  email: "ada@example.com",
  phone: null,
  name: "Ada",
  visitorId: "v1",
  timezone: null,
  consent: {},
  ...over,
});

function newShopper() {
  const [storeId, id] = [unique("st"), unique("sh")];
  return { shopper: shopperStub(env, storeId, id), stub: env.SHOPPER.getByName(`${storeId}/${id}`) };
}

describe("law 6: one arbiter per shopper", () => {
  it("of many senders at once only as many as the cap allows get a permit", async () => {
    const { shopper } = newShopper();
    const permits = await Promise.all(Array.from({ length: 9 }, (_, i) => shopper.permit(asked(`dl_${i}`), policy)));
    expect(permits.filter((p) => p.granted)).toHaveLength(2);
    expect(permits.filter((p) => !p.granted && p.reason === "frequency_cap")).toHaveLength(7);
  });

  it("permit, evict, permit: a reservation outlives the memory", async () => {
    const { shopper, stub } = newShopper();
    await shopper.permit(asked("dl_1"), policy);
    await shopper.permit(asked("dl_2"), policy);
    await evictDurableObject(stub);
    expect(await shopper.permit(asked("dl_3"), policy)).toMatchObject({ granted: false });
    expect(await shopper.permit(asked("dl_1"), policy)).toEqual({ granted: true });
    expect((await shopper.profile()).sends).toHaveLength(2);
  });

  it("a release frees the place, a settled message does not", async () => {
    const { shopper } = newShopper();
    await shopper.permit(asked("dl_1"), policy);
    await shopper.permit(asked("dl_2"), policy);
    await shopper.settle("dl_1");
    await shopper.release("dl_1"); // too late: it went out
    await shopper.release("dl_2");
    await shopper.release("dl_2");
    expect(await shopper.permit(asked("dl_3"), policy)).toEqual({ granted: true });
    expect(await shopper.permit(asked("dl_4"), policy)).toMatchObject({ granted: false });
  });

  it("a message that surely was not sent frees its place, although it was settled ahead", async () => {
    const { shopper } = newShopper();
    for (const id of ["dl_1", "dl_2"]) {
      await shopper.permit(asked(id), policy);
      await shopper.settle(id);
    }
    await shopper.unsent("dl_1");
    await shopper.unsent("dl_1");
    expect(await shopper.permit(asked("dl_3"), policy)).toEqual({ granted: true });
    expect(await shopper.permit(asked("dl_4"), policy)).toMatchObject({ granted: false });
  });

  it("a reservation whose sender died frees its place after a while", async () => {
    const { shopper } = newShopper();
    await shopper.permit(asked("dl_1"), policy);
    await shopper.permit(asked("dl_2"), policy);
    setClock(T0 + HOUR_MS + 1);
    expect(await shopper.permit(asked("dl_3"), policy)).toEqual({ granted: true });
  });

  it("a reservation that is asked for again counts from then", async () => {
    const { shopper } = newShopper();
    const one = { ...policy, frequencyCap: { max: 1, perHours: 24 } };
    await shopper.permit(asked("dl_1"), one);
    setClock(T0 + 2 * HOUR_MS);
    expect(await shopper.permit(asked("dl_1"), one)).toEqual({ granted: true });
    expect(await shopper.permit(asked("dl_2"), one)).toMatchObject({ granted: false, reason: "frequency_cap" });
    await shopper.settle("dl_1");
    setClock(T0 + 25 * HOUR_MS); // the message went out 23 hours ago, not 25
    expect(await shopper.permit(asked("dl_3"), one)).toMatchObject({ granted: false, reason: "frequency_cap" });
  });

  it("a suppressed shopper is never written to again, and the first reason stays", async () => {
    const { shopper, stub } = newShopper();
    await shopper.suppress("email", "complained");
    await shopper.suppress("email", "unsubscribed");
    await evictDurableObject(stub);
    expect(await shopper.permit(asked("dl_1"), policy)).toMatchObject({ reason: "suppressed_complained" });
    await shopper.consent("email", "granted"); // their word lifts only their own unsubscribing
    expect(await shopper.permit(asked("dl_1"), policy)).toMatchObject({ reason: "suppressed_complained" });
  });

  it("who unsubscribed may come back by their own word", async () => {
    const { shopper } = newShopper();
    await shopper.suppress("email", "unsubscribed");
    expect(await shopper.permit(asked("dl_1"), policy)).toMatchObject({ granted: false });
    await shopper.consent("email", "granted");
    expect(await shopper.permit(asked("dl_1"), policy)).toEqual({ granted: true });
  });

  it("consent that a cart tells is kept for all of the shopper's carts", async () => {
    const { shopper } = newShopper();
    await shopper.permit(asked("dl_1", { consent: { email: { value: "denied", at: T0 } } }), policy);
    expect(await shopper.permit(asked("dl_2"), policy)).toMatchObject({ reason: "no_consent" });
  });
});

describe("what is kept", () => {
  it("sends as long as a cap may look back, and no longer", async () => {
    const { shopper, stub } = newShopper();
    await shopper.permit(asked("dl_1"), policy);
    await shopper.settle("dl_1");
    setClock(T0 + DAY_MS);
    await runDurableObjectAlarm(stub);
    expect((await shopper.profile()).sends).toHaveLength(1);
    setClock(T0 + 400 * DAY_MS);
    await runDurableObjectAlarm(stub);
    expect((await shopper.profile()).sends).toEqual([]);
    expect(await runInDurableObject(stub, (_, { storage }) => storage.getAlarm())).toBeNull();
  });

  it("law 9: the same shopper in two stores is two", async () => {
    const [id, one, two] = [unique("sh"), unique("st"), unique("st")];
    await shopperStub(env, one, id).suppress("email", "unsubscribed");
    expect(await shopperStub(env, two, id).permit(asked("dl_1"), policy)).toEqual({ granted: true });
  });
});
