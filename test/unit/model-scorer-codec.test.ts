import { describe, expect, it } from "vitest";
import { AppError } from "../../shared/errors.ts";
import { checkModel, MAX_DEPTH, MAX_TREES } from "../../shared/model/check.ts";
import { decodeModel, encodeModel, MAX_MODEL_BYTES } from "../../shared/model/codec.ts";
import type { Forest, Model } from "../../shared/model/model.ts";
import { compile } from "../../shared/model/scorer.ts";
import { random } from "../support/random.ts";
import { randomModel, randomRow } from "../support/random-model.ts";

const sample = (seed: number): Model => {
  const by = random(seed);
  const calibration = by.pick(["none", "platt", "isotonic"] as const);
  return randomModel(by, { width: 6, trees: by.below(6), depth: 4, linear: by.chance(0.5), single: true, calibration });
};

/** The error of a decoding that must fail, or `null` when the bytes are a sound model all the same. */
function refusal(bytes: Uint8Array): string | null {
  try {
    expect(checkModel(decodeModel(bytes))).toBeNull();
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe("VALIDATION_ERROR");
    return (error as AppError).detail;
  }
}

describe("an encoded model", () => {
  it("is read back as it was", () => {
    for (let seed = 0; seed < 60; seed++) {
      const model = sample(seed);
      const read = decodeModel(encodeModel(model));
      expect(read).toEqual(model);
      const row = randomRow(random(seed), 6);
      expect(compile(read).probability(row)).toBe(compile(model).probability(row));
    }
  });

  it("has the same bytes for equal models, however they were put together", () => {
    const model = sample(3);
    const { calibration, features, ...rest } = model;
    const shuffled = structuredClone({ calibration, ...rest, features }) as Model;
    const { forest } = shuffled;
    forest!.feature.forEach((feature, node) => {
      if (feature < 0)
        Object.assign(forest!, { threshold: forest!.threshold.with(node, 99), left: forest!.left.with(node, 5) });
    });
    expect(encodeModel(shuffled)).toEqual(encodeModel(model));
    expect(encodeModel({ ...model, base: model.base + 1e-9 })).not.toEqual(encodeModel(model));
  });

  it("takes less than a megabyte for 200 trees of depth 6", () => {
    const model = randomModel(random(1), { width: 40, trees: 200, depth: 6, leaves: 0 });
    expect(model.forest!.feature.length).toBe(200 * 127);
    expect(encodeModel(model).length).toBeLessThan(700_000);
  });

  it("may begin anywhere in a buffer", () => {
    const model = sample(5);
    const bytes = encodeModel(model);
    const moved = new Uint8Array(bytes.length + 7);
    moved.set(bytes, 3);
    expect(decodeModel(moved.subarray(3, 3 + bytes.length))).toEqual(model);
    expect(decodeModel(Buffer.from(moved.buffer, 3, bytes.length))).toEqual(model);
  });
});

describe("bytes that are no model", () => {
  it("are refused wherever they are cut off", () => {
    const bytes = encodeModel(sample(3));
    for (let length = 0; length < bytes.length; length += 3) expect(refusal(bytes.subarray(0, length))).not.toBeNull();
    expect(refusal(Uint8Array.from([...bytes, 0]))).toMatch(/bytes where its header says/);
  });

  it("are refused, or are another sound model, whatever byte is changed", () => {
    const by = random(9);
    const original = encodeModel(sample(3));
    for (let round = 0; round < 3_000; round++) {
      const bytes = original.slice();
      for (let change = by.below(3); change >= 0; change--) bytes[by.below(bytes.length)] = by.below(256);
      if (refusal(bytes) === null) expect(compile(decodeModel(bytes)).probability(randomRow(by, 6))).not.toBeNaN();
    }
  });

  it("are refused when they are noise, too many, or promise too much", () => {
    const by = random(10);
    for (let round = 0; round < 200; round++)
      expect(refusal(Uint8Array.from({ length: by.below(400) }, () => by.below(256)))).not.toBeNull();
    expect(refusal(new Uint8Array(MAX_MODEL_BYTES + 1))).toMatch(/more than/);
    const head = (json: string): Uint8Array => {
      const text = new TextEncoder().encode(json);
      const bytes = new Uint8Array(8 + text.length);
      bytes.set(new TextEncoder().encode("CWM1"));
      new DataView(bytes.buffer).setUint32(4, text.length, true);
      bytes.set(text, 8);
      return bytes;
    };
    expect(refusal(head("{"))).toMatch(/not JSON/);
    expect(refusal(head("[]"))).toMatch(/wrong field/);
    const { forest: _, ...rest } = sample(3);
    const forest = { trees: 1, nodes: 1e12, single: false };
    expect(refusal(head(JSON.stringify({ ...rest, forest })))).toMatch(/forest\.nodes/);
    expect(refusal(head(JSON.stringify({ ...rest, forest: { ...forest, nodes: 200_000 } })))).toMatch(/bytes where/);
  });
});

