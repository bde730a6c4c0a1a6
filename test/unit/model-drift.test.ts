import { describe, expect, it } from "vitest";
import {
  compareTo,
  type DriftReport,
  driftReport,
  effectiveRows,
  histogramOf,
  meanGap,
  type OutcomeRows,
  type Reference,
  referenceOf,
} from "../../shared/model/drift.ts";
import { random } from "../support/random.ts";

const FEATURES = 40;
const NAMES = Array.from({ length: FEATURES }, (_, i) => `feature${i}`);

interface Rows {
  features: string[];
  columns: Float64Array[];
  scores: Float64Array;
  labels: Uint8Array;
  groups: Float64Array;
}

/** A week of a store: shoppers with one to eight rows that resemble each other; counts, times, flags and missing values. */
function week(seed: number, shoppers: number, change: (rows: Rows) => void = () => {}): Rows {
  const from = random(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - from.unit())) * Math.cos(2 * Math.PI * from.unit());
  const table: number[][] = [];
  const groups: number[] = [];
  for (let shopper = 0; shopper < shoppers; shopper++) {
    const own = NAMES.map(() => normal());
    for (let row = 1 + Math.floor(from.unit() ** 2 * 8); row > 0; row--) {
      groups.push(seed * 1e6 + shopper);
      table.push(own.map((value, i) => shaped(i, 0.8 * value + 0.6 * normal(), from.unit())));
    }
  }
  const n = groups.length;
  const columns = NAMES.map((_, i) => Float64Array.from(table, (row) => row[i]!));
  const scores = Float64Array.from(
    table,
    (row) => 1 / (1 + Math.exp(1.2 - 0.6 * row[0]! - 0.2 * Math.min(5, row[1]!))),
  );
  // The outcome is the shopper's, as it is the cart's: all of their rows share the die.
  const dice = new Map<number, number>();
  const labels = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const die = dice.get(groups[i]!) ?? from.unit();
    dice.set(groups[i]!, die);
    labels[i] = die < scores[i]! ? 1 : 0;
  }
  const rows = { features: NAMES, columns, scores, labels, groups: Float64Array.from(groups) };
  change(rows);
  return rows;
}

const shaped = (feature: number, value: number, die: number): number => {
  if (feature % 8 === 7 && die < 0.15) return Number.NaN;
  if (feature % 4 === 1) return Math.max(0, Math.round(value * 2));
  if (feature % 4 === 2) return value > 1.2 ? 1 : 0;
  return feature % 4 === 3 ? Math.exp(value) : value;
};

const reference: Reference = (() => {
  const fitted = week(1, 6000);
  return referenceOf(fitted, week(2, 2000));
})();

const HEAD = { version: "m1", at: "2026-11-21T00:00:00.000Z", window: { from: null, to: null } };
const report = (recent: Rows, outcomes: OutcomeRows = recent): DriftReport =>
  driftReport(HEAD, reference, recent, outcomes);
const statusOf = (seen: DriftReport, feature: string) => seen.features.find((f) => f.feature === feature)!.status;

describe("known answers", () => {
  it("index and divergence of two shares", () => {
    const values = (ones: number): Float64Array => Float64Array.from({ length: 100_000 }, (_, i) => (i < ones ? 1 : 0));
    const seen = compareTo("f", histogramOf(values(50_000)), 1e9, values(70_000), 1e9);
    expect(seen.psi).toBeCloseTo(0.2 * Math.log(0.7 / 0.5) - 0.2 * Math.log(0.3 / 0.5), 6);
    expect(seen.kl).toBeCloseTo(0.7 * Math.log(0.7 / 0.5) + 0.3 * Math.log(0.3 / 0.5), 6);
    expect(seen.status).toBe("moved");
  });

  it("a histogram's bins are equally filled, and missing values have their own", () => {
    const { edges, shares } = histogramOf(
      Float64Array.from({ length: 1000 }, (_, i) => (i % 5 === 0 ? Number.NaN : i)),
    );
    expect(edges).toHaveLength(9);
    for (const share of shares.slice(0, -1)) expect(share).toBeCloseTo(0.08, 2);
    expect(shares.at(-1)).toBeCloseTo(0.2, 10);
    expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 10);
  });

  it("a column without any value, and one that never varies, are compared too", () => {
    const none = new Float64Array(500).fill(Number.NaN);
    const zero = new Float64Array(500);
    expect(compareTo("f", histogramOf(none), 500, none, 500)).toMatchObject({ psi: 0, status: "stable", missing: 1 });
    expect(compareTo("f", histogramOf(none), 500, zero, 500).status).toBe("drifted");
    expect(compareTo("f", histogramOf(zero), 500, zero, 500)).toMatchObject({ psi: 0, status: "stable", missing: 0 });
    expect(
      compareTo(
        "f",
        histogramOf(zero),
        500,
        zero.map(() => 1),
        500,
      ).status,
    ).toBe("drifted");
  });

  it("rows of one shopper count as one, alike shares as many as there are shoppers", () => {
    expect(effectiveRows([1, 1, 1, 1])).toBe(1);
    expect(effectiveRows([1, 1, 2, 2, 3, 3])).toBe(3);
    expect(effectiveRows([])).toBe(0);
  });

  it("the gap's interval covers a calibrated model in 95% of the weeks, although rows depend on each other", () => {
    let covered = 0;
    for (let seed = 0; seed < 200; seed++) {
      const { low, high } = meanGap(week(1000 + seed, 200))!;
      if (low <= 0 && high >= 0) covered++;
    }
    console.log(`drift: calibration interval covers in ${covered} of 200 weeks`);
    expect(covered).toBeGreaterThanOrEqual(182);
    expect(covered).toBeLessThanOrEqual(198);
  });
});

