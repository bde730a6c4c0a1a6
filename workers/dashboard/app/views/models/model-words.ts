/** Models in the words of people. Pure. */
import type {
  DriftView,
  Estimate,
  ModelMetrics,
  ModelStage,
  ModelView,
  ServingView,
  TrainingRunView,
} from "../../../../../shared/model/views.ts";
import { percent, plural } from "../../format.ts";

export type Tone = "good" | "bad" | "waiting" | "still" | "recovering";

export interface About {
  label: string;
  tone: Tone;
  does: string;
}

export const STAGES: Readonly<Record<ModelStage, About>> = {
  staging: { label: "Staging", tone: "still", does: "Kept, and used for nothing yet." },
  shadow: {
    label: "Shadow",
    tone: "waiting",
    does: "Scored beside production on finished carts, and used for nothing.",
  },
  canary: { label: "Canary", tone: "recovering", does: "Scores a share of the carts." },
  production: { label: "Production", tone: "good", does: "Scores the carts." },
  archived: { label: "Archived", tone: "still", does: "Out of use." },
  rejected: { label: "Rejected", tone: "bad", does: "It did not pass its gates, or was taken out of service." },
};

/** The version by which the model that ships with Cartwake is spoken of. */
export const PRIOR = "prior";

/** What a version is called: the prior's own name is a version too, and says less. */
export const titleOf = ({ version, name }: Pick<ModelView, "version" | "name">): string =>
  version === PRIOR ? "Cartwake’s prior" : name;

export const namesOf =
  (models: readonly Pick<ModelView, "version" | "name">[]) =>
  (version: string): string =>
    titleOf(models.find((model) => model.version === version) ?? { version, name: version });

export const KINDS: Readonly<Record<ModelView["kind"], string>> = {
  prior: "ships with Cartwake",
  trained: "from the store’s own outcomes",
  imported: "trained elsewhere",
};

const ALGORITHMS: Readonly<Record<ModelView["algorithm"], string>> = {
  trees: "boosted trees",
  logistic: "logistic regression",
  blend: "boosted trees with logistic regression",
};

/** `120 boosted trees`; a regression has none. */
export function algorithmWords({ algorithm, trees }: Pick<ModelView, "algorithm" | "trees">): string {
  return algorithm === "logistic" ? ALGORITHMS.logistic : `${trees.toLocaleString()} ${ALGORITHMS[algorithm]}`;
}

export const figure = (value: number): string => value.toFixed(3);
export const rangeOf = ({ low, high }: Estimate): string => `${figure(low)} to ${figure(high)}`;

/** A sum of bytes, in thousands as files are told of: `48 kB`. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export type MetricName = "rocAuc" | "prAuc" | "logLoss" | "brier" | "ece";

export interface Metric {
  name: MetricName;
  label: string;
  does: string;
  better: "higher" | "lower";
}

export const METRICS: readonly Metric[] = [
  {
    name: "rocAuc",
    label: "ROC-AUC",
    does: "How often a cart that was bought ranks above one that was not. 0.5 is chance.",
    better: "higher",
  },
  {
    name: "prAuc",
    label: "PR-AUC",
    does: "How pure the top of the ranking is. The share of purchases is chance.",
    better: "higher",
  },
  { name: "logLoss", label: "Log loss", does: "How far the probabilities are from what came.", better: "lower" },
  { name: "brier", label: "Brier score", does: "The mean squared error of the probabilities.", better: "lower" },
  {
    name: "ece",
    label: "Calibration error",
    does: "How far predicted and observed shares lie apart.",
    better: "lower",
  },
];

/** How one figure stands to what was in production on the same rows; `null` without either. */
export function comparedWith(
  { name, better }: Metric,
  metrics: ModelMetrics | null,
  baseline: ModelMetrics | null,
): { tone: Tone; text: string } | null {
  if (!metrics || !baseline) return null;
  const difference = metrics[name].value - baseline[name].value;
  if (figure(Math.abs(difference)) === figure(0)) return { tone: "still", text: "the same" };
  const good = better === "higher" ? difference > 0 : difference < 0;
  return { tone: good ? "good" : "bad", text: `${figure(Math.abs(difference))} ${good ? "better" : "worse"}` };
}

/** The bin that is furthest from its diagonal, and what that means for who reads a probability. */
export function calibrationWords({ calibration, ece }: ModelMetrics): string {
  const widest = [...calibration].sort(
    (a, b) => Math.abs(b.predicted - b.observed) - Math.abs(a.predicted - a.observed),
  )[0];
  const mean = `On average predictions are ${points(ece.value)} off.`;
  if (!widest) return mean;
  return `${mean} The widest miss: ${finePercent(widest.predicted)} predicted, ${finePercent(widest.observed)} bought.`;
}

