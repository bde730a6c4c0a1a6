import { describe, expect, it } from "vitest";
import type { Permit, Prospect } from "../../shared/events/messages.ts";
import { isHeldOut } from "../../shared/measure/assign.ts";
import { type PermitRules, permit, type Send, type Standing, type Wish } from "../../shared/policy/permit.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { asked, PUSH, permitRules } from "../support/shopper-asks.ts";

const NOON = Date.UTC(2026, 5, 10, 12);

const UNKNOWN: Standing = { timezone: null, consent: {}, suppressed: {}, answered: {}, sends: [], wishes: [] };

interface Case {
  shopper?: Partial<Standing>;
  ask?: Partial<Prospect>;
  rules?: Partial<PermitRules>;
  now?: number;
}

const ask = ({ shopper = {}, ask = {}, rules = {}, now = NOON }: Case = {}): Permit =>
  permit({ ...UNKNOWN, ...shopper }, asked(ask), permitRules(rules), now);

const sent = (deliveryId: string, hoursAgo: number, status: Send["status"] = "sent"): Send => ({
  deliveryId,
  channel: "email",
  at: NOON - hoursAgo * HOUR_MS,
  status,
});
const wish = (deliveryId: string, priority: number, over: Partial<Wish> = {}): Wish => ({
  deliveryId,
  priority,
  at: NOON - HOUR_MS,
  until: NOON,
  ...over,
});

const never = (reason: string) => ({ granted: false, reason, until: null });
/** `consentedAt`: when a yes was said to it. */
const by = (channel: string, consentedAt?: number) => ({
  granted: true,
  channel,
  ...(consentedAt === undefined ? {} : { consentedAt }),
});

describe("law 6: one arbiter per shopper", () => {
  it("says yes when nothing speaks against it", () => {
    expect(ask()).toEqual(by("email"));
  });

  it("never writes on a suppressed channel, and says why", () => {
    expect(ask({ shopper: { suppressed: { email: { reason: "bounced", at: 1 } } } })).toEqual(
      never("suppressed_bounced"),
    );
  });

  it("respects a denied consent, and wants a granted one where the store requires it", () => {
    const said = (value: "granted" | "denied") => ({ consent: { email: { value, at: 1 } } });
    expect(ask({ shopper: said("denied") })).toEqual(never("no_consent"));
    expect(ask({ shopper: said("granted") })).toEqual(by("email", 1));
    const strict: Partial<PermitRules> = { requireConsent: ["email"] };
    expect(ask({ rules: strict })).toEqual(never("no_consent"));
    expect(ask({ rules: strict, shopper: said("granted") })).toEqual(by("email", 1));
  });

  it("does not write where it has no address", () => {
    expect(ask({ ask: { email: null } })).toEqual(never("no_address"));
    expect(ask({ ask: { channels: ["push"] } })).toEqual(never("no_address"));
    expect(ask({ ask: { channels: ["sms"] }, rules: { requireConsent: [] } })).toEqual(never("no_address"));
  });

  it("holds out by a stable hash, and a held-out shopper gets no message", () => {
    const arms = Array.from({ length: 10_000 }, (_, i) => isHeldOut("st_1", "cmp", `sh_${i}`, 0.2));
    const share = arms.filter(Boolean).length / arms.length;
    expect(Math.abs(share - 0.2)).toBeLessThan(0.02);
    for (let i = 0; i < 1_000; i++)
      if (isHeldOut("st_1", "cmp", `sh_${i}`, 0.1)) expect(isHeldOut("st_1", "cmp", `sh_${i}`, 0.3)).toBe(true);
    const shopperId = Array.from({ length: 100 }, (_, i) => `sh_${i}`).find((s) => isHeldOut("st_1", "cmp", s, 0.5))!;
    expect(ask({ ask: { holdout: 0.5, shopperId } })).toEqual(never("holdout"));
  });
});

