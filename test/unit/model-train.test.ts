/** Training on data small enough to be checked by hand, and what must hold for any data. */
import { describe, expect, it } from "vitest";
import { binColumns, edgesOf } from "../../shared/model/train/bins.ts";
import {
  BOOST_DEFAULTS,
  Boosting,
  type BoostOptions,
  beginBoosting,
  bestRound,
  finishBoosting,
} from "../../shared/model/train/boost.ts";
import { foldsOf, rowsOf } from "../../shared/model/train/split.ts";
import { random } from "../../shared/random.ts";

const PLAIN: BoostOptions = {
  ...BOOST_DEFAULTS,
  rounds: 1,
  learningRate: 1,
  maxDepth: 1,
  minChildHessian: 0.1,
  l2: 1,
  columnShare: 1,
  nodeColumnShare: 1,
  smoothing: 0,
  rowShare: 1,
  patience: 0,
};

const everyRow = (rows: number): Int32Array => Int32Array.from({ length: rows }, (_, row) => row);

function boosted(columns: number[][], labels: number[], options: Partial<BoostOptions> = {}) {
  const binned = binColumns(columns.map((column) => Float64Array.from(column)));
  const data = {
    binned,
    labels: Uint8Array.from(labels),
    train: everyRow(labels.length),
    validation: new Int32Array(),
    weights: null,
  };
  const state = beginBoosting(data, { ...PLAIN, ...options }, 1);
  new Boosting(data, state).advance(1_000);
  const names = columns.map((_, feature) => `x${feature}`);
  return finishBoosting(state, binned.edges, names).forest!;
}

describe("bins", () => {
  it("cut between the values, and never part equal ones", () => {
    expect([...edgesOf(Float64Array.of(3, 1, 2, 2, Number.NaN), 255)]).toEqual([1.5, 2.5, Number.MAX_VALUE]);
    const { columns } = binColumns([Float64Array.of(3, 1, 2, 2, Number.NaN)]);
    expect([...columns[0]!]).toEqual([2, 0, 1, 1, 3]);
  });

  it("of a skewed column leave the rare values bins, though most rows have the same one", () => {
    const column = Float64Array.from({ length: 2_000 }, (_, row) => (row < 1_000 ? 0 : row));
    const edges = edgesOf(column, 11);
    expect(edges).toHaveLength(11);
    expect(edges[0]).toBe(500);
    const rows = [...edges].map((edge, i) => column.filter((x) => x <= edge && x > (edges[i - 1] ?? -1)).length);
    for (const count of rows.slice(1)) expect(Math.abs(count - 100)).toBeLessThanOrEqual(10);
  });

  it("send neighbouring numbers to different bins", () => {
    const next = 1 + Number.EPSILON;
    const [edge] = edgesOf(Float64Array.of(1, next), 255);
    expect(edge).toBeGreaterThanOrEqual(1);
    expect(edge).toBeLessThan(next);
  });

  it("of a column without a value are one, and the missing one", () => {
    const binned = binColumns([Float64Array.of(Number.NaN, Number.NaN)]);
    expect([...binned.edges[0]!]).toEqual([Number.MAX_VALUE]);
    expect([...binned.columns[0]!]).toEqual([1, 1]);
  });
});

