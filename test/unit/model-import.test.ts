import { describe, expect, it } from "vitest";
import { checkModel } from "../../shared/model/check.ts";
import { encodeModel } from "../../shared/model/codec.ts";
import { type ImportOptions, importModel } from "../../shared/model/import/index.ts";
import type { Model } from "../../shared/model/model.ts";
import { compile } from "../../shared/model/scorer.ts";
import { modelFile, modelText, predictionsOf, STUMP } from "../support/model-files.ts";
import { type Attributes, type OnnxNode, onnxFile } from "../support/onnx.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function taken(bytes: Uint8Array, options?: ImportOptions): Model {
  const result = importModel(bytes, options);
  if (!result.ok) throw new Error(result.reason);
  expect(checkModel(result.value)).toBeNull();
  return result.value;
}

function refused(bytes: Uint8Array, options?: ImportOptions): string {
  const result = importModel(bytes, options);
  if (result.ok) throw new Error("it was taken");
  return result.reason;
}

const answers = (model: Model, rows: number[][]): number[] => rows.map((row) => compile(model).probability(row));

/** The largest difference of two lists of the same length. */
const apart = (a: number[], b: number[]): number => {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
};

describe("an imported model answers what its library answers, to a millionth", () => {
  it.each([
    ["xgboost-native", "json", 15],
    ["xgboost-stopped", "json", 52],
    ["lightgbm-binary", "txt", 10],
    ["lightgbm-missing", "txt", 12],
    ["onnx-gradient-boosting", "onnx", 20],
    ["onnx-hist-gradient-boosting", "onnx", 20],
    ["onnx-xgboost", "onnx", 15],
  ])("%s", (name, type, trees) => {
    const { rows, library, runtime } = predictionsOf(name);
    const model = taken(modelFile(`${name}.${type}`));
    expect(model.forest!.roots.length).toBe(trees);
    expect(rows.length).toBeGreaterThanOrEqual(20);
    // neither a constant nor a certainty: the comparison says something
    expect(Math.max(...library!) - Math.min(...library!)).toBeGreaterThan(0.4);
    expect(apart(answers(model, rows), library!)).toBeLessThan(1e-6);
    if (type === "onnx") expect(apart(answers(model, rows), runtime!)).toBeLessThan(1e-6);
  });

  it("some of the rows that were asked have missing values, which LightGBM sends left and right", () => {
    expect(predictionsOf("lightgbm-missing").rows.flat().filter(Number.isNaN).length).toBeGreaterThan(50);
    const types = new Set(
      [...modelText("lightgbm-missing.txt").matchAll(/decision_type=(.*)/g)].flatMap(([, t]) => t!.split(" ")),
    );
    expect([...types].sort()).toEqual(["10", "8"]);
  });
});

