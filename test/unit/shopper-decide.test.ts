import { describe, expect, it } from "vitest";
import * as decide from "../../objects/shopper/decide.ts";
import type { Prospect } from "../../shared/events/messages.ts";
import type { ConsentRecord } from "../../shared/events/types.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { asked, PUSH, permitRules } from "../support/shopper-asks.ts";

const NOON = Date.UTC(2026, 5, 10, 12);
const { STRANGER } = decide;

const told = (over: Partial<Prospect>, shopper = STRANGER) => decide.learn(shopper, asked(over));
const granted = (at: number, over: Partial<ConsentRecord> = {}): ConsentRecord => ({ value: "granted", at, ...over });
const denied = (at: number, over: Partial<ConsentRecord> = {}): ConsentRecord => ({ value: "denied", at, ...over });
const email = (record: ConsentRecord) => ({ channel: "email" as const, ...record });

describe("learning", () => {
  it("the latest word on consent wins, in whatever order it is told, and every word is kept", () => {
    const forth = told({ consent: { email: denied(20) } }, told({ consent: { email: granted(10) } }));
    const back = told({ consent: { email: granted(10) } }, told({ consent: { email: denied(20) } }));
    expect(forth).toEqual(back);
    expect(forth.consent).toEqual({ email: denied(20) });
    expect(forth.history).toEqual([email(granted(10)), email(denied(20))]);
  });

  it("of two words at the same moment the no counts", () => {
    const both = [granted(10), denied(10)];
    for (const order of [both, both.toReversed()]) {
      const shopper = order.reduce((known, record) => told({ consent: { email: record } }, known), STRANGER);
      expect(shopper.consent.email?.value).toBe("denied");
    }
  });

  it("what a cart does not know is not forgotten", () => {
    const known = told({ name: "Ada", phone: "+491", timezone: "Europe/Berlin", push: PUSH });
    const facts = { name: "Ada", phone: "+491", timezone: "Europe/Berlin", push: true, email: "ada@example.com" };
    expect(told({ email: null }, known)).toMatchObject(facts);
  });

  it("is bounded: visitors, history and texts", () => {
    let shopper = STRANGER;
    for (let i = 0; i < 200; i++) {
      const record = granted(i, { text: "x".repeat(5_000), url: "y".repeat(5_000) });
      shopper = told({ visitorId: `v${i}`, consent: { email: record } }, shopper);
    }
    expect([shopper.visitors.length, shopper.visitors.at(-1)]).toEqual([50, "v199"]);
    expect([shopper.history.length, shopper.history.at(-1)?.at]).toEqual([50, 199]);
    expect([shopper.history[0]?.text?.length, shopper.history[0]?.url?.length]).toEqual([1_000, 2_048]);
    expect(told({ visitorId: "v199", consent: { email: granted(3) } }, shopper)).toEqual(shopper); // an old word, told again
  });
});

