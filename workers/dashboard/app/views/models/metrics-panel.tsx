/** How good a version is, on shoppers it was not fitted on, beside what was in production on the same rows. */
import type { ModelMetrics, ModelView } from "../../../../../shared/model/views.ts";
import { MetricInterval, MetricText } from "./metric-interval.tsx";
import { comparedWith, finePercent, METRICS, type Metric } from "./model-words.ts";
import { CalibrationChart, LiftChart } from "./quality-charts.tsx";
import { boundsOf } from "./scale.ts";

export function MetricsPanel({ model }: { model: ModelView }) {
  const { metrics, baseline } = model;
  return (
    <section class="panel" aria-labelledby="metrics-heading" data-testid="metrics">
      <h2 id="metrics-heading">How good it is</h2>
      {metrics ? (
        <>
          <p class="panel-lead">
            On {metrics.shoppers.toLocaleString()} shoppers it was not fitted on: {metrics.rows.toLocaleString()}{" "}
            moments of their carts, of which {finePercent(metrics.positives / Math.max(1, metrics.rows))} ended in an
            order. With 95% intervals.
          </p>
          <Figures metrics={metrics} baseline={baseline} />
          <div class="charts">
            <CalibrationChart metrics={metrics} baseline={baseline} />
            <LiftChart metrics={metrics} baseline={baseline} />
          </div>
        </>
      ) : (
        <p class="panel-lead">
          {model.kind === "prior"
            ? "It was fitted on no carts of this store. When a model of its own is trained, the two are compared on the same carts."
            : "It was trained elsewhere. In the shadow or as a canary it is measured on this store’s carts."}
        </p>
      )}
    </section>
  );
}

function Figures({ metrics, baseline }: { metrics: ModelMetrics; baseline: ModelMetrics | null }) {
  return (
    <table class="metric-rows">
      <thead>
        <tr>
          <th scope="col">Metric</th>
          <th scope="col">This model</th>
          {baseline && <th scope="col">In production then</th>}
          <td aria-hidden="true" />
        </tr>
      </thead>
      <tbody>
        {METRICS.map((metric) => (
          <Row key={metric.name} metric={metric} metrics={metrics} baseline={baseline} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ metric, metrics, baseline }: { metric: Metric; metrics: ModelMetrics; baseline: ModelMetrics | null }) {
  const { name, label, does } = metric;
  const within = boundsOf([metrics[name], baseline?.[name]]);
  const compared = comparedWith(metric, metrics, baseline);
  return (
    <tr data-testid="metric" data-metric={name}>
      <th scope="row">
        {label}
        <span class="metric-does">{does}</span>
      </th>
      <td data-label="This model">
        <MetricText of={metrics[name]} />
      </td>
      {baseline && (
        <td data-label="In production then">
          <MetricText of={baseline[name]} />
        </td>
      )}
      <td class="metric-picture">
        <MetricInterval of={metrics[name]} within={within} />
        {baseline && <MetricInterval of={baseline[name]} within={within} old />}
        {compared && (
          <span class="metric-compared" data-tone={compared.tone}>
            {compared.text}
          </span>
        )}
      </td>
    </tr>
  );
}
