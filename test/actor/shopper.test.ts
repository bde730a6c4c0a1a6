import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { migrate } from "../../objects/kit/migrate.ts";
import { TIMERS_TABLE } from "../../objects/kit/timers.ts";
import { shopperStub } from "../../objects/stubs.ts";
import type { Prospect } from "../../shared/events/messages.ts";
import type { ConsentRecord } from "../../shared/events/types.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { asked, permitRules } from "../support/shopper-asks.ts";
import { env, setClock, T0, unique } from "./support.ts";

beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

/** The tables as they were first. */
const FIRST = `CREATE TABLE profile (id INTEGER PRIMARY KEY CHECK (id = 1), data TEXT NOT NULL);
   CREATE TABLE sends (delivery_id TEXT PRIMARY KEY, at INTEGER NOT NULL, status TEXT NOT NULL) WITHOUT ROWID;
   ${TIMERS_TABLE}`;

const policy = permitRules();
const yes = { granted: true, channel: "email", isFirst: true };
/** To somebody who had a message before. */
const yesAgain = { granted: true, channel: "email" };
const byMerchant = (value: "granted" | "denied"): ConsentRecord => ({ value, at: Date.now(), source: "merchant" });
const ask = (deliveryId: string, over: Partial<Prospect> = {}) => asked({ deliveryId, ...over });

function newShopper() {
  const [storeId, id] = [unique("st"), unique("sh")];
  return { shopper: shopperStub(env, storeId, id), stub: env.SHOPPER.getByName(`${storeId}/${id}`) };
}

describe("law 6: one arbiter per shopper", () => {
  it("of many senders at once only as many as the cap allows get a permit", async () => {
    const { shopper } = newShopper();
    const permits = await Promise.all(Array.from({ length: 9 }, (_, i) => shopper.permit(ask(`dl_${i}`), policy)));
    expect(permits.filter((p) => p.granted)).toHaveLength(2);
    expect(permits.filter((p) => !p.granted && p.reason === "frequency_cap")).toHaveLength(7);
  });

  it("PEERS 4: whoever asks, at any time, a shopper gets no more than the cap allows, and what was held goes out later", async () => {
    const { shopper } = newShopper();
    const rules = permitRules({ frequencyCap: { max: 1, perHours: 1 } });
    const waiting = new Map(Array.from({ length: 5 }, (_, i) => [`dl_${i}`, T0]));
    const out: number[] = [];
    for (let minute = 0; waiting.size > 0 && minute < 600; minute++) {
      setClock(T0 + minute * MINUTE_MS);
      const due = [...waiting].filter(([, at]) => at <= Date.now()).map(([id]) => id);
      const answers = await Promise.all(due.map(async (id) => [id, await shopper.permit(ask(id), rules)] as const));
      for (const [id, answer] of answers) {
        if (answer.granted) {
          await shopper.settle(id, 1);
          waiting.delete(id);
          out.push(minute);
        } else waiting.set(id, answer.until!);
      }
    }
    expect(out).toHaveLength(5);
    for (const [i, minute] of out.entries()) if (i > 0) expect(minute - out[i - 1]!).toBeGreaterThanOrEqual(60);
    expect(out.at(-1)).toBeLessThanOrEqual(300);
  });

  it("permit, evict, permit: a reservation outlives the memory", async () => {
    const { shopper, stub } = newShopper();
    await shopper.permit(ask("dl_1"), policy);
    await shopper.permit(ask("dl_2"), policy);
    await evictDurableObject(stub);
    expect(await shopper.permit(ask("dl_3"), policy)).toMatchObject({ granted: false });
    expect(await shopper.permit(ask("dl_1"), policy)).toEqual(yes);
    expect((await shopper.profile()).sends).toHaveLength(2);
  });

  it("a release frees the place, a settled message does not", async () => {
    const { shopper } = newShopper();
    await shopper.permit(ask("dl_1"), policy);
    await shopper.permit(ask("dl_2"), policy);
    await shopper.settle("dl_1", 1);
    await shopper.release("dl_1"); // too late: it went out
    await shopper.release("dl_2");
    await shopper.release("dl_2");
    expect(await shopper.permit(ask("dl_3"), policy)).toEqual(yesAgain);
    expect(await shopper.permit(ask("dl_4"), policy)).toMatchObject({ granted: false });
  });

  it("a message that surely was not sent frees its place, although it was settled ahead", async () => {
    const { shopper } = newShopper();
    for (const id of ["dl_1", "dl_2"]) {
      await shopper.permit(ask(id), policy);
      await shopper.settle(id, 1);
    }
    await shopper.unsent("dl_1", 1);
    await shopper.unsent("dl_1", 1);
    expect(await shopper.permit(ask("dl_3"), policy)).toEqual(yesAgain);
    expect(await shopper.permit(ask("dl_4"), policy)).toMatchObject({ granted: false });
  });

  it("a browser that nobody has met with this shopper is asked about first: it may have a past of its own", async () => {
    const { shopper, stub } = newShopper();
    const known = { shopperId: "sh_1", visitorId: "v9" };
    const unmet = { granted: false, reason: "new_visitor", until: null };
    expect(await shopper.permit(ask("dl_1", known), policy)).toEqual(unmet);
    expect((await shopper.profile()).isKnown).toBe(false);
    expect(await shopper.permit(ask("dl_1", known), policy, true)).toEqual(yes);
    await evictDurableObject(stub);
    expect(await shopper.permit(ask("dl_2", known), policy)).toEqual(yes);
  });

  it("a reservation whose sender died frees its place after a while", async () => {
    const { shopper } = newShopper();
    await shopper.permit(ask("dl_1"), policy);
    await shopper.permit(ask("dl_2"), policy);
    setClock(T0 + HOUR_MS + 1);
    expect(await shopper.permit(ask("dl_3"), policy)).toEqual(yes);
  });

  it("a reservation that is asked for again counts from then", async () => {
    const { shopper } = newShopper();
    const one = { ...policy, frequencyCap: { max: 1, perHours: 24 } };
    await shopper.permit(ask("dl_1"), one);
    setClock(T0 + 2 * HOUR_MS);
    expect(await shopper.permit(ask("dl_1"), one)).toEqual(yes);
    expect(await shopper.permit(ask("dl_2"), one)).toMatchObject({ granted: false, reason: "frequency_cap" });
    await shopper.settle("dl_1", 1);
    setClock(T0 + 25 * HOUR_MS); // the message went out 23 hours ago, not 25
    expect(await shopper.permit(ask("dl_3"), one)).toMatchObject({ granted: false, reason: "frequency_cap" });
  });

  it("a suppressed shopper is never written to again, and the first reason stays", async () => {
    const { shopper, stub } = newShopper();
    await shopper.suppress("email", "complained");
    await shopper.suppress("email", "unsubscribed");
    await evictDurableObject(stub);
    expect(await shopper.permit(ask("dl_1"), policy)).toMatchObject({ reason: "suppressed_complained" });
    await shopper.consent("email", byMerchant("granted")); // their word lifts only their own unsubscribing
    expect(await shopper.permit(ask("dl_1"), policy)).toMatchObject({ reason: "suppressed_complained" });
  });

  it("who unsubscribed may come back by their own word", async () => {
    const { shopper } = newShopper();
    await shopper.suppress("email", "unsubscribed");
    expect(await shopper.permit(ask("dl_1"), policy)).toMatchObject({ granted: false });
    setClock(T0 + 1); // of two words at the same moment the no counts
    await shopper.consent("email", byMerchant("granted"));
    expect(await shopper.permit(ask("dl_1"), policy)).toEqual({ ...yes, consentedAt: T0 + 1 });
  });

  it("consent that a cart tells is kept for all of the shopper's carts", async () => {
    const { shopper } = newShopper();
    await shopper.permit(ask("dl_1", { consent: { email: { value: "denied", at: T0 } } }), policy);
    expect(await shopper.permit(ask("dl_2"), policy)).toMatchObject({ reason: "no_consent" });
  });
});

