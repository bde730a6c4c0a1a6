import { describe, expect, it } from "vitest";
import { emptyProfile, learn, type Profile, permit, type Send } from "../../objects/shopper/decide.ts";
import type { Permit, Prospect } from "../../shared/events/messages.ts";
import { isHeldOut } from "../../shared/measure/assign.ts";
import { HOUR_MS } from "../../shared/time.ts";

const NOON = Date.UTC(2026, 5, 10, 12);

const asked = (over: Partial<Prospect> = {}): Prospect & { storeId: string } => ({
  storeId: "st_1",
  effectId: "g1.cmp.s",
  deliveryId: "dl_1",
  campaignId: "cmp",
  holdout: 0,
  channels: ["email"],
  priority: 0,
  cartId: "cart",
  push: null,
  shopperId: "sh_1",
  email: "ada@example.com",
  phone: null,
  name: null,
  visitorId: "v1",
  timezone: null,
  consent: {},
  ...over,
});

const policy = { frequencyCap: { max: 2, perHours: 24 }, quietHours: null, timezone: "UTC" } as Parameters<
  typeof permit
>[3];

interface Case {
  profile?: Partial<Profile>;
  sends?: Send[];
  ask?: Partial<Prospect>;
  rules?: Partial<typeof policy>;
  now?: number;
}

const ask = ({ profile = {}, sends = [], ask = {}, rules = {}, now = NOON }: Case = {}): Permit =>
  permit({ ...emptyProfile(), ...profile }, sends, asked(ask), { ...policy, ...rules }, now);

const sent = (deliveryId: string, hoursAgo: number, status: Send["status"] = "sent"): Send => ({
  deliveryId,
  at: NOON - hoursAgo * HOUR_MS,
  status,
});

describe("law 6: one arbiter per shopper", () => {
  it("says yes when nothing speaks against it", () => {
    expect(ask()).toEqual({ granted: true, channel: "email" });
  });

  it("never writes on a suppressed channel, and says why", () => {
    const profile = { suppressed: { email: { reason: "bounced", at: 1 } } };
    expect(ask({ profile })).toEqual({ granted: false, reason: "suppressed_bounced", until: null });
  });

  it("a suppressed channel is no reason not to use another", () => {
    const profile = { suppressed: { email: { reason: "bounced", at: 1 } } };
    expect(ask({ profile, ask: { channels: ["sms"] } }).granted).toBe(true);
  });

  it("respects a denied consent", () => {
    const profile = { consent: { email: { value: "denied" as const, at: 1 } } };
    expect(ask({ profile })).toEqual({ granted: false, reason: "no_consent", until: null });
    expect(ask({ profile: { consent: { email: { value: "granted", at: 1 } } } }).granted).toBe(true);
  });

  it("over the quiet hours postpones, to their end in the shopper's own zone", () => {
    const rules = { quietHours: { from: "21:00", to: "08:00" } };
    expect(ask({ rules })).toEqual({ granted: true, channel: "email" });
    const tokyo = ask({ rules, profile: { timezone: "Asia/Tokyo" } }); // 21:00 there
    expect(tokyo).toEqual({ granted: false, reason: "quiet_hours", until: NOON + 11 * HOUR_MS });
    const auckland = ask({ rules, profile: { timezone: "Pacific/Auckland" } }); // past midnight there
    expect(auckland).toEqual({ granted: false, reason: "quiet_hours", until: NOON + 8 * HOUR_MS });
  });

  it("takes the store's zone for a shopper whose own is unknown", () => {
    const rules = { quietHours: { from: "21:00", to: "08:00" }, timezone: "Asia/Tokyo" };
    expect(ask({ rules })).toMatchObject({ reason: "quiet_hours" });
    expect(ask({ rules, profile: { timezone: "Europe/London" } })).toEqual({ granted: true, channel: "email" });
  });

  it("counts messages and reservations of the window, across campaigns and carts", () => {
    expect(ask({ sends: [sent("dl_8", 23), sent("dl_9", 1, "reserved")] })).toEqual({
      granted: false,
      reason: "frequency_cap",
      until: null,
    });
    expect(ask({ sends: [sent("dl_8", 24), sent("dl_9", 1)] }).granted).toBe(true);
  });

  it("asking again for the same delivery takes no second place", () => {
    expect(ask({ sends: [sent("dl_1", 1, "reserved"), sent("dl_9", 1)] }).granted).toBe(true);
  });

  it("holds out the same shoppers for ever, about as many as asked", () => {
    const arms = Array.from({ length: 10_000 }, (_, i) => isHeldOut("st_1", "cmp", `sh_${i}`, 0.2));
    expect(Array.from({ length: 10_000 }, (_, i) => isHeldOut("st_1", "cmp", `sh_${i}`, 0.2))).toEqual(arms);
    const share = arms.filter(Boolean).length / arms.length;
    expect(share).toBeGreaterThan(0.18);
    expect(share).toBeLessThan(0.22);
    expect(arms.some((_, i) => isHeldOut("st_1", "cmp", `sh_${i}`, 0))).toBe(false);
  });

  it("who is held out at a small share is held out at a larger one", () => {
    for (let i = 0; i < 1_000; i++)
      if (isHeldOut("st_1", "cmp", `sh_${i}`, 0.1)) expect(isHeldOut("st_1", "cmp", `sh_${i}`, 0.3)).toBe(true);
  });

  it("a held-out shopper gets no message", () => {
    const shopperId = Array.from({ length: 100 }, (_, i) => `sh_${i}`).find((s) => isHeldOut("st_1", "cmp", s, 0.5))!;
    expect(ask({ ask: { holdout: 0.5, shopperId } })).toEqual({ granted: false, reason: "holdout", until: null });
  });
});

describe("learning", () => {
  const granted = { email: { value: "granted" as const, at: 10 } };
  const denied = { email: { value: "denied" as const, at: 20 } };

  it("the latest word on consent wins, in whatever order it is told", () => {
    const forth = learn(learn(emptyProfile(), asked({ consent: granted })), asked({ consent: denied }));
    const back = learn(learn(emptyProfile(), asked({ consent: denied })), asked({ consent: granted }));
    expect(forth.consent).toEqual(denied);
    expect(back.consent).toEqual(denied);
  });

  it("what a cart does not know is not forgotten", () => {
    const known = learn(emptyProfile(), asked({ name: "Ada", phone: "+491", timezone: "Europe/Berlin" }));
    expect(learn(known, asked())).toMatchObject({ name: "Ada", phone: "+491", timezone: "Europe/Berlin" });
  });

  it("is bounded: visitors beyond a limit push out the oldest", () => {
    let profile = emptyProfile();
    for (let i = 0; i < 200; i++) profile = learn(profile, asked({ visitorId: `v${i}` }));
    expect([profile.visitors.length, profile.visitors.at(-1)]).toEqual([50, "v199"]);
  });
});