describe("XGBoost", () => {
  const stopped = () => JSON.parse(modelText("xgboost-stopped.json"));

  it("tells its own names, which others may replace", () => {
    const file = modelFile("xgboost-native.json");
    expect(taken(file).features).toEqual(["views", "adds", "minutes", "price", "coupon", "stage", "hour", "mobile"]);
    const features = ["a", "b", "c", "d", "e", "f", "g", "h"];
    expect(taken(file, { features }).features).toEqual(features);
    expect(taken(modelFile("xgboost-stopped.json")).features).toEqual(["f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"]);
    expect(refused(file, { features: ["a"] })).toBe("it takes 8 features, and 1 names are given");
  });

  it("stops at the best iteration only where its scikit-learn interface does", () => {
    const file = stopped();
    const all = file.learner.gradient_booster.model.trees.length;
    delete file.learner.attributes.scikit_learn;
    expect(taken(bytesOf(JSON.stringify(file))).forest!.roots.length).toBe(all);
    expect(all).toBeGreaterThan(52);
  });

  it("compares in 32 bits, and strictly", () => {
    const file = stopped();
    const [tree] = file.learner.gradient_booster.model.trees;
    const feature = tree.split_indices[0];
    file.learner.gradient_booster.model.trees = [{ ...tree, left_children: [1, -1, -1], right_children: [2, -1, -1] }];
    const at = (condition: number, x: number): number => {
      tree.split_conditions.splice(0, 3, condition, 0.25, -0.5);
      const row = Array(8).fill(0).with(feature, x);
      const model = taken(bytesOf(JSON.stringify(file)));
      return Math.sign(answers(model, [row])[0]! - 0.5);
    };
    expect([at(0.1, 0.1), at(0.1, Math.fround(0.1)), at(0.1, 0.09999), at(0.1, 0.1000000001)]).toEqual([-1, -1, 1, -1]);
    expect([at(0, 0), at(0, -0), at(0, -1e-30), at(-2, -2), at(-2, -2.001)]).toEqual([-1, -1, 1, -1, 1]);
  });

  it("writes its base as a list in later versions", () => {
    const file = stopped();
    const before = answers(taken(bytesOf(JSON.stringify(file))), [[0, 0, 0, 0, 0, 0, 0, 0]]);
    file.learner.learner_model_param.base_score = `[${file.learner.learner_model_param.base_score}]`;
    expect(answers(taken(bytesOf(JSON.stringify(file))), [[0, 0, 0, 0, 0, 0, 0, 0]])).toEqual(before);
  });

  it.each([
    ["dart", 'its booster is "dart"; only "gbtree" can be taken'],
    ["linear", 'its booster is "gblinear"; only "gbtree" can be taken'],
    ["squared", 'its objective is "reg:squarederror"; only "binary:logistic" can be taken'],
    ["classes", 'its objective is "multi:softprob"; only "binary:logistic" can be taken'],
  ])("is refused when it is %s", (name, reason) => {
    expect(refused(modelFile(`xgboost-refused-${name}.json`))).toBe(reason);
  });

  it("is refused when it splits by categories, has no probability to begin with, or is something else", () => {
    const file = stopped();
    const [tree] = file.learner.gradient_booster.model.trees;
    tree.split_type[0] = 1;
    expect(refused(bytesOf(JSON.stringify(file)))).toMatch(/categories/);
    tree.split_type[0] = 0;
    file.learner.learner_model_param.base_score = "-3";
    expect(refused(bytesOf(JSON.stringify(file)))).toMatch(/base_score/);
    expect(refused(bytesOf("{}"))).toBe("it is no XGBoost model: learner is wrong");
    expect(refused(bytesOf('{"learner":'))).toMatch(/^it is not JSON/);
  });
});

describe("LightGBM", () => {
  const text = modelText("lightgbm-binary.txt");
  const edited = (from: string | RegExp, to: string): Uint8Array => {
    expect(text).toMatch(from);
    return bytesOf(text.replace(from, to));
  };

  it("may have a sigmoid of its own, one leaf only, and lines that end as Windows ends them", () => {
    const [row] = predictionsOf("lightgbm-binary").rows;
    const [plain] = answers(taken(bytesOf(text)), [row!]);
    const logit = Math.log(plain! / (1 - plain!));
    const [steep] = answers(taken(edited("sigmoid:1", "sigmoid:2.5")), [row!]);
    expect(Math.log(steep! / (1 - steep!))).toBeCloseTo(2.5 * logit, 9);
    expect(answers(taken(bytesOf(text.replaceAll("\n", "\r\n"))), [row!])).toEqual([plain]);
    const tree =
      "Tree=0\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nthreshold=\nleaf_value=0.75\nshrinkage=1\n\n\nTree=1";
    const [constant] = answers(taken(edited(/Tree=0[\s\S]*Tree=9/, tree)), [row!]);
    expect(Math.log(constant! / (1 - constant!))).toBeCloseTo(0.75 + 0.026606313099648556, 9);
  });

  it("counts a missing value as zero, as itself, or as zero's neighbour", () => {
    // the first split of the tree: feature 9 at −0.19…; zero goes right, where the log-odds are positive
    const goes = (decision: number): number => {
      const one = text
        .replace(/Tree=1[\s\S]*end of trees/, "end of trees")
        .replace("decision_type=2 2", `decision_type=${decision} 2`);
      const row = [0, 0, 0, 0, 0, 0, 0, 0, 0, Number.NaN];
      const [p] = answers(taken(bytesOf(one)), [row]);
      return Math.log(p! / (1 - p!)) < 0 ? -1 : 1;
    };
    expect(goes(0), "counted as zero").toBe(1);
    expect(goes(2), "counted as zero, whatever the default").toBe(1);
    expect(goes(8), "default right").toBe(1);
    expect(goes(10), "default left").toBe(-1);
    expect(goes(4), "zero is missing too, and goes right as it would").toBe(1);
    expect(() => goes(6), "zero would have to change sides").toThrow(/zero_as_missing/);
    expect(() => goes(1)).toThrow(/categories/);
    expect(() => goes(12)).toThrow(/decision_type/);
  });

  it.each([
    ["a regression", "objective=binary sigmoid:1", "objective=regression", /objective is "regression"/],
    ["without an objective", /objective=.*\n/, "", /objective is ""/],
    ["of several classes", "num_class=1", "num_class=3", /more than two classes/],
    ["a random forest", "version=v4", "version=v4\naverage_output", /random forest/],
    ["of linear leaves", "is_linear=0", "is_linear=1", /linear models/],
    ["cut off", /end of trees[\s\S]*/, "", /cut off/],
    ["without thresholds", /threshold=.*\n/, "", /threshold of tree 0 is not 2 numbers/],
    ["of too few leaves", "leaf_value=-0.32683890782380737 ", "leaf_value=", /leaf_value of tree 0 is not 3 numbers/],
    ["a circle", "left_child=-1 -2", "left_child=-1 0", /comes twice to its node 0/],
    ["a child outside", "left_child=-1 -2", "left_child=-1 7", /no node 7/],
    ["a leaf outside", "left_child=-1 -2", "left_child=-1 -9", /no leaf 8/],
    ["an unknown feature", "split_feature=9 2", "split_feature=99 2", /feature 99/],
    ["a huge tree", "num_leaves=3", "num_leaves=9999999", /num_leaves/],
    ["of no width", "max_feature_idx=9", "max_feature_idx=x", /max_feature_idx/],
  ])("is refused when it is %s", (_, from, to, reason) => {
    expect(refused(edited(from, to))).toMatch(reason);
  });
});