describe("the best permitted channel", () => {
  const everywhere: Partial<Prospect> = { channels: ["email", "sms", "push"], phone: "+491", push: PUSH };
  const smsGranted = { sms: { value: "granted" as const, at: 1 } };

  it("is the first that was asked for, while no message was ever answered", () => {
    expect(ask({ ask: everywhere })).toEqual(by("email"));
    expect(ask({ ask: { ...everywhere, channels: ["push", "email"] } })).toEqual(by("push"));
  });

  it("is the one that was answered last", () => {
    const answered = { email: { deliveryId: "a", at: 1 }, push: { deliveryId: "b", at: 2 } };
    expect(ask({ ask: everywhere, shopper: { answered } })).toEqual(by("push"));
    expect(ask({ ask: { ...everywhere, push: null }, shopper: { answered } })).toEqual(by("email"));
  });

  it.each<[string, Partial<Standing>, Partial<Prospect>]>([
    ["suppressed", { suppressed: { email: { reason: "bounced", at: 1 } } }, {}],
    ["denied", { consent: { email: { value: "denied", at: 1 } } }, {}],
    ["without an address", {}, { email: null }],
  ])("passes over what is %s, and over SMS without a granted consent", (_, shopper, over) => {
    expect(ask({ shopper, ask: { ...everywhere, ...over } })).toEqual(by("push"));
    const consented = { ...shopper, consent: { ...shopper.consent, ...smsGranted } };
    expect(ask({ shopper: consented, ask: { ...everywhere, ...over } })).toEqual(by("sms", 1));
  });

  it("none is left: the first one's reason is told", () => {
    const suppressed = { email: { reason: "complained", at: 1 } };
    expect(ask({ shopper: { suppressed }, ask: { ...everywhere, push: null } })).toEqual(
      never("suppressed_complained"),
    );
    expect(ask({ shopper: { suppressed }, ask: { ...everywhere, channels: ["sms", "email"] } })).toEqual(
      never("no_consent"),
    );
  });

  it("stays the one of the reservation, also when another was answered since; what is forbidden since is left", () => {
    const sends = [sent("dl_1", 0.5, "reserved")];
    const answered = { push: { deliveryId: "b", at: 2 } };
    expect(ask({ ask: everywhere, shopper: { sends, answered } })).toEqual(by("email"));
    const suppressed = { email: { reason: "unsubscribed", at: 1 } };
    expect(ask({ ask: everywhere, shopper: { sends, suppressed } })).toEqual(by("push"));
    const gone = [sent("dl_1", 0.5)];
    expect(ask({ ask: everywhere, shopper: { sends: gone, suppressed } })).toEqual(never("suppressed_unsubscribed"));
  });
});

describe("quiet hours", () => {
  const rules: Partial<PermitRules> = { quietHours: { from: "21:00", to: "08:00" } };
  const until = (hours: number) => ({ granted: false, reason: "quiet_hours", until: NOON + hours * HOUR_MS });

  it("postpone to their end in the shopper's own zone", () => {
    expect(ask({ rules })).toEqual(by("email"));
    expect(ask({ rules, shopper: { timezone: "Asia/Tokyo" } })).toEqual(until(11)); // 21:00 there
    expect(ask({ rules, shopper: { timezone: "Pacific/Auckland" } })).toEqual(until(8)); // past midnight there
  });

  it("are the store's for a shopper whose zone is not known, or is no zone", () => {
    const tokyo = { ...rules, timezone: "Asia/Tokyo" };
    expect(ask({ rules: tokyo })).toEqual(until(11));
    expect(ask({ rules: tokyo, shopper: { timezone: "Mars/Olympus" } })).toEqual(until(11));
    expect(ask({ rules: tokyo, shopper: { timezone: "Europe/London" } })).toEqual(by("email"));
  });

  it("hold also what has its place already", () => {
    const shopper = { timezone: "Asia/Tokyo", sends: [sent("dl_1", 0.1, "reserved")] };
    expect(ask({ rules, shopper })).toEqual(until(11));
  });
});

