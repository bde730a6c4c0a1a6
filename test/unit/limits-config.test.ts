import { describe, expect, it } from "vitest";
import { networkOf } from "../../shared/address.ts";
import { parseConfig } from "../../shared/config.ts";
import { apiRule, authFailuresRule, authRule, parseRateLimits, retryAfter } from "../../shared/policy/limits.ts";

const env = { ENVIRONMENT: "test", LINK_SECRET: "a-link-secret-of-ours", AUTH_SECRET: "an-auth-secret-of-ours" };

describe("RATE_LIMITS", () => {
  it("names limits a minute; what it does not name keeps its default", () => {
    expect(parseRateLimits("global=1 auth=2 api=10000")).toEqual({ global: 1, auth: 2, api: 10_000 });
    expect(parseRateLimits("  api=5 ")).toEqual({ global: 1000, auth: 10, api: 5 });
    expect(parseConfig({ ...env }).RATE_LIMITS).toEqual({ global: 1000, auth: 10, api: 600 });
    expect(parseConfig({ ...env, RATE_LIMITS: "auth=3" }).RATE_LIMITS).toMatchObject({ auth: 3 });
  });

  it.each(["api", "api=", "api=0", "api=-1", "api=1.5", "api=10001", "web=5", "api=5,auth=6", "api=5 api=6"])(
    "is refused by name when it says %s",
    (text) => {
      expect(() => parseConfig({ ...env, RATE_LIMITS: text })).toThrow(/^configuration: RATE_LIMITS /);
    },
  );

  it("a store's own limit takes the place of the configured one", () => {
    const limits = { global: 1, auth: 2, api: 3 };
    expect([apiRule(limits, null).limit, apiRule(limits, 50).limit]).toEqual([3, 50]);
  });

  it("only what guards passwords blocks, for a quarter of an hour", () => {
    const limits = { global: 1, auth: 2, api: 3 };
    expect(authRule(limits)).toEqual({ name: "auth", limit: 2, windowMs: 60_000, blockMs: 900_000 });
    expect(authFailuresRule(limits)).toEqual({ ...authRule(limits), name: "auth-failures" });
    expect(apiRule(limits, null).blockMs).toBeUndefined();
  });
});

describe("STORE_EVENTS_PER_MINUTE", () => {
  it("is a whole number", () => {
    expect(parseConfig({ ...env }).STORE_EVENTS_PER_MINUTE).toBe(600_000);
    expect(parseConfig({ ...env, STORE_EVENTS_PER_MINUTE: "0" }).STORE_EVENTS_PER_MINUTE).toBe(0);
    for (const STORE_EVENTS_PER_MINUTE of ["", "-1", "1e3", "many"])
      expect(() => parseConfig({ ...env, STORE_EVENTS_PER_MINUTE })).toThrow(
        /^configuration: STORE_EVENTS_PER_MINUTE /,
      );
  });
});

it("Retry-After has whole seconds, rounded up, at least one", () => {
  expect([0, 1, 1000, 1001, 900_000].map(retryAfter)).toEqual(["1", "1", "1", "2", "900"]);
});

describe("a client's network", () => {
  const network = (address: string): string | null =>
    networkOf(new Request("https://cartwake.example/", { headers: { "cf-connecting-ip": address } }));

  it("is the address, or the /64 of an IPv6 address however it is written", () => {
    expect(network("203.0.113.7")).toBe("203.0.113.7");
    expect(network("::ffff:203.0.113.7")).toBe("203.0.113.7");
    for (const address of ["2001:db8:0:1::1", "2001:DB8::1:aaaa:bbbb:cccc:dddd", "2001:0db8:0000:0001:2:3:4:5"])
      expect(network(address)).toBe("2001:db8:0:1::/64");
    expect(network("2001:db8::1")).toBe("2001:db8:0:0::/64");
    expect(network("::1")).toBe("0:0:0:0::/64");
  });

  it("is unknown without an edge in front, and bounded whatever the header says", () => {
    expect(networkOf(new Request("https://cartwake.example/"))).toBeNull();
    expect(network("x".repeat(10_000))).toHaveLength(64);
    expect(network(":".repeat(10_000))!.length).toBeLessThan(100);
  });
});