describe("consent and suppression", () => {
  it("keeps who said it, where and in answer to which words", () => {
    const record = granted(5, { source: "merchant", url: "https://shop.example/form", text: "I want mail" });
    expect(decide.consent(STRANGER, email(record))).toMatchObject({
      consent: { email: record },
      history: [email(record)],
    });
  });

  it("a no on the preference page is an unsubscribing, and a later yes lifts it", () => {
    const out = decide.consent(STRANGER, email(denied(10, { source: "shopper" })));
    expect(out.suppressed).toEqual({ email: { reason: "unsubscribed", at: 10 } });
    const back = decide.consent(out, email(granted(20, { source: "shopper" })));
    expect([back.suppressed, back.consent.email?.value]).toEqual([{}, "granted"]);
    expect(decide.consent(back, email(denied(15, { source: "shopper" }))).suppressed).toEqual({}); // came late
  });

  it("an unsubscribing counts although a shop's clock, ahead of ours, has said yes a little later", () => {
    const ahead = told({ consent: { email: granted(99, { source: "storefront" }) } });
    expect(decide.consent(ahead, email(denied(10, { source: "shopper" }))).suppressed).toHaveProperty("email");
    expect(decide.suppress(ahead, "email", "unsubscribed", 10).suppressed).toHaveProperty("email");
  });

  it.each(["unsubscribed", "stop"])("a yes to us lifts `%s`; a box ticked in the shop does not", (reason) => {
    const out = decide.suppress(STRANGER, "sms", reason, 10);
    expect(out.consent.sms).toMatchObject({ value: "denied", at: 10 });
    expect(told({ consent: { sms: granted(20, { source: "storefront" }) } }, out).suppressed).toHaveProperty("sms");
    expect(told({ consent: { sms: granted(20) } }, out).suppressed).toHaveProperty("sms");
    for (const source of ["shopper", "merchant", "provider"] as const)
      expect(decide.consent(out, { channel: "sms", ...granted(20, { source }) }).suppressed).toEqual({});
    expect(decide.consent(out, { channel: "sms", ...granted(9, { source: "shopper" }) }).suppressed).toHaveProperty(
      "sms",
    );
  });

  it.each(["bounced", "complained"])(
    "nothing lifts `%s`, and it takes the place of the shopper's own word",
    (reason) => {
      const soft = decide.suppress(STRANGER, "email", "unsubscribed", 10);
      const hard = decide.suppress(soft, "email", reason, 20);
      expect(hard.suppressed.email).toEqual({ reason, at: 20 });
      expect(decide.suppress(hard, "email", "unsubscribed", 30).suppressed.email?.reason).toBe(reason);
      const back = decide.consent(hard, email(granted(40, { source: "shopper" })));
      expect([back.suppressed.email?.reason, back.consent.email?.value]).toEqual([reason, "granted"]);
    },
  );

  it("the first of two equal reasons stays", () => {
    const once = decide.suppress(STRANGER, "email", "complained", 10);
    expect(decide.suppress(once, "email", "bounced", 20)).toEqual(once);
  });
});