describe("weeks without drift", () => {
  it.each([350, 600, 900])("100 weeks of %i shoppers: none is flagged", (shoppers) => {
    const seen = Array.from({ length: 100 }, (_, i) => report(week(10_000 + i * 7 + shoppers, shoppers)));
    const flagged = seen.filter(({ status }) => status !== "stable");
    const byCustom = seen.filter(({ features }) => features.some(({ psi }) => psi > 0.1)).length;
    console.log(
      `drift: ${shoppers} shoppers: ${flagged.length} of 100 drift-free weeks flagged (${byCustom} by PSI > 0.1 alone)`,
    );
    expect(flagged.map(({ alarms }) => alarms)).toEqual([]);
  });

  it("too few rows say nothing", () => {
    expect(report(week(5, 60))).toMatchObject({ status: "unknown", features: [], score: null, calibration: null });
    expect(report(week(5, 0)).status).toBe("unknown");
  });
});

describe("weeks with drift", () => {
  const seeds = Array.from({ length: 20 }, (_, i) => 50_000 + i);
  const caught = (shoppers: number, change: (rows: Rows) => void, is: (seen: DriftReport) => boolean): number =>
    seeds.filter((seed) => is(report(week(seed, shoppers, change)))).length;
  const shift = (column: number, by: number) => (rows: Rows) => {
    rows.columns[column] = rows.columns[column]!.map((value) => value + by);
  };

  it("a shifted feature is caught, and named first", () => {
    const named = caught(600, shift(4, 1), (s) => s.status === "drifted" && s.features[0]!.feature === "feature4");
    expect(named).toBe(20);
    expect(caught(600, shift(4, 1), (s) => statusOf(s, "feature5") === "stable")).toBe(20);
    expect(caught(1000, shift(4, 0.5), (s) => statusOf(s, "feature4") !== "stable")).toBe(20);
  });

  it("a column that is gone, or missing more often, is caught", () => {
    const gone = (rows: Rows) => {
      rows.columns[3]!.fill(Number.NaN);
    };
    expect(caught(350, gone, (s) => statusOf(s, "feature3") === "drifted" && s.alarms.length > 0)).toBe(20);
    const renamed = (rows: Rows) => {
      rows.features = rows.features.map((name) => (name === "feature9" ? "other" : name));
    };
    expect(caught(350, renamed, (s) => statusOf(s, "feature9") === "drifted")).toBe(20);
    const oftener = (rows: Rows) => {
      rows.columns[0] = rows.columns[0]!.map((value, i) => (rows.groups[i]! % 6 === 0 ? Number.NaN : value));
    };
    expect(caught(600, oftener, (s) => statusOf(s, "feature0") !== "stable")).toBe(20);
  });

  it("outcomes that no longer follow the predictions are caught while all features stand still", () => {
    const halved = (rows: Rows) => {
      rows.labels = rows.labels.map((label, i) => (rows.groups[i]! % 2 === 0 ? 0 : label));
    };
    const only = (s: DriftReport) =>
      s.status === "drifted" && s.features.every(({ status }) => status === "stable") && s.alarms.length === 1;
    expect(caught(600, halved, only)).toBe(20);
  });

  it("a shifted score is caught", () => {
    const doubtful = (rows: Rows) => {
      rows.scores = rows.scores.map((score) => score ** 2);
    };
    expect(caught(600, doubtful, (s) => s.score!.status === "drifted")).toBe(20);
  });
});