/** What the ranking is worth: how many purchases the likeliest fifth of the carts holds. */
export function liftWords({ lift }: ModelMetrics): string {
  const at = lift.find(({ share }) => share >= 0.2 - 1e-9);
  if (!at || at.share > 0.5) return "";
  const times = at.captured / at.share;
  return `The likeliest ${percent(at.share)} of carts hold ${percent(at.captured)} of the purchases, ${times.toFixed(1)} times their share.`;
}

export const finePercent = (share: number): string => `${(share * 100).toFixed(1)}%`;
export const points = (share: number): string => `${(share * 100).toFixed(1)} points`;

export const STEPS: Readonly<Record<TrainingRunView["step"], { label: string; does: string }>> = {
  collect: { label: "Collect", does: "reading the outcomes of finished carts" },
  train: { label: "Train", does: "growing trees" },
  evaluate: { label: "Evaluate", does: "scoring shoppers it never saw" },
  register: { label: "Register", does: "keeping the model and its figures" },
  shadow: { label: "Shadow", does: "comparing it with production on finished carts" },
  canary: { label: "Canary", does: "scoring a share of the carts" },
  decide: { label: "Decide", does: "checking its gates" },
};

export const RUN_STEPS = Object.keys(STEPS) as TrainingRunView["step"][];

export const RUN_STATUS: Readonly<Record<TrainingRunView["status"], { label: string; tone: Tone }>> = {
  running: { label: "Running", tone: "waiting" },
  waiting: { label: "Waiting for outcomes", tone: "waiting" },
  promoted: { label: "Promoted", tone: "good" },
  rejected: { label: "Rejected", tone: "bad" },
  rolled_back: { label: "Rolled back", tone: "bad" },
  too_few: { label: "Too few outcomes", tone: "still" },
  failed: { label: "Failed", tone: "bad" },
};

export const TRIGGER_WORDS: Readonly<Record<TrainingRunView["trigger"], string>> = {
  schedule: "by schedule",
  drift: "because of drift",
  hand: "by hand",
};

export const isOpen = ({ status }: Pick<TrainingRunView, "status">): boolean =>
  status === "running" || status === "waiting";

export const DRIFT_STATUS: Readonly<Record<DriftView["status"], { label: string; tone: Tone }>> = {
  unknown: { label: "Not measured yet", tone: "still" },
  stable: { label: "Stable", tone: "good" },
  moved: { label: "Moved", tone: "recovering" },
  drifted: { label: "Drifted", tone: "bad" },
};

export type ModelAction = "promote" | "canary" | "shadow" | "rollback" | "stage" | "archive";

/** What can be done with a version now. The first is what comes next in its life. There is one canary at a time. */
export function actionsOf(
  { version, stage }: Pick<ModelView, "version" | "stage">,
  serving: ServingView,
): ModelAction[] {
  if (version === PRIOR) return stage === "production" ? [] : ["promote"];
  const canary: ModelAction[] = serving.canary === null ? ["canary"] : [];
  switch (stage) {
    case "production":
      return ["rollback"];
    case "canary":
      return ["promote", "canary", "rollback"];
    case "shadow":
      return [...canary, "promote", "stage"];
    case "staging":
      return ["shadow", ...canary, "promote", "archive"];
    default:
      return ["stage", "shadow", ...canary, "promote"];
  }
}

/** Who scores which share of the carts, in one sentence. */
export function servingWords({ production, canary, shadow }: ServingView, nameOf: (version: string) => string): string {
  const rest = canary ? `${percent(1 - canary.share)} of the carts` : "every cart";
  const others = [
    canary && `${nameOf(canary.version)} ${percent(canary.share)} as the canary`,
    shadow && `${nameOf(shadow)} is compared in the shadow`,
  ].filter(Boolean);
  return `${[`${nameOf(production)} scores ${rest}`, ...others].join(", ")}.`;
}

export const examplesWords = (count: number): string =>
  plural(count, "example").replace(/^\d+/, count.toLocaleString());

/** `3 Oct – 20 Nov 2026`; `null` when it is not known. */
export function windowWords({ from, to }: ModelView["window"], locale?: string): string | null {
  if (!from || !to) return null;
  const format = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  return format.formatRange(Date.parse(from), Date.parse(to));
}
