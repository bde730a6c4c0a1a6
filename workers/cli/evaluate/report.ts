/** What an evaluation found, for people and for machines. */
import type { ModelMetrics } from "../../../shared/model/views.ts";
import type { Fitted } from "./fit.ts";

const FIGURES = ["rocAuc", "prAuc", "logLoss", "brier", "ece"] as const;

interface Figures extends Record<(typeof FIGURES)[number], number> {
  n: number;
  /** 95%, by a bootstrap over visitors. */
  intervals: Record<(typeof FIGURES)[number], [low: number, high: number]>;
}

export interface Evaluation extends Figures {
  task: string;
  byK?: Record<string, Figures>;
  model: { algorithm: string; trees: number; treeShare: number; calibration: string; features: number };
  seed: number;
  seconds: number;
}

const round = (value: number): number => Math.round(value * 1e6) / 1e6;

function figuresOf(metrics: ModelMetrics): Figures {
  const each = <T>(read: (name: (typeof FIGURES)[number]) => T) =>
    Object.fromEntries(FIGURES.map((name) => [name, read(name)])) as Record<(typeof FIGURES)[number], T>;
  return {
    n: metrics.rows,
    ...each((name) => round(metrics[name].value)),
    intervals: each((name) => [round(metrics[name].low), round(metrics[name].high)]),
  };
}

export function evaluationOf(
  task: string,
  { model, report }: Fitted,
  { all, byMoment }: { all: ModelMetrics; byMoment: Map<number, ModelMetrics> },
  seed: number,
  seconds: number,
): Evaluation {
  const byK = Object.fromEntries([...byMoment].map(([moment, metrics]) => [String(moment), figuresOf(metrics)]));
  return {
    task,
    ...figuresOf(all),
    ...(byMoment.size > 0 ? { byK } : {}),
    model: {
      algorithm: report.algorithm,
      trees: model.forest?.roots.length ?? 0,
      treeShare: report.treeShare,
      calibration: report.calibration,
      features: model.features.length,
    },
    seed,
    seconds: Math.round(seconds * 10) / 10,
  };
}

const HEAD = ["", "rows", "ROC-AUC", "PR-AUC", "log loss", "Brier", "ECE"];

export function table(evaluation: Evaluation): string {
  const line = (name: string, { n, intervals, ...values }: Figures): string[][] => [
    [name, String(n), ...FIGURES.map((figure) => values[figure].toFixed(4))],
    ["", "95%", ...FIGURES.map((figure) => intervals[figure].map((bound) => bound.toFixed(3)).join("–"))],
  ];
  const rows = [HEAD, ...line("all", evaluation)];
  for (const [moment, figures] of Object.entries(evaluation.byK ?? {})) rows.push(...line(`k=${moment}`, figures));
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const { algorithm, trees, treeShare, calibration, features } = evaluation.model;
  const parts = [
    `${algorithm} of ${features} features`,
    trees > 0 ? `${trees} trees (${Math.round(treeShare * 100)}% of the log-odds)` : null,
    `calibration ${calibration}`,
    `${evaluation.seconds} s`,
  ];
  return [
    ...rows.map(
      (cells) =>
        `  ${cells.map((cell, i) => (i === 0 ? cell.padEnd : cell.padStart).call(cell, widths[i]!)).join("  ")}`,
    ),
    "",
    `  ${parts.filter(Boolean).join(" | ")}`,
  ].join("\n");
}