describe("a boosted tree", () => {
  // Base 0, so p = ½, gradients ±½ and hessians ¼: a leaf of two equal labels has G = ±1, H = ½ and the value ∓1 / (½ + λ).
  it("splits where the labels part, and its leaves are −G / (H + λ)", () => {
    const forest = boosted([[1, 2, 3, 4]], [0, 0, 1, 1]);
    expect(forest.threshold[0]).toBe(2.5);
    expect([forest.left[0], forest.right[0]]).toEqual([1, 2]);
    expect(forest.value[1]).toBeCloseTo(-1 / 1.5, 12);
    expect(forest.value[2]).toBeCloseTo(1 / 1.5, 12);
    expect(forest.value[0]).toBeCloseTo(0, 12);
  });

  it("shrinks leaves by ridge, lasso and the learning rate", () => {
    expect(boosted([[1, 2, 3, 4]], [0, 0, 1, 1], { l2: 2 }).value[2]).toBeCloseTo(1 / 2.5, 12);
    expect(boosted([[1, 2, 3, 4]], [0, 0, 1, 1], { l1: 0.25 }).value[2]).toBeCloseTo(0.75 / 1.5, 12);
    expect(boosted([[1, 2, 3, 4]], [0, 0, 1, 1], { learningRate: 0.1 }).value[2]).toBeCloseTo(0.1 / 1.5, 12);
  });

  it("takes the feature that parts better, and makes no split that gains too little or leaves too few rows", () => {
    const good = [1, 1, 2, 2];
    const bad = [1, 2, 1, 2];
    expect(boosted([bad, good], [0, 0, 1, 1]).feature).toEqual([1, -1, -1]);
    // The gain is ½ (1 / 1.5 + 1 / 1.5).
    expect(boosted([good], [0, 0, 1, 1], { minGain: 0.66 }).feature).toHaveLength(3);
    expect(boosted([good], [0, 0, 1, 1], { minGain: 0.67 }).feature).toEqual([-1]);
    expect(boosted([good], [0, 0, 1, 1], { minChildHessian: 0.51 }).feature).toEqual([-1]);
  });

  it("learns which way missing values go, and may split by being missing alone", () => {
    const none = Number.NaN;
    const withHigh = boosted([[1, 2, 5, 6, none, none]], [0, 0, 1, 1, 1, 1]);
    expect(withHigh.missing[0]).toBe(0);
    const withLow = boosted([[1, 2, 5, 6, none, none]], [0, 0, 1, 1, 0, 0]);
    expect(withLow.missing[0]).toBe(1);
    const alone = boosted([[7, 7, none, none]], [0, 0, 1, 1]);
    expect(alone.threshold[0]).toBe(Number.MAX_VALUE);
    expect(alone.missing[0]).toBe(0);
    expect(alone.value[alone.right[0]!]).toBeGreaterThan(0);
  });

  it("where nothing was missing, sends a missing value with the many", () => {
    expect(boosted([[1, 2, 3, 4, 5]], [0, 0, 0, 0, 1], { minChildHessian: 0 }).missing[0]).toBe(1);
    expect(boosted([[1, 2, 3, 4, 5]], [1, 0, 0, 0, 0], { minChildHessian: 0 }).missing[0]).toBe(0);
  });

  it("grows the leaf that gains most first, to so many leaves and so deep", () => {
    // Below 2.5 all is settled; above it, 3 and 4 differ.
    const labels = [0, 0, 0, 0, 1, 0, 1, 1, 1, 1];
    const column = [1, 1, 2, 2, 3, 3, 4, 4, 4, 4];
    const leaves = (options: Partial<BoostOptions>): number =>
      boosted([column], labels, { minChildHessian: 0, ...options }).feature.filter((feature) => feature < 0).length;
    expect(leaves({ maxDepth: 9, maxLeaves: 2 })).toBe(2);
    expect(leaves({ maxDepth: 9, maxLeaves: 3 })).toBe(3);
    expect(leaves({ maxDepth: 1 })).toBe(2);
    expect(leaves({ maxDepth: 0 })).toBe(1);
  });

  it("gives inner nodes the mean of the rows below them", () => {
    const forest = boosted([[1, 2, 3, 4, 5, 6]], [0, 0, 0, 1, 1, 0], { maxDepth: 3, minChildHessian: 0 });
    const [root] = forest.roots;
    const rowsAt = (node: number, rows: number[]): number => {
      if (forest.feature[node]! < 0) return forest.value[node]! * rows.length;
      const left = rows.filter((x) => x <= forest.threshold[node]!);
      const right = rows.filter((x) => x > forest.threshold[node]!);
      const sum = rowsAt(forest.left[node]!, left) + rowsAt(forest.right[node]!, right);
      expect(forest.value[node]).toBeCloseTo(sum / rows.length, 12);
      return sum;
    };
    expect(forest.feature.filter((feature) => feature >= 0).length).toBeGreaterThan(1);
    rowsAt(root!, [1, 2, 3, 4, 5, 6]);
  });
});

