/** How a version's drift went on, day by day. */
import { PSI } from "../../../../../shared/model/drift.ts";
import type { DriftView } from "../../../../../shared/model/views.ts";
import { DAY_MS } from "../../../../../shared/time.ts";
import { Chart } from "./chart.tsx";
import { points } from "./model-words.ts";
import { scaleOf } from "./scale.ts";

/** Beyond the first a population has moved, beyond the second it is another one. */
export const LIMITS = [PSI.moved, PSI.drifted];

type Past = DriftView["history"];
const dayOf = (ms: number): string =>
  new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" }).format(ms);

type Time = Parameters<typeof Chart>[0]["x"];

export function DriftHistory({ history }: { history: Past }) {
  const past = [...history].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const times = past.map(({ at }) => Date.parse(at));
  const [first, last] = [times[0]!, times.at(-1)!];
  const parts = Math.min(3, Math.max(1, Math.floor((last - first) / DAY_MS))); // no day is named twice
  const ticks = Array.from({ length: parts + 1 }, (_, i) => first + ((last - first) * i) / parts);
  const x: Time = { scale: { low: first, high: Math.max(last, first + 1), ticks }, text: dayOf, name: "" };
  const gaps = past.map(({ gap }) => gap).filter((gap) => gap !== null);
  return (
    <div class="charts">
      <Stability past={past} times={times} x={x} />
      {gaps.length > 1 && <Gaps past={past} times={times} x={x} gaps={gaps} />}
    </div>
  );
}

function Stability({ past, times, x }: { past: Past; times: number[]; x: Time }) {
  const stability = scaleOf(0, Math.max(0.3, ...past.map(({ worst, score }) => Math.max(worst, score))));
  const newest = past.at(-1)!;
  return (
    <Chart
      title="Stability over time"
      words={`Of the score ${newest.score.toFixed(3)} now, of the most moved feature ${newest.worst.toFixed(3)}. Above ${PSI.drifted} a population has changed.`}
      x={x}
      y={{
        scale: stability,
        text: (value) => value.toFixed(stability.high > 1 ? 1 : 2),
        name: "population stability index",
      }}
      height={265}
      legend={[
        { name: "Score", look: "line" },
        { name: "Most moved feature", look: "thin" },
        { name: `Thresholds ${PSI.moved} and ${PSI.drifted}`, look: "dashes" },
      ]}
      table={{
        heads: ["Day", "Score", "Most moved feature"],
        rows: past.map(({ at, score, worst }) => [dayOf(Date.parse(at)), score.toFixed(3), worst.toFixed(3)]),
      }}
    >
      {(plot) => (
        <>
          {LIMITS.map((limit) => (
            <path
              key={limit}
              class="chart-limit"
              d={plot.line([
                [x.scale.low, limit],
                [x.scale.high, limit],
              ])}
            />
          ))}
          <path class="chart-thin" d={plot.line(past.map(({ worst }, i) => [times[i]!, worst]))} />
          <path class="chart-line" d={plot.line(past.map(({ score }, i) => [times[i]!, score]))} />
        </>
      )}
    </Chart>
  );
}

function Gaps(props: { past: Past; times: number[]; x: Time; gaps: number[] }) {
  const { past, times, x, gaps } = props;
  const y = scaleOf(Math.min(-0.02, ...gaps), Math.max(0.02, ...gaps), 4);
  return (
    <Chart
      title="Calibration over time"
      words={`Predictions are ${points(Math.abs(gaps.at(-1)!))} too ${gaps.at(-1)! > 0 ? "high" : "low"} now. Zero is right.`}
      x={x}
      y={{ scale: y, text: (value) => `${(value * 100).toFixed(0)}`, name: "points" }}
      height={265}
      legend={[
        { name: "Predicted less bought, in points", look: "line" },
        { name: "As predicted", look: "dashes" },
      ]}
      table={{
        heads: ["Day", "Predicted less bought"],
        rows: past.map(({ at, gap }) => [dayOf(Date.parse(at)), gap === null ? "–" : points(gap)]),
      }}
    >
      {(plot) => (
        <>
          <path
            class="chart-even"
            d={plot.line([
              [x.scale.low, 0],
              [x.scale.high, 0],
            ])}
          />
          <path class="chart-line" d={plot.line(past.map(({ gap }, i) => [times[i]!, gap]))} />
        </>
      )}
    </Chart>
  );
}
