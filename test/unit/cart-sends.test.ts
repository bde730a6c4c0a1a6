/**
 * Laws 3, 4, 6 and 7 over many carts of few shoppers, with the real sender and crashes at every `await`. A short round here,
 * `npm run test:schedules` for 10,000. What this does not prove: that the actors commit before they answer (the actor suite
 * and `npm run test:kill` do), and what the providers' adapters make of real answers (the system suite does).
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { SendSchedule, type SendTally } from "../support/cart-sends.ts";
import { random } from "../support/random.ts";

vi.mock("../../workers/interventions/providers/index.ts", () => ({
  deploymentProviders: (env: { PROVIDER: unknown }) => [env.PROVIDER],
}));

const SCHEDULES = Number(process.env.CARTWAKE_SCHEDULES ?? 600);
const STEPS = 150;

const tally = new Proxy({} as Record<string, number>, {
  get: (counts, name: string) => counts[name] ?? 0,
  has: () => true,
}) as SendTally;
const violations: string[] = [];

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  for (const method of ["log", "info", "warn", "error"] as const)
    vi.spyOn(console, method).mockImplementation(() => undefined);
  for (let seed = 0; seed < SCHEDULES; seed++) {
    const schedule = new SendSchedule(random(seed), tally);
    for (let i = 0; i < STEPS; i++) {
      vi.setSystemTime(schedule.world.now);
      await schedule.step();
    }
    await schedule.runOut();
    violations.push(...schedule.violations.map((what) => `seed ${seed}: ${what}`));
  }
  vi.restoreAllMocks();
  console.log(`${SCHEDULES} schedules`, JSON.stringify(tally));
}, 1_800_000);
afterAll(() => vi.useRealTimers());

const about = (text: RegExp): string[] => violations.filter((v) => text.test(v)).slice(0, 5);

describe("whatever dies, is lost, comes twice or late", () => {
  it("law 3: no send is claimed, and no offer made, after an acknowledged order", () => {
    expect(about(/after the order/)).toEqual([]);
  });
  it("law 4: no message is delivered twice", () => {
    expect(about(/times/)).toEqual([]);
  });
  it("law 5: nothing is sent for an empty cart", () => {
    expect(about(/empty/)).toEqual([]);
  });
  it("law 6: nothing is sent against consent, suppression or quiet hours", () => {
    expect(about(/consent|bounced|quiet/)).toEqual([]);
  });
  it("law 6: no shopper gets more than the cap, over all carts and devices", () => {
    expect(about(/cap/)).toEqual([]);
  });
  it("law 7: no effect is lost, and none that was delivered is said not to be", () => {
    expect(about(/lost|but/)).toEqual([]);
  });
  it("an outcome is unknown only where an answer was lost", () => {
    expect(about(/unknown/)).toEqual([]);
    expect(violations).toEqual([]);
  });
  it("the schedules reached what they are about", () => {
    for (const name of ["raced", "unknown", "deaths", "lostCalls", "merges", "offers", "failed", "suppressed"] as const)
      expect(tally[name], name).toBeGreaterThan(SCHEDULES / 50);
    expect(tally.delivered).toBeGreaterThan(SCHEDULES);
  });
});