describe("ONNX", () => {
  const sides = [[0], [0.5], [1], [Number.NaN]];
  const stump = (
    changes: Attributes,
    nodes: { before?: OnnxNode[]; after?: OnnxNode[]; type?: string } = {},
  ): Uint8Array => onnxFile({ ...STUMP, ...changes }, { columns: 1, ...nodes });
  /** The log-odds to the left, at the threshold, to the right, and of a missing value. */
  const logits = (changes: Attributes): number[] =>
    answers(taken(stump(changes)), sides).map((p) => Number(Math.log(p / (1 - p)).toFixed(6)));
  const mode = (name: string, tracks: number): number[] =>
    logits({ nodes_modes: [name, "LEAF", "LEAF"], nodes_missing_value_tracks_true: [tracks, 0, 0] });

  it("has four comparisons, each with its missing values", () => {
    // the answers of onnxruntime-node to the same files
    expect(mode("BRANCH_LEQ", 0)).toEqual([-0.3, -0.3, 0.4, 0.4]);
    expect(mode("BRANCH_LEQ", 1)).toEqual([-0.3, -0.3, 0.4, -0.3]);
    expect(mode("BRANCH_LT", 0)).toEqual([-0.3, 0.4, 0.4, 0.4]);
    expect(mode("BRANCH_LT", 1)).toEqual([-0.3, 0.4, 0.4, -0.3]);
    expect(mode("BRANCH_GTE", 0)).toEqual([0.4, -0.3, -0.3, 0.4]);
    expect(mode("BRANCH_GTE", 1)).toEqual([0.4, -0.3, -0.3, -0.3]);
    expect(mode("BRANCH_GT", 0)).toEqual([0.4, 0.4, -0.3, 0.4]);
    expect(mode("BRANCH_GT", 1)).toEqual([0.4, 0.4, -0.3, -0.3]);
    for (const other of ["BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER"])
      expect(refused(stump({ nodes_modes: [other, "LEAF", "LEAF"] }))).toContain(other);
  });

  it("has weights of one class or of both", () => {
    const both = {
      class_ids: [0, 1, 0, 1],
      class_nodeids: [1, 1, 2, 2],
      class_treeids: [0, 0, 0, 0],
      class_weights: { floats: [0.3, -0.5, -0.4, 0.75] },
    };
    expect(logits({ base_values: { floats: [1] } })).toEqual([0.7, 0.7, 1.4, 0.7]);
    expect(logits({ class_ids: [1, 1] })).toEqual([-0.3, -0.3, 0.4, -0.3]);
    expect(logits({ post_transform: "NONE" })).toEqual([-0.3, -0.3, 0.4, -0.3]);
    expect(logits(both)).toEqual([-0.5, -0.5, 0.75, -0.5]);
    expect(logits({ ...both, post_transform: "SOFTMAX" })).toEqual([-0.8, -0.8, 1.15, -0.8]);
    expect(logits({ class_weights: { floats: [0.3, 0.4] } })).toEqual([0.3, 0.3, 0.4, 0.3]);
    const probabilities = /probabilities, not log-odds/;
    expect(refused(stump({ ...both, post_transform: "NONE" }))).toMatch(probabilities);
    expect(refused(stump({ class_weights: { floats: [0.3, 0.4] }, post_transform: "NONE" }))).toMatch(probabilities);
    expect(refused(modelFile("onnx-refused-random-forest.onnx"))).toMatch(probabilities);
    expect(refused(stump({ ...both, base_values: { floats: [1, 2] } }))).toMatch(/base_values/);
    expect(refused(stump({ class_ids: [1, 1], base_values: { floats: [1] } }))).toMatch(/base_values/);
    expect(refused(stump({ class_ids: [0, 2] }))).toMatch(/none of its two/);
    expect(refused(stump({ post_transform: "PROBIT" }))).toMatch(/PROBIT/);
  });

  it("compares numbers of 64 bits as such when they come in tensors", () => {
    const doubles = {
      nodes_values_as_tensor: { doubles: [0.1, 0, 0] },
      class_weights_as_tensor: { doubles: [-0.1, 0.1] },
    };
    const { nodes_values: _, class_weights: __, ...rest } = STUMP;
    const [below, above] = answers(taken(onnxFile({ ...rest, ...doubles }, { columns: 1 })), [[0.1], [0.1 + 1e-12]]);
    expect([Math.sign(below! - 0.5), Math.sign(above! - 0.5)]).toEqual([-1, 1]);
  });

  it("may cast its input and name its output, and nothing more", () => {
    const node = (type: string, from: string, to: string): OnnxNode => ({ type, inputs: [from], outputs: [to] });
    const zip = [node("ZipMap", "probabilities", "output_probability")];
    expect(taken(stump({}, { before: [node("Cast", "X", "trees_in")], after: zip })).features).toEqual(["f0"]);
    expect(refused(stump({}, { before: [node("Scaler", "X", "trees_in")] }))).toMatch(/Scaler changes the features/);
    expect(refused(stump({}, { after: [node("Normalizer", "probabilities", "p")] }))).toMatch(
      /Normalizer changes the prob/,
    );
    expect(refused(stump({}, { after: [...zip, node("Mul", "output_probability", "p")] }))).toMatch(/Mul changes/);
    expect(refused(stump({}, { type: "TreeEnsembleRegressor" }))).toMatch(/its nodes: TreeEnsembleRegressor/);
    const circle = [node("Cast", "again", "trees_in"), node("Cast", "trees_in", "again")];
    expect(refused(stump({}, { before: circle }))).toMatch(/changes the features/);
  });

  it.each<[string, Attributes, RegExp]>([
    ["three classes", { classlabels_int64s: [0, 1, 2] }, /3 classes/],
    ["a list too short", { nodes_featureids: [0, 0] }, /2 times the feature of 3 nodes/],
    ["weights too few", { class_weights: { floats: [1] } }, /different lengths/],
    ["a circle", { nodes_falsenodeids: [0, 0, 0] }, /1 of them follow/],
    ["a node of no tree", { nodes_truenodeids: [2, 0, 0] }, /2 nodes to begin at/],
    ["a child outside", { nodes_falsenodeids: [7, 0, 0] }, /nodes to begin at|no node/],
    ["a threshold that is no number", { nodes_values: { floats: [Number.NaN, 0, 0] } }, /not finite/],
    ["a feature outside", { nodes_featureids: [3, 0, 0] }, /feature 3/],
  ])("is refused with %s", (_, changes, reason) => {
    expect(refused(stump(changes))).toMatch(reason);
  });
});

describe("a model of our own", () => {
  it("is taken as it is", () => {
    const model = taken(modelFile("xgboost-native.json"));
    expect(taken(encodeModel(model))).toEqual(model);
    expect(taken(encodeModel(model), { format: "cartwake" })).toEqual(model);
  });
});

describe("the format", () => {
  it("is told from the file, or by whoever sends it", () => {
    const json = modelFile("xgboost-native.json");
    expect(taken(json)).toEqual(taken(json, { format: "xgboost" }));
    expect(refused(json, { format: "lightgbm" })).toMatch(/cut off/);
    expect(refused(json, { format: "onnx" })).toMatch(/ONNX|cut off/);
    expect(refused(json, { format: "cartwake" })).toMatch(/does not begin/);
    expect(refused(new Uint8Array())).toMatch(/no graph/);
    expect(refused(bytesOf("<html>"))).not.toBe("");
  });
});
