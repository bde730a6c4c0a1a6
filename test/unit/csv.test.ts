/** CSV as it comes out of spreadsheets and shops. */
import { describe, expect, it } from "vitest";
import { codeKey, codeOf, isCode } from "../../shared/coupon-codes.ts";
import { csvLine, csvRecords } from "../../shared/csv.ts";

describe("reading CSV", () => {
  it.each<[string, string, string[][]]>([
    ["one column", "a\nb\n", [["a"], ["b"]]],
    ["no line break at the end", "a\r\nb", [["a"], ["b"]]],
    ["a byte order mark, empty lines, the breaks of every system", "\ufeffa\r\n\r\n\nb\rc", [["a"], ["b"], ["c"]]],
    [
      "empty cells",
      ",a,\n,",
      [
        ["", "a", ""],
        ["", ""],
      ],
    ],
    ["quotes, commas and breaks within quotes", '"a,""b"""\r\n"c\r\nd",e', [['a,"b"'], ["c\r\nd", "e"]]],
    ["a quote within a plain cell", 'a"b', [['a"b']]],
    ["nothing", "", []],
  ])("%s", (_, text, cells) => expect(csvRecords(text).map((r) => r.cells)).toEqual(cells));

  it("tells the line of each record, and goes on after quotes that do not fit", () => {
    const records = csvRecords('a\n"b\nc"\n"open\nd\n"x"y\ne');
    expect(records.map(({ line, broken }) => [line, broken])).toEqual([
      [1, false],
      [2, false],
      [4, true],
      [5, false],
      [6, true],
      [7, false],
    ]);
  });

  it("reads what is written", () => {
    const rows = [
      ["a", 'say "hi", then\r\ngo'],
      ["", "ü"],
    ];
    expect(csvRecords(rows.map(csvLine).join("")).map((r) => r.cells)).toEqual(rows);
  });

  it("ends with every hostile megabyte", () => {
    for (const part of ['"', '"a\n', '"a""', ",", '""\n', '"\n', 'a"', '"""\n'])
      expect(csvRecords(part.repeat(Math.floor(1_000_000 / part.length))).length).toBeGreaterThan(-1);
    expect(csvRecords(`"${"a".repeat(1_000_000)}`)).toMatchObject([{ broken: true }]);
  });
});

describe("codes", () => {
  it("made of bytes have no 0, O, 1 or I, and each letter stands for as many bytes", () => {
    const letters = codeOf(Uint8Array.from({ length: 256 }, (_, i) => i));
    const counted = Object.groupBy(letters, (letter) => letter);
    expect(Object.keys(counted)).toHaveLength(32);
    expect(new Set(Object.values(counted).map((all) => all!.length))).toEqual(new Set([8]));
    expect(letters).not.toMatch(/[0O1I]/);
  });
  it.each(["ABC", "spring-10%", "SOMMER-RÄUMUNG", "x".repeat(64)])("takes %s", (code) =>
    expect(isCode(code)).toBe(true),
  );
  it.each(["AB", "A B C", "x".repeat(65), "AB\u0000C", "AB\u200bC", "AB\u00a0C", "AB\nC"])("refuses %j", (code) =>
    expect(isCode(code)).toBe(false),
  );
  it("are the same in any case", () => expect(codeKey("räumung-a")).toBe(codeKey("RÄUMUNG-A")));
});
