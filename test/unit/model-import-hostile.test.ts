/** Files that are cut off, changed or made to hurt: they give a reason, or another sound model, and nothing else. */
import { describe, expect, it } from "vitest";
import { checkModel } from "../../shared/model/check.ts";
import { MAX_MODEL_BYTES } from "../../shared/model/codec.ts";
import { importModel } from "../../shared/model/import/index.ts";
import { compile } from "../../shared/model/scorer.ts";
import { modelFile, STUMP } from "../support/model-files.ts";
import { onnxFile } from "../support/onnx.ts";
import { random } from "../support/random.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Whether it was taken. */
function survives(bytes: Uint8Array): boolean {
  const result = importModel(bytes);
  if (!result.ok) {
    expect(result.reason.length).toBeGreaterThan(5);
    expect(result.reason.length).toBeLessThan(500);
    return false;
  }
  expect(checkModel(result.value)).toBeNull();
  const row = result.value.features.map(() => 0.5);
  expect(compile(result.value).probability(row)).not.toBeNaN();
  return true;
}

const FILES = ["xgboost-native.json", "lightgbm-binary.txt", "onnx-hist-gradient-boosting.onnx"];

describe.each(FILES)("%s", (name) => {
  const original = modelFile(name);

  it("is refused when it is cut off", () => {
    const by = random(1);
    // what follows a LightGBM model's trees is not read
    const end = name.endsWith(".txt") ? new TextDecoder().decode(original).indexOf("end of trees") : original.length;
    for (let round = 0; round < 120; round++) expect(survives(original.slice(0, by.below(end)))).toBe(false);
  });

  it("survives any change of its bytes", () => {
    const by = random(2);
    let taken = 0;
    for (let round = 0; round < 250; round++) {
      const bytes = original.slice();
      const character = name.endsWith(".onnx")
        ? () => by.below(256)
        : () => by.pick([...'0123456789-.,[]{}" =eN\n']).charCodeAt(0);
      for (let change = by.below(4); change >= 0; change--) bytes[by.below(bytes.length)] = character();
      if (survives(bytes)) taken++;
    }
    expect(taken, "a digit more or less leaves a model").toBeGreaterThan(0);
  });

  it("survives parts of it left out or twice", () => {
    const by = random(3);
    for (let round = 0; round < 100; round++) {
      const [from, to] = [by.below(original.length), by.below(original.length)].sort((a, b) => a - b) as [
        number,
        number,
      ];
      const part = original.slice(from, Math.min(to, from + 2_000));
      survives(Uint8Array.from([...original.slice(0, from), ...original.slice(from + part.length)]));
      survives(Uint8Array.from([...original.slice(0, from), ...part, ...original.slice(from)]));
    }
  });
});

describe("a file made to hurt", () => {
  it("is refused when it is too long", () => {
    expect(survives(new Uint8Array(MAX_MODEL_BYTES + 1))).toBe(false);
  });

  it("collects no complaint about each of a million elements", () => {
    const million = `[${"0,".repeat(1_000_000)}0]`;
    const learner = (gradient: string): Uint8Array =>
      text(
        `{"learner":{"gradient_booster":{"name":"gbtree","model":${gradient}},"learner_model_param":{"base_score":"5E-1","num_feature":"1"},"objective":{"name":"binary:logistic"}}}`,
      );
    expect(survives(learner(`{"trees":${million}}`))).toBe(false);
    expect(survives(learner(`{"trees":[{"left_children":${million}}]}`))).toBe(false);
    expect(survives(learner(`{"trees":${"[".repeat(100_000)}${"]".repeat(100_000)}}`))).toBe(false);
    expect(survives(learner('{"trees":[]}'))).toBe(false);
    // an object of a few bytes takes a hundred in memory
    const objects = importModel(learner(`{"trees":[${"{},".repeat(300_000)}{}]}`));
    expect(objects).toEqual({ ok: false, reason: "it has more parts than 2000 trees have" });
  });

  it("does not walk in circles", () => {
    const tree = {
      left_children: [1, 0, -1],
      right_children: [2, 2, -1],
      split_indices: [0, 0, 0],
      split_conditions: [0, 0, 0],
      default_left: [0, 0, 0],
    };
    const file = {
      learner: {
        gradient_booster: { name: "gbtree", model: { trees: [tree] } },
        learner_model_param: { base_score: "5E-1", num_feature: "1" },
        objective: { name: "binary:logistic" },
      },
    };
    const result = importModel(text(JSON.stringify(file)));
    expect(result).toEqual({ ok: false, reason: "tree 0 comes twice to its node 0" });
  });

  it("does not believe how much it says there is", () => {
    const lines = ["tree", "num_class=1", "num_tree_per_iteration=1", "max_feature_idx=999999999", "objective=binary"];
    expect(survives(text([...lines, "Tree=0", "num_leaves=1", "leaf_value=1", "end of trees"].join("\n")))).toBe(false);
    expect(survives(text([...lines, ...Array(3_000).fill("Tree=0"), "end of trees"].join("\n")))).toBe(false);
    expect(survives(onnxFile({ ...STUMP, nodes_featureids: [999_999, 0, 0] }, { columns: 0 }))).toBe(false);
    expect(survives(onnxFile(STUMP, { columns: 1e9 }))).toBe(false);
    // a length of 2^49 and an integer without an end
    expect(survives(Uint8Array.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]))).toBe(false);
    expect(survives(new Uint8Array(40).fill(0xff))).toBe(false);
    // a million empty fields of one message
    expect(survives(Uint8Array.from({ length: 2_000_000 }, (_, i) => (i % 2 === 0 ? 0x3a : 0)))).toBe(false);
  });
});