describe("boosting", () => {
  it("stops once the validation rows no longer gain, and keeps the best round", () => {
    const draw = random(5);
    const rows = 2_000;
    const x = Float64Array.from({ length: rows }, () => draw.unit());
    const noise = Float64Array.from({ length: rows }, () => draw.unit());
    const labels = Uint8Array.from(x, (value) => (draw.unit() < 0.2 + 0.3 * value ? 1 : 0));
    const binned = binColumns([x, noise]);
    const folds = foldsOf(Float64Array.from(everyRow(rows)), 4, 1);
    const data = {
      binned,
      labels,
      train: rowsOf(folds, 0, false),
      validation: rowsOf(folds, 0, true),
      weights: null,
    };
    const state = beginBoosting(data, { ...BOOST_DEFAULTS, rounds: 400, learningRate: 0.2, patience: 10 }, 1);
    new Boosting(data, state).advance(1_000);
    const best = bestRound(state);
    expect(state.trees.length).toBe(best + 10);
    expect(best).toBeLessThan(200);
    expect(Math.min(...state.losses)).toBe(state.losses[best - 1]);
    expect(finishBoosting(state, binned.edges, ["x", "noise"]).forest!.roots).toHaveLength(best);
  });

  it("counts a row of weight two as two rows", () => {
    const doubled = boosted([[1, 1, 2, 2, 2]], [1, 1, 0, 0, 1]);
    const binned = binColumns([Float64Array.of(1, 2, 2)]);
    const labels = Uint8Array.of(1, 0, 1);
    const data = {
      binned,
      labels,
      train: everyRow(3),
      validation: new Int32Array(),
      weights: Float64Array.of(2, 2, 1),
    };
    const state = { ...beginBoosting(data, PLAIN, 1), base: Math.log(3.5 / 2.5) };
    new Boosting(data, state).advance(1);
    const leaves = (values: number[]): number[] => values.slice(1).map((value) => Math.round(value * 1e12));
    expect(leaves(state.trees[0]!.value)).toEqual(leaves(doubled.value));
  });

  it("drives the loss to nothing where the features tell all, and the base alone is the share of positives", () => {
    const columns = [[0, 0, 0, 0, 0, 1, 1, 1]];
    const forest = boosted(columns, [0, 0, 0, 0, 0, 1, 1, 1], { rounds: 200, l2: 0, minChildHessian: 0 });
    const sum = (left: boolean): number =>
      forest.roots.reduce((total, root) => total + forest.value[left ? forest.left[root]! : forest.right[root]!]!, 0);
    expect(sum(true)).toBeLessThan(-5);
    expect(sum(false)).toBeGreaterThan(5);
  });
});

describe("splits", () => {
  it("never share a shopper, are alike in size, and differ by seed", () => {
    const draw = random(3);
    const groups = Float64Array.from({ length: 5_000 }, () => draw.below(700) ** 2);
    const folds = foldsOf(groups, 5, 1);
    const foldOf = new Map<number, number>();
    groups.forEach((group, row) => {
      expect(foldOf.get(group) ?? folds[row]).toBe(folds[row]);
      foldOf.set(group, folds[row]!);
    });
    expect(foldOf.size).toBe(new Set(groups).size);
    for (let fold = 0; fold < 5; fold++) {
      const [inside, outside] = [rowsOf(folds, fold, true), rowsOf(folds, fold, false)];
      expect(inside.length + outside.length).toBe(5_000);
      expect(Math.abs(inside.length - 1_000)).toBeLessThan(30);
    }
    expect(foldsOf(groups, 5, 1)).toEqual(folds);
    expect(foldsOf(groups, 5, 2)).not.toEqual(folds);
  });
});
