/** The prediction benchmark's tables, and its one line for machines. */
import { median } from "./load.ts";
import type { PredictReport } from "./predict.ts";
import { BATCH, DEPTH, TREES } from "./predict-trees.ts";
import { number, table, times } from "./table.ts";

const round = (value: number): number => Math.round(value * 1e4) / 1e4;

/** The median over rounds of another's time divided by ours in the same round. */
const faster = (ours: number[], other: number[] | undefined): number | null =>
  other ? round(median(other.map((time, i) => time / ours[i]!))) : null;

export function predictSummaryOf({ rounds, trees, event, build, missing }: PredictReport) {
  const sizes = { one: trees.one, batch: trees.batch };
  const ratios = (size: keyof typeof sizes) => {
    const ours = sizes[size].cartwake!;
    return {
      onnxruntime: faster(ours, sizes[size]["onnxruntime, one thread"]),
      onnxruntimeAsItComes: faster(ours, sizes[size]["onnxruntime, as it comes"]),
      plainTypedArrays: faster(ours, sizes[size]["plain typed arrays"]),
    };
  };
  const added = median(event.with.map((time, i) => time - event.without[i]!));
  const anEvent = median(build.prior);
  return {
    bench: "predict" as const,
    rounds,
    missingPeer: missing,
    trees: TREES,
    depth: DEPTH,
    maxDifference: trees.maxDifference,
    microsecondsARow: Object.fromEntries(
      Object.keys(trees.one).map((name) => [
        name,
        { one: round(median(trees.one[name]!)), batch: round(median(trees.batch[name]!)) },
      ]),
    ),
    ratios: { oneAtATime: ratios("one"), batches: ratios("batch") },
    event: {
      decideWithMicroseconds: round(median(event.with)),
      decideWithoutMicroseconds: round(median(event.without)),
      addedMicroseconds: round(added),
      buildMicroseconds: round(anEvent),
      addedShare: round(added / anEvent),
      buildWithTreesToPrior: round(median(build.trees.map((time, i) => time / build.prior[i]!))),
    },
  };
}

export type PredictSummary = ReturnType<typeof predictSummaryOf>;

const timesOrNot = (value: number | null): string => (value === null ? "–" : times(value));

export function predictTablesOf(report: PredictReport): string {
  const summary = predictSummaryOf(report);
  const { ratios, event } = summary;
  const parts = [
    table(
      `${TREES} trees of depth ${DEPTH}: µs a row, medians of ${summary.rounds} rounds`,
      ["", "one at a time", `batches of ${BATCH}`],
      Object.entries(summary.microsecondsARow).map(([name, { one, batch }]) => [
        name,
        number(one, 2),
        number(batch, 2),
      ]),
    ),
    table(
      "Cartwake is so much faster, within the run",
      ["", "one at a time", "aim", `batches of ${BATCH}`, "aim"],
      [
        [
          "than onnxruntime, one thread",
          timesOrNot(ratios.oneAtATime.onnxruntime),
          "≥ 1.3×",
          timesOrNot(ratios.batches.onnxruntime),
          "≥ 1×",
        ],
        [
          "than onnxruntime, as it comes",
          timesOrNot(ratios.oneAtATime.onnxruntimeAsItComes),
          "",
          timesOrNot(ratios.batches.onnxruntimeAsItComes),
          "",
        ],
        [
          "than plain typed arrays",
          timesOrNot(ratios.oneAtATime.plainTypedArrays),
          "",
          timesOrNot(ratios.batches.plainTypedArrays),
          "",
        ],
      ],
    ),
    table(
      "An event: processor time that its prediction adds, with reasons, by the same trees",
      ["", "µs", "share", "aim"],
      [
        ["the cart decides, without", number(event.decideWithoutMicroseconds, 1), "", ""],
        ["the cart decides, with", number(event.decideWithMicroseconds, 1), "", ""],
        ["the production build, all of an event, scored by the prior", number(event.buildMicroseconds, 1), "", ""],
        ["added", number(event.addedMicroseconds, 1), percent(event.addedShare), "< 10%"],
        ["the build, scored by the trees, to the prior", "", times(event.buildWithTreesToPrior), ""],
      ],
    ),
  ];
  const notes = summary.missingPeer
    ? [`  ${summary.missingPeer}`]
    : [`  The predictions differ by at most ${summary.maxDifference.toExponential(1)}.`];
  return [...parts, ...notes].join("\n\n\n");
}

const percent = (share: number): string => `${number(100 * share, 1)}%`;
