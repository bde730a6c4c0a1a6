/** Whether its probabilities hold, and what its ranking is worth. */
import type { ModelMetrics } from "../../../../../shared/model/views.ts";
import { percent } from "../../format.ts";
import { Chart } from "./chart.tsx";
import { calibrationWords, finePercent, liftWords } from "./model-words.ts";
import { scaleOf } from "./scale.ts";

interface Props {
  metrics: ModelMetrics;
  baseline: ModelMetrics | null;
}

const OLD = "In production then";

export function CalibrationChart({ metrics, baseline }: Props) {
  const bins = metrics.calibration;
  const most = Math.max(0.05, ...[...bins, ...(baseline?.calibration ?? [])].flatMap((b) => [b.predicted, b.observed]));
  const scale = scaleOf(0, Math.min(1, most));
  const rows = Math.max(1, ...bins.map((bin) => bin.rows));
  const axis = { scale, text: percent };
  return (
    <Chart
      title="Calibration"
      words={calibrationWords(metrics)}
      x={{ ...axis, name: "predicted" }}
      y={{ ...axis, name: "bought" }}
      legend={[
        { name: "This model", look: "dot" },
        ...(baseline ? [{ name: OLD, look: "ring" }] : []),
        { name: "As predicted", look: "dashes" },
      ]}
      table={{
        heads: ["Predicted", "Bought", "Moments"],
        rows: bins.map((bin) => [finePercent(bin.predicted), finePercent(bin.observed), bin.rows.toLocaleString()]),
      }}
    >
      {(plot) => (
        <>
          <path
            class="chart-even"
            d={plot.line([
              [scale.low, scale.low],
              [scale.high, scale.high],
            ])}
          />
          {baseline?.calibration.map((bin) => (
            <circle key={bin.predicted} class="chart-ring" cx={plot.x(bin.predicted)} cy={plot.y(bin.observed)} r="5" />
          ))}
          <path class="chart-line" d={plot.line(bins.map((bin) => [bin.predicted, bin.observed]))} />
          {bins.map((bin) => (
            // Its area is how many there are.
            <circle
              key={bin.predicted}
              class="chart-dot"
              cx={plot.x(bin.predicted)}
              cy={plot.y(bin.observed)}
              r={3 + 4 * Math.sqrt(bin.rows / rows)}
            />
          ))}
        </>
      )}
    </Chart>
  );
}

const WHOLE = scaleOf(0, 1);
type Points = [number, number][];
const curve = ({ lift }: ModelMetrics): Points => [
  [0, 0],
  ...lift.map(({ share, captured }): [number, number] => [share, captured]),
];

export function LiftChart({ metrics, baseline }: Props) {
  const points = curve(metrics);
  return (
    <Chart
      title="Capture"
      words={liftWords(metrics)}
      x={{ scale: WHOLE, text: percent, name: "of the carts, the likeliest first" }}
      y={{ scale: WHOLE, text: percent, name: "of the purchases" }}
      legend={[
        { name: "This model", look: "line" },
        ...(baseline ? [{ name: OLD, look: "thin" }] : []),
        { name: "By chance", look: "dashes" },
      ]}
      table={{
        heads: ["Of the carts", "Of the purchases", "Times chance"],
        rows: metrics.lift
          .filter(({ share }) => share > 0)
          .map(({ share, captured }) => [finePercent(share), finePercent(captured), (captured / share).toFixed(2)]),
      }}
    >
      {(plot) => (
        <>
          <path class="chart-area" d={`${plot.line(points)}L${plot.x(1)} ${plot.y(0)}Z`} />
          <path
            class="chart-even"
            d={plot.line([
              [0, 0],
              [1, 1],
            ])}
          />
          {baseline && <path class="chart-thin" d={plot.line(curve(baseline))} />}
          <path class="chart-line" d={plot.line(points)} />
        </>
      )}
    </Chart>
  );
}