describe("places and those that wait for one", () => {
  const rules = permitRules({ frequencyCap: { max: 1, perHours: 24 } });
  const ask = (shopper: decide.Shopper, deliveryId: string, now = NOON, priority = 0) =>
    decide.ask(shopper, asked({ deliveryId, priority }), rules, now);

  it("what an older claim says late does not free the place of the next", () => {
    const first = decide.settle(ask(STRANGER, "one").shopper, "one", NOON, NOON);
    const again = ask(first, "one", NOON + 1).shopper;
    const next = decide.settle(again, "one", NOON + 2, NOON + 2);
    expect(ask(decide.unsent(next, "one", NOON), "two", NOON + 3).permit).toMatchObject({ granted: false });
    expect(ask(decide.unsent(next, "one", NOON + 2), "two", NOON + 3).permit).toMatchObject({ granted: true });
    expect(ask(decide.unsent(first, "one", NOON), "two", NOON + 3).permit).toMatchObject({ granted: true });
  });

  it("PEERS 7: what is held back is sent once, not dropped, in the order of priority", () => {
    let shopper = STRANGER;
    const say = (deliveryId: string, now: number, priority = 0) => {
      const answer = ask(shopper, deliveryId, now, priority);
      shopper = answer.shopper;
      return answer.permit;
    };
    expect(say("first", NOON)).toMatchObject({ granted: true });
    shopper = decide.settle(shopper, "first", 1, NOON);
    const next = NOON + DAY_MS;
    for (const [id, priority] of [
      ["low", 0],
      ["high", 9],
      ["middle", 5],
    ] as const)
      expect(say(id, NOON + HOUR_MS, priority)).toEqual({ granted: false, reason: "frequency_cap", until: next });
    expect(say("low", next)).toMatchObject({ reason: "outranked" });
    expect(say("middle", next, 5)).toMatchObject({ reason: "outranked" });
    expect(say("high", next + 1, 9)).toMatchObject({ granted: true });
    shopper = decide.settle(shopper, "high", 1, next + 1);
    expect(say("low", next + MINUTE_MS)).toMatchObject({ reason: "frequency_cap", until: next + 1 + DAY_MS });
    expect(say("middle", next + 1 + DAY_MS, 5)).toMatchObject({ granted: true });
    expect(shopper.sends.map((s) => s.deliveryId)).toEqual(["first", "high", "middle"]);
    expect(shopper.wishes.map((w) => w.deliveryId)).toEqual(["low"]);
  });

  it("asking again waits in the same line, and a refusal for good or a release leaves it", () => {
    let shopper = decide.settle(STRANGER, "sent", 1, NOON);
    for (const later of [0, 1, 2]) shopper = ask(shopper, "waits", NOON + later).shopper;
    expect(shopper.wishes).toEqual([{ deliveryId: "waits", priority: 0, at: NOON, until: NOON + DAY_MS }]);
    expect(decide.release(shopper, "waits").wishes).toEqual([]);
    const out = decide.suppress(shopper, "email", "bounced", NOON);
    expect(ask(out, "waits", NOON).shopper.wishes).toEqual([]);
  });

  it("is bounded: of those that wait only the first hundred are known, and the lapsed are gone", () => {
    let shopper = decide.settle(STRANGER, "sent", 1, NOON);
    for (let i = 0; i < 150; i++) shopper = ask(shopper, `dl_${i}`, NOON + 1, i).shopper;
    expect([shopper.wishes.length, shopper.wishes[0]?.priority, shopper.wishes.at(-1)?.priority]).toEqual([
      100, 149, 50,
    ]);
    expect(ask(shopper, "late", NOON + 3 * DAY_MS).permit).toMatchObject({ granted: true });
    expect(decide.forget(shopper, NOON + 2 * DAY_MS)).toMatchObject({ wishes: [] });
  });

  it("what goes out counts, also when its reservation was lost", () => {
    const shopper = decide.settle(decide.release(ask(STRANGER, "dl").shopper, "dl"), "dl", 1, NOON);
    expect(shopper.sends).toMatchObject([{ deliveryId: "dl", status: "sent" }]);
    expect(decide.settle(shopper, "dl", 1, NOON + 1)).toEqual(shopper);
    expect(ask(shopper, "other").permit).toMatchObject({ reason: "frequency_cap" });
  });

  it("a refusal that is told late frees no place that a later attempt has taken over", () => {
    const first = decide.settle(ask(STRANGER, "dl").shopper, "dl", 1, NOON);
    const second = decide.settle(first, "dl", 2, NOON + 1);
    expect(decide.unsent(second, "dl", 1).sends).toEqual(second.sends);
    expect(decide.unsent(second, "dl", 2).sends).toEqual([]);
  });

  it("what is tried again after its window takes a place again, and within it keeps the one it has", () => {
    const sent = decide.settle(ask(STRANGER, "dl").shopper, "dl", 1, NOON);
    expect(ask(sent, "dl", NOON + HOUR_MS).shopper.sends).toEqual(sent.sends);
    const again = ask(sent, "dl", NOON + DAY_MS).shopper;
    expect(again.sends).toEqual([{ deliveryId: "dl", channel: "email", at: NOON + DAY_MS, status: "reserved" }]);
    expect(ask(again, "other", NOON + DAY_MS).permit).toMatchObject({ reason: "frequency_cap" });
  });

  it("keeps no more sends than any cap counts, and none longer than any cap looks back", () => {
    let shopper = STRANGER;
    for (let i = 0; i < 1_100; i++) shopper = decide.settle(shopper, `dl_${i}`, 1, NOON + i);
    expect([shopper.sends.length, shopper.sends[0]?.deliveryId]).toEqual([1_000, "dl_100"]);
    expect(decide.forget(shopper, NOON + 366 * DAY_MS).sends).toEqual([]);
  });

  it("a click is remembered by channel, once", () => {
    const once = decide.answered(STRANGER, "push", "dl_1", 5);
    expect(once.answered).toEqual({ push: { deliveryId: "dl_1", at: 5 } });
    expect(decide.answered(once, "push", "dl_1", 9)).toBe(once);
    expect(decide.answered(once, "push", "dl_2", 9).answered.push?.at).toBe(9);
  });
});