describe("the frequency cap", () => {
  const capped = (until: number) => ({ granted: false, reason: "frequency_cap", until });

  it("counts messages of the window, across campaigns and carts, and holds until the oldest leaves it", () => {
    expect(ask({ shopper: { sends: [sent("dl_8", 23), sent("dl_9", 1)] } })).toEqual(capped(NOON + HOUR_MS));
    expect(ask({ shopper: { sends: [sent("dl_8", 24), sent("dl_9", 1)] } })).toEqual(by("email"));
  });

  it("counts reservations, whose fate is known within the hour", () => {
    const sends = [sent("dl_8", 0.5, "reserved"), sent("dl_9", 1)];
    expect(ask({ shopper: { sends } })).toEqual(capped(NOON + HOUR_MS / 2));
    expect(ask({ shopper: { sends: [sent("dl_8", 1, "reserved"), sent("dl_9", 1)] } })).toEqual(by("email"));
  });

  it("that was lowered meanwhile holds until enough have left", () => {
    const sends = [sent("dl_7", 20), sent("dl_8", 10), sent("dl_9", 5)];
    expect(ask({ shopper: { sends }, rules: { frequencyCap: { max: 1, perHours: 24 } } })).toEqual(
      capped(NOON + 19 * HOUR_MS),
    );
  });

  it("at its `until` there is a place, whatever the window", () => {
    for (const perHours of [0.001, 0.3333, 1, 24, 8760]) {
      const frequencyCap = { max: 1, perHours };
      const shopper = { sends: [{ ...sent("dl_9", 0), at: NOON - 1 }] };
      const held = ask({ shopper, rules: { frequencyCap } });
      if (held.granted || held.until === null) throw new Error("not held");
      expect(ask({ shopper, rules: { frequencyCap }, now: held.until - 1 })).toMatchObject({ granted: false });
      expect(ask({ shopper, rules: { frequencyCap }, now: held.until })).toEqual(by("email"));
    }
  });

  it("asking again for the same delivery takes no second place, and gives it back to nobody else", () => {
    const sends = [sent("dl_1", 0.5, "reserved"), sent("dl_9", 0.5, "reserved")];
    expect(ask({ shopper: { sends } })).toEqual(by("email"));
    expect(ask({ shopper: { sends }, rules: { frequencyCap: { max: 1, perHours: 24 } } })).toEqual(by("email"));
    expect(ask({ shopper: { sends, wishes: [wish("dl_5", 9)] } })).toEqual(by("email"));
    expect(ask({ shopper: { sends: [sent("dl_1", 2, "reserved"), sent("dl_8", 1), sent("dl_9", 1)] } })).toMatchObject(
      { reason: "frequency_cap" }, // lapsed: others took its place
    );
  });
});

describe("priority among those that wait", () => {
  const one: Partial<PermitRules> = { frequencyCap: { max: 1, perHours: 24 } };
  const outranked = { granted: false, reason: "outranked" };

  it("the higher goes first, and the other is held as long as it may still come", () => {
    const shopper = { wishes: [wish("dl_9", 5)] };
    expect(ask({ rules: one, shopper })).toEqual({ ...outranked, until: NOON + 10 * SECOND_MS });
    expect(ask({ rules: one, shopper, ask: { priority: 6 } })).toEqual(by("email"));
  });

  it("of equals the one that was asked first", () => {
    expect(ask({ rules: one, shopper: { wishes: [wish("dl_9", 0)] } })).toMatchObject(outranked);
    const earlier = wish("dl_1", 0, { at: NOON - 2 * HOUR_MS });
    expect(ask({ rules: one, shopper: { wishes: [wish("dl_9", 0), earlier] } })).toEqual(by("email"));
  });

  it("nobody is held while there are places enough for all of them", () => {
    expect(ask({ shopper: { wishes: [wish("dl_9", 5)] } })).toEqual(by("email"));
    expect(ask({ shopper: { wishes: [wish("dl_8", 5), wish("dl_9", 5)] } })).toMatchObject(outranked);
    expect(ask({ shopper: { wishes: [wish("dl_9", 5)], sends: [sent("dl_7", 1)] } })).toMatchObject(outranked);
  });

  it("asks again ever more rarely, and a dead asker silences nobody for more than ten minutes after its time", () => {
    const shopper = { wishes: [wish("dl_9", 5)] };
    let now = NOON;
    const waits: number[] = [];
    for (;;) {
      const answer = ask({ rules: one, shopper, now });
      if (answer.granted) break;
      expect(answer.reason).toBe("outranked");
      waits.push(answer.until! - now);
      now = answer.until!;
    }
    expect(now).toBe(NOON + 10 * MINUTE_MS);
    expect(waits.map((ms) => ms / SECOND_MS)).toEqual([10, 10, 20, 40, 80, 160, 280]);
  });

  it("a place that frees earlier is looked at then", () => {
    const shopper = { wishes: [wish("dl_9", 5, { until: NOON + 8 * HOUR_MS })], sends: [sent("dl_7", 23)] };
    expect(ask({ shopper })).toEqual({ ...outranked, until: NOON + HOUR_MS });
  });
});
