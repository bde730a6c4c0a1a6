/** Known answers: 3GPP TS 23.038 for the alphabets, TS 23.040 for the parts. */
import { describe, expect, it } from "vitest";
import { smsSegments } from "../../shared/sms-segments.ts";

const segments = (text: string): [number, string] => {
  const { segments: count, encoding } = smsSegments(text);
  return [count, encoding];
};

describe("an SMS costs", () => {
  it.each<[string, string, number, "GSM-7" | "UCS-2"]>([
    ["nothing when it is empty", "", 0, "GSM-7"],
    ["one for a letter", "a", 1, "GSM-7"],
    ["one up to 160 characters", "a".repeat(160), 1, "GSM-7"],
    ["two from 161", "a".repeat(161), 2, "GSM-7"],
    ["two up to 306", "a".repeat(306), 2, "GSM-7"],
    ["three from 307", "a".repeat(307), 3, "GSM-7"],
    ["eleven at 1,600", "a".repeat(1600), 11, "GSM-7"],
    ["one for 80 euro signs, two septets each", "€".repeat(80), 1, "GSM-7"],
    ["two for 81", "€".repeat(81), 2, "GSM-7"],
    ["two for 152, as no sign is cut in half", "€".repeat(152), 2, "GSM-7"],
    ["three for 153, although 306 septets would fit into two", "€".repeat(153), 3, "GSM-7"],
    ["one for German", "Größe äöüÄÖÜß §", 1, "GSM-7"],
    ["one for 70 characters of another alphabet", "я".repeat(70), 1, "UCS-2"],
    ["two from 71", "я".repeat(71), 2, "UCS-2"],
    ["two up to 134", "я".repeat(134), 2, "UCS-2"],
    ["three from 135", "я".repeat(135), 3, "UCS-2"],
    ["one for 35 emoji, two units each", "🛒".repeat(35), 1, "UCS-2"],
    ["two for 66, for no emoji is cut in half", "🛒".repeat(66), 2, "UCS-2"],
    ["three for 67, although 134 units would fit into two", "🛒".repeat(67), 3, "UCS-2"],
    ["two when one curly quote turns 160 characters into UCS-2", `’${"a".repeat(133)}`, 2, "UCS-2"],
  ])("%s", (_, text, count, encoding) => {
    expect(segments(text)).toEqual([count, encoding]);
  });
});

it("the basic alphabet has 127 characters and the extension ten", () => {
  const all = Array.from({ length: 0x2100 }, (_, code) => String.fromCharCode(code));
  const gsm = all.filter((character) => segments(character)[1] === "GSM-7");
  expect(gsm).toHaveLength(137);
  expect(gsm.filter((character) => segments(character.repeat(81))[0] === 2)).toHaveLength(10);
});

it.each(["ç", "á", "`", "“", "’", "–", "ê", "\t", "\u00a0"])("%j is not in the alphabet", (character) => {
  expect(segments(character)[1]).toBe("UCS-2");
});

it.each(["Ç", "é", "\n", "\r", "\f", "{", "~", "|", "[", "\\", "^", "Δ", "ñ", "_", "@"])("%j is", (character) => {
  expect(segments(character)[1]).toBe("GSM-7");
});

it("characters are code points", () => {
  expect(smsSegments("a🛒€").characters).toBe(3);
});
