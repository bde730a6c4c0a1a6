/** Fits on one file's rows and scores the other's. */
import { measure } from "../../../shared/model/metrics.ts";
import type { Dataset, Model } from "../../../shared/model/model.ts";
import { compile } from "../../../shared/model/scorer.ts";
import {
  beginTraining,
  Trainer,
  type TrainingOptions,
  type TrainingReport,
} from "../../../shared/model/train/train.ts";
import type { ModelMetrics } from "../../../shared/model/views.ts";

export interface Fitted {
  model: Model;
  report: TrainingReport;
}

/** `heard` of the progress, 0 to 1. */
export async function fit(
  data: Dataset,
  options: TrainingOptions,
  seed: number,
  heard: (progress: number) => void,
): Promise<Fitted> {
  const trainer = new Trainer(data, beginTraining(options, seed));
  while (trainer.advance(10)) {
    heard(trainer.progress);
    // Lets the progress be drawn and a Ctrl-C be heard.
    await new Promise(setImmediate);
  }
  heard(1);
  return trainer.finish();
}

export function probabilities(model: Model, { columns, labels }: Dataset): Float64Array {
  const scorer = compile(model);
  const vector = new Float64Array(columns.length);
  return Float64Array.from(labels, (_, row) => {
    columns.forEach((column, feature) => {
      vector[feature] = column[row]!;
    });
    return scorer.probability(vector);
  });
}

/** Of all rows, and of each moment's on their own. */
export function judge(
  scores: Float64Array,
  { labels, groups }: Dataset,
  moments: readonly number[] | null,
  resamples: number,
  seed: number,
): { all: ModelMetrics; byMoment: Map<number, ModelMetrics> } {
  const of = (rows: readonly number[]): ModelMetrics =>
    measure(
      {
        probabilities: Float64Array.from(rows, (row) => scores[row]!),
        labels: Uint8Array.from(rows, (row) => labels[row]!),
        groups: Float64Array.from(rows, (row) => groups[row]!),
      },
      { resamples, seed },
    );
  const every = Array.from(labels, (_, row) => row);
  const byMoment = new Map<number, ModelMetrics>();
  for (const moment of [...new Set(moments)].sort((a, b) => a - b))
    byMoment.set(moment, of(every.filter((row) => moments![row] === moment)));
  return { all: of(every), byMoment };
}
