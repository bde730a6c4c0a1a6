import { describe, expect, it } from "vitest";
import { exponent, MAX_MINOR, toMinor, toMoney } from "../../shared/money.ts";

describe("decimals to minor units", () => {
  it.each([
    ["12.30", "EUR", 1_230],
    ["12.3", "EUR", 1_230],
    ["12", "EUR", 1_200],
    [" 12.30 ", "EUR", 1_230],
    ["0", "EUR", 0],
    ["0.00", "EUR", 0],
    ["00012.30", "EUR", 1_230],
    ["1500", "JPY", 1_500],
    ["1500.4", "JPY", 1_500],
    ["1500.5", "JPY", 1_501],
    ["1.234", "KWD", 1_234],
    ["1.2345", "KWD", 1_235],
    ["1.2344", "KWD", 1_234],
    ["19.995", "EUR", 2_000],
    ["19.994", "EUR", 1_999],
    ["0.9999999", "EUR", 100],
    [12.3, "EUR", 1_230],
    [19.99, "EUR", 1_999],
    [0.1 + 0.2, "EUR", 30],
    [1.005, "EUR", 101],
    [1e-7, "EUR", 0],
    [0, "EUR", 0],
    [-0, "EUR", 0],
    ["100000000", "EUR", MAX_MINOR],
  ])("%s %s is %i", (amount, currency, minor) => {
    expect(toMinor(amount, currency)).toBe(minor);
  });

  it.each([
    "-1",
    "",
    " ",
    "1,50",
    "1.",
    ".5",
    "1e3",
    "0x10",
    "NaN",
    "Infinity",
    "12 EUR",
    "١٢",
    "1.2.3",
    "9".repeat(30),
    "100000000.01",
    -1,
    -0.01,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e13,
    1e21,
  ])("refuses %s", (amount) => {
    expect(toMinor(amount, "EUR")).toBeNull();
  });
});

describe("minor units to decimals", () => {
  it.each([
    [1_230, "EUR", "12.30"],
    [5, "EUR", "0.05"],
    [0, "EUR", "0.00"],
    [-1_230, "EUR", "-12.30"],
    [-5, "EUR", "-0.05"],
    [1_500, "JPY", "1500"],
    [5, "KWD", "0.005"],
    [1_234, "KWD", "1.234"],
  ])("%i %s is %s", (minor, currency, amount) => {
    expect(toMoney(minor, currency)).toEqual({ amount, currency });
  });

  it("there and back changes nothing", () => {
    for (const currency of ["EUR", "JPY", "KWD"])
      for (let minor = 0; minor < 200_000; minor += 37)
        expect(toMinor(toMoney(minor, currency).amount, currency)).toBe(minor);
  });

  it("a currency nobody told us about has two decimals", () => {
    expect(exponent("XTS")).toBe(2);
  });
});
