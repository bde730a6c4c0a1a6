import { describe, expect, it } from "vitest";
import {
  base64url,
  derivedId,
  fromBase64url,
  newId,
  newSecret,
  sha256,
  shopperIdOf,
  stableHash,
  stableUnit,
  visitorShopperId,
} from "../../shared/ids.ts";

describe("ids", () => {
  it("are new each time and say what they name", () => {
    const ids = new Set(Array.from({ length: 10_000 }, () => newId("st")));
    expect(ids.size).toBe(10_000);
    for (const id of ids) expect(id).toMatch(/^st_[0-9a-z]{20}$/);
    expect(newSecret()).toMatch(/^[\w-]{43}$/);
  });

  it("derived from a name stay the same for ever: messages already sent carry them", () => {
    expect(derivedId("dl", "st_1/cart/1/g1.cmp.s")).toBe(derivedId("dl", "st_1/cart/1/g1.cmp.s"));
    expect(derivedId("dl", "a")).toBe("dl_1guuo3poulb0259fwfz8om");
    expect(stableHash("abc")).toBe(stableHash("abc"));
  });

  it("derived from different names differ", () => {
    const ids = new Set(Array.from({ length: 50_000 }, (_, i) => derivedId("dl", `name ${i}`)));
    expect(ids.size).toBe(50_000);
  });

  it("seeds make independent hashes", () => {
    expect(stableHash("a", 1)).not.toBe(stableHash("a", 2));
  });
});

describe("stable units", () => {
  it("lie in [0, 1) and spread evenly", () => {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) {
      const unit = stableUnit(`shopper ${i}`);
      expect(unit >= 0 && unit < 1).toBe(true);
      tenths[Math.floor(unit * 10)]! += 1;
    }
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(250);
  });
});

describe("base64url", () => {
  it("there and back changes nothing", () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) % 256);
      expect(fromBase64url(base64url(bytes))).toEqual(bytes);
    }
  });

  it.each(["a+b", "a/b", "a=", "ä", "a b", "a"])("%j is not it", (text) => {
    expect(fromBase64url(text)).toBeNull();
  });

  it("hashes are those of everybody", async () => {
    expect(await sha256("abc")).toBe("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
  });
});

describe("shoppers", () => {
  it("are one however their address is written", () => {
    expect(shopperIdOf("st_1", " Ada@Example.COM ")).toBe(shopperIdOf("st_1", "ada@example.com"));
  });

  it("law 9: of two stores are two, whatever their address", () => {
    expect(shopperIdOf("st_1", "ada@example.com")).not.toBe(shopperIdOf("st_2", "ada@example.com"));
  });

  it("are not named by their address", () => {
    expect(shopperIdOf("st_1", "ada@example.com")).toMatch(/^sh_[\w-]{27}$/);
  });

  it("a visitor cannot pass for a known shopper", () => {
    expect(visitorShopperId("sh_x")).toBe("v_sh_x");
  });
});
