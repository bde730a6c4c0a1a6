/** Which carts a canary gets: as many as it should, always the same ones, and others than the canary before it. */
import { describe, expect, it } from "vitest";
import { armOf, versionFor } from "../../shared/model/rollout.ts";

const CARTS = 100_000;
const SHARES = [0.01, 0.05, 0.1, 0.5];
/** Ids as shops make them: counted up, random, and with a common beginning. */
const IDS: Record<string, (i: number) => string> = {
  counted: (i) => `cart-${i}`,
  hashed: (i) => (Math.imul(i + 1, 2654435761) >>> 0).toString(16).padStart(8, "0"),
  numbers: (i) => String(1_000_000 + i),
};
const on = (version: string, share: number) => ({ production: "p", canary: { version, share } });

describe.each(Object.entries(IDS))("%s ids", (_, id) => {
  it.each(SHARES)("a share of %s is that of 100,000 carts, give or take a hundredth", (share) => {
    let canaries = 0;
    for (let i = 0; i < CARTS; i++) if (armOf(on("v2", share), id(i)) === "canary") canaries += 1;
    expect(Math.abs(canaries / CARTS - share)).toBeLessThanOrEqual(0.01);
    // A fair coin would be off by more than five of its own deviations once in a million times.
    expect(Math.abs(canaries / CARTS - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / CARTS));
  });

  it("a cart keeps its canary while the share grows", () => {
    for (let i = 0; i < CARTS; i++) {
      let had = false;
      for (const share of SHARES) {
        const has = armOf(on("v2", share), id(i)) === "canary";
        if (had && !has) throw new Error(`${id(i)} lost its canary at ${share}`);
        had = has;
      }
    }
  });

  it("another version gets other carts: both by chance alone", () => {
    let both = 0;
    for (let i = 0; i < CARTS; i++)
      if (armOf(on("v2", 0.1), id(i)) === "canary" && armOf(on("v3", 0.1), id(i)) === "canary") both += 1;
    expect(Math.abs(both / CARTS - 0.01)).toBeLessThan(0.002);
  });
});

it("a cart's version is the same however often it is asked for", () => {
  for (let i = 0; i < 1_000; i++) {
    const first = versionFor(on("v2", 0.3), `cart-${i}`);
    expect(["p", "v2"]).toContain(first);
    expect(versionFor(on("v2", 0.3), `cart-${i}`)).toBe(first);
  }
});

it("no share is no cart, all of it is every cart, and without a canary production serves", () => {
  for (let i = 0; i < 1_000; i++) {
    expect(versionFor(on("v2", 0), `cart-${i}`)).toBe("p");
    expect(versionFor(on("v2", 1), `cart-${i}`)).toBe("v2");
    expect(versionFor({ production: null, canary: null }, `cart-${i}`)).toBeNull();
  }
});