describe("what is kept", () => {
  it("nothing of a shopper whom somebody merely asked about", async () => {
    const { shopper, stub } = newShopper();
    expect(await shopper.profile()).toMatchObject({ isKnown: false, sends: [], consent: {} });
    await shopper.release("dl_1");
    await shopper.unsent("dl_1", 1);
    const tables = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
    );
    expect(tables).toEqual([]);
    await shopper.suppress("email", "bounced");
    expect(await shopper.profile()).toMatchObject({ isKnown: true, suppressed: { email: { reason: "bounced" } } });
  });

  it("what an earlier version kept: sends in rows of their own", async () => {
    const { shopper, stub } = newShopper();
    await runInDurableObject(stub, (_, { storage }) => migrate(storage, [FIRST]));
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec("INSERT INTO profile (id, data) VALUES (1, ?)", JSON.stringify({ email: "ada@example.com" }));
      storage.sql.exec("INSERT INTO sends VALUES ('dl_b', ?, 'sent'), ('dl_a', ?, 'reserved')", T0, T0 - HOUR_MS / 2);
    });
    await evictDurableObject(stub);
    expect(await shopper.profile()).toMatchObject({
      email: "ada@example.com",
      sends: [
        { deliveryId: "dl_a", channel: "email", at: T0 - HOUR_MS / 2, status: "reserved" },
        { deliveryId: "dl_b", channel: "email", at: T0, status: "sent" },
      ],
    });
    expect(await shopper.permit(ask("dl_c"), policy)).toMatchObject({ reason: "frequency_cap" });
  });

  it("the channel of a reservation and who waits outlive the memory", async () => {
    const { shopper, stub } = newShopper();
    const both: Partial<Prospect> = { channels: ["email", "push"], push: { kind: "fcm", token: "t" } };
    await shopper.answered("push", "dl_0");
    const rules = permitRules({ frequencyCap: { max: 1, perHours: 24 } });
    expect(await shopper.permit(ask("dl_1", both), rules)).toEqual({ ...yes, channel: "push" });
    expect(await shopper.permit(ask("dl_2", { priority: 3 }), rules)).toMatchObject({ reason: "frequency_cap" });
    await evictDurableObject(stub);
    expect(await shopper.permit(ask("dl_1", both), rules)).toEqual({ ...yes, channel: "push" });
    await shopper.release("dl_1");
    expect(await shopper.permit(ask("dl_3"), rules)).toMatchObject({ reason: "outranked" });
    expect(await shopper.permit(ask("dl_2", { priority: 3 }), rules)).toEqual(yes);
  });

  it("sends as long as a cap may look back, and no longer", async () => {
    const { shopper, stub } = newShopper();
    await shopper.permit(ask("dl_1"), policy);
    await shopper.settle("dl_1", 1);
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
    expect(await shopperStub(env, two, id).permit(ask("dl_1"), policy)).toEqual(yes);
  });
});
