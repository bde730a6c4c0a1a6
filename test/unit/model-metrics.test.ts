import { describe, expect, it } from "vitest";
import { figures, measure } from "../../shared/model/metrics.ts";
import { modelMetrics } from "../../shared/model/views.ts";
import { random } from "../../shared/random.ts";

const scored = (probabilities: number[], labels: number[]) => ({
  probabilities: Float64Array.from(probabilities),
  labels: Uint8Array.from(labels),
});

describe("figures", () => {
  // Three equal probabilities, of both labels. The figures are scikit-learn's (1.2.1): roc_auc_score,
  // average_precision_score, log_loss and brier_score_loss of the same ten rows.
  it("are what scikit-learn says, ties too", () => {
    const found = figures(
      scored([0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.2, 0.4, 0.65, 0.05], [0, 0, 1, 1, 1, 1, 0, 0, 0, 0]),
    );
    expect(found.rocAuc).toBeCloseTo(0.7916666666666667, 12);
    expect(found.prAuc).toBeCloseTo(0.7678571428571428, 12);
    expect(found.logLoss).toBeCloseTo(0.4745887656735114, 12);
    expect(found.brier).toBeCloseTo(0.16275, 12);
  });

  it("of a perfect ranking, a reversed one and one that tells nothing", () => {
    expect(figures(scored([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])).rocAuc).toBe(1);
    expect(figures(scored([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0])).rocAuc).toBe(0);
    expect(figures(scored([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 0]))).toMatchObject({ rocAuc: 0.5, prAuc: 0.25 });
    expect(figures(scored([0.5, 0.7], [0, 0]))).toMatchObject({ rocAuc: 0.5, prAuc: 0 });
  });

  it("find how far ten equally filled bins are off", () => {
    // A hundred rows a bin; bin b predicts (b + ½) / 10 and sees a share that is 0.05 more in every second bin.
    const rows = Array.from({ length: 1_000 }, (_, row) => ({ bin: row % 10, nth: Math.floor(row / 10) }));
    const found = figures(
      scored(
        rows.map(({ bin }) => (bin + 0.5) / 10),
        rows.map(({ bin, nth }) => (nth < bin * 10 + 5 + (bin % 2 === 1 ? 5 : 0) ? 1 : 0)),
      ),
    );
    expect(found.ece).toBeCloseTo(0.025, 12);
  });
});

describe("measures", () => {
  const draw = random(8);
  const rows = 4_000;
  const probabilities = Float64Array.from({ length: rows }, () => 0.05 + 0.9 * draw.unit());
  const labels = Uint8Array.from(probabilities, (p) => (draw.unit() < p ? 1 : 0));
  const alone = Float64Array.from(probabilities, (_, row) => row);
  const options = { resamples: 200, seed: 1 };

  it("fit the published shape, are the same for the same seed, and hold their own figures", () => {
    const found = measure({ probabilities, labels, groups: alone }, options);
    expect(modelMetrics.parse(found)).toEqual(found);
    expect(measure({ probabilities, labels, groups: alone }, options)).toEqual(found);
    expect(measure({ probabilities, labels, groups: alone }, { ...options, seed: 2 })).not.toEqual(found);
    const { rocAuc, ece } = figures({ probabilities, labels });
    expect(found.rocAuc.value).toBe(rocAuc);
    expect(found.ece.value).toBe(ece);
    for (const { value, low, high } of [found.rocAuc, found.prAuc, found.logLoss, found.brier, found.ece]) {
      expect(low).toBeLessThanOrEqual(value);
      expect(high).toBeGreaterThanOrEqual(value);
    }
  });

  it("are as unsure of the AUC as Hanley and McNeil's formula", () => {
    const { rocAuc, positives } = measure({ probabilities, labels, groups: alone }, options);
    const a = rocAuc.value;
    const [q1, q2] = [a / (2 - a), (2 * a * a) / (1 + a)];
    const negatives = rows - positives;
    const variance =
      (a * (1 - a) + (positives - 1) * (q1 - a * a) + (negatives - 1) * (q2 - a * a)) / positives / negatives;
    expect((rocAuc.high - rocAuc.low) / (2 * 1.96 * Math.sqrt(variance))).toBeGreaterThan(0.8);
    expect((rocAuc.high - rocAuc.low) / (2 * 1.96 * Math.sqrt(variance))).toBeLessThan(1.25);
  });

  it("are less sure where shoppers repeat themselves: copies of a row add no knowledge", () => {
    const fourfold = (of: ArrayLike<number>): number[] => Array.from({ length: rows }, (_, row) => of[row >> 2]!);
    const copies = scored(fourfold(probabilities), fourfold(labels));
    const width = (groups: Float64Array): number => {
      const { rocAuc } = measure({ ...copies, groups }, options);
      return rocAuc.high - rocAuc.low;
    };
    expect(width(alone.map((row) => row >> 2)) / width(alone)).toBeGreaterThan(1.6);
  });

  it("cut ten bins of equally many rows, and tell what share of purchases the likeliest hold", () => {
    const found = measure({ probabilities, labels, groups: alone }, { resamples: 0, seed: 1 });
    expect(found.calibration.map((bin) => bin.rows)).toEqual(new Array(10).fill(400));
    for (const { predicted, observed } of found.calibration) expect(Math.abs(predicted - observed)).toBeLessThan(0.08);
    expect(found.lift.at(-1)).toEqual({ share: 1, captured: 1 });
    for (let i = 1; i < found.lift.length; i++)
      expect(found.lift[i]!.captured).toBeGreaterThanOrEqual(found.lift[i - 1]!.captured);
    const best = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!).slice(0, rows / 10);
    const held = best.reduce((sum, row) => sum + labels[row]!, 0) / found.positives;
    expect(found.lift.find(({ share }) => share === 0.1)!.captured).toBeCloseTo(held, 12);
  });

  it("of equals spread the purchases evenly", () => {
    const found = measure(
      { ...scored([0.5, 0.5, 0.5, 0.5], [1, 0, 1, 0]), groups: Float64Array.of(1, 2, 3, 4) },
      { resamples: 0, seed: 1 },
    );
    expect(found.lift.find(({ share }) => share === 0.5)).toEqual({ share: 0.5, captured: 0.5 });
  });
});