describe("an unsound model", () => {
  const leaf = { feature: -1, threshold: 0, left: -1, right: -1, missing: 0, value: 0 };
  const split = (left: number, right: number, more: object = {}) => ({ ...leaf, feature: 0, left, right, ...more });
  const forest = (roots: number[], nodes: (typeof leaf)[]): Forest => ({
    roots,
    feature: nodes.map((n) => n.feature),
    threshold: nodes.map((n) => n.threshold),
    left: nodes.map((n) => n.left),
    right: nodes.map((n) => n.right),
    missing: nodes.map((n) => n.missing),
    value: nodes.map((n) => n.value),
    single: false,
  });
  const model = randomModel(random(2), { width: 2, trees: 1, depth: 2, linear: true, calibration: "isotonic" });
  const list = (depth: number): Forest =>
    forest(
      [0],
      Array.from({ length: 2 * depth + 1 }, (_, n) => (n % 2 === 0 && n < 2 * depth ? split(n + 1, n + 2) : leaf)),
    );

  const forests: [string, Forest, RegExp | null][] = [
    ["one leaf", forest([0], [leaf]), null],
    ["no tree", forest([], []), null],
    ["as deep as may be", list(MAX_DEPTH), null],
    ["too deep", list(MAX_DEPTH + 1), /deeper/],
    ["a circle", forest([0], [split(0, 1), leaf]), /does not follow/],
    ["a child before its parent", forest([1], [leaf, split(0, 2), leaf]), /no tree leads|does not follow/],
    ["a child twice", forest([0], [split(1, 1), leaf]), /two ways/],
    ["a root within a tree", forest([0, 1], [split(1, 2), leaf, leaf]), /two ways/],
    ["the same root twice", forest([0, 0], [leaf]), /two trees/],
    ["a node of no tree", forest([0], [leaf, leaf]), /no tree leads/],
    ["a root outside", forest([1], [leaf]), /no node/],
    ["half a node", forest([0], [split(0.5, 1), leaf]), /does not follow/],
    ["a child outside", forest([0], [split(1, 3), leaf, leaf]), /does not follow/],
    ["an unknown feature", forest([0], [split(1, 2, { feature: 2 }), leaf, leaf]), /feature 2/],
    ["an endless threshold", forest([0], [split(1, 2, { threshold: Number.POSITIVE_INFINITY }), leaf, leaf]), /finite/],
    ["no threshold", forest([0], [split(1, 2, { threshold: Number.NaN }), leaf, leaf]), /finite/],
    ["a leaf that is no number", forest([0], [{ ...leaf, value: Number.NaN }]), /no usual number/],
    ["a leaf out of all measure", forest([0], [{ ...leaf, value: 1e13 }]), /no usual number/],
    ["a third direction", forest([0], [split(1, 2, { missing: 2 }), leaf, leaf]), /missing value/],
    [
      "too many trees",
      forest(
        Array.from({ length: MAX_TREES + 1 }, (_, n) => n),
        Array(MAX_TREES + 1).fill(leaf),
      ),
      /more than/,
    ],
    ["arrays of different lengths", { ...forest([0], [leaf]), value: [] }, /different lengths/],
  ];
  it.each(forests)("%s", (_, forest, reason) => {
    const found = checkModel({ ...model, forest });
    if (reason) {
      expect(found).toMatch(reason);
      expect(() => encodeModel({ ...model, forest })).toThrow(RangeError);
    } else expect(found).toBeNull();
  });

  const others: [string, Partial<Model>, RegExp][] = [
    ["another format", { format: 2 as 1 }, /format/],
    ["no feature", { features: [] }, /no feature/],
    ["a feature twice", { features: ["a", "a"] }, /same name/],
    ["a feature without a name", { features: ["a", ""] }, /name is empty/],
    ["trees that are missing", { forest: null }, /trees are missing/],
    ["a line that is missing", { linear: null }, /linear part is missing/],
    ["a base that is no number", { base: Number.NaN }, /weight/],
    ["a weight too few", { linear: { ...model.linear!, weight: [1] } }, /another length/],
    ["a scale of nothing", { linear: { ...model.linear!, scale: [1, 0] } }, /scale/],
    ["an endless mean", { linear: { ...model.linear!, mean: [1, Number.POSITIVE_INFINITY] } }, /no usual/],
    ["a calibration without points", { calibration: { kind: "isotonic", score: [], logit: [] } }, /no point/],
    ["a calibration that falls", { calibration: { kind: "isotonic", score: [0, 1], logit: [1, 0] } }, /does not rise/],
    ["a calibration that stands", { calibration: { kind: "isotonic", score: [0, 0], logit: [0, 1] } }, /does not rise/],
    ["a line through nothing", { calibration: { kind: "platt", a: Number.NaN, b: 0 } }, /calibration/],
  ];
  it.each(others)("%s", (_, change, reason) => {
    expect(checkModel(model)).toBeNull();
    expect(checkModel({ ...model, ...change })).toMatch(reason);
  });
});
