/** Whether the carts of today still look like those that a version was fitted on. */
import { PSI } from "../../../../../shared/model/drift.ts";
import type { DriftFeature, DriftView } from "../../../../../shared/model/views.ts";
import { getDrift } from "../../api/models.ts";
import { percent } from "../../format.ts";
import { useResource } from "../../live/resource.ts";
import { featureName } from "../../ui/feature-words.ts";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Ago } from "../../ui/times.tsx";
import { Chart } from "./chart.tsx";
import { featureDoc } from "./feature-docs.ts";
import { DRIFT_STATUS, points, windowWords } from "./model-words.ts";
import { along, scaleOf } from "./scale.ts";

const LIMITS = [PSI.moved, PSI.drifted];
/** More are folded away. */
const SHOWN = 8;

export function DriftPanel({ version }: { version: string }) {
  const { data, problem, reload } = useResource(`drift ${version}`, () => getDrift(version));
  return (
    <section class="panel" aria-labelledby="drift-heading" data-testid="drift" data-status={data?.status}>
      <header class="panel-title">
        <h2 id="drift-heading">Drift</h2>
        {data && (
          <span class="chip" data-tone={DRIFT_STATUS[data.status].tone}>
            {DRIFT_STATUS[data.status].label}
          </span>
        )}
      </header>
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {data ? <Measured drift={data} /> : !problem && <p class="loading">Reading the drift…</p>}
    </section>
  );
}

function Measured({ drift }: { drift: DriftView }) {
  const { at, rows, window } = drift;
  if (!at)
    return (
      <p class="panel-lead">
        Once a day the recent carts are compared with those the model was fitted on. That has not been done for this
        version yet.
      </p>
    );
  const span = windowWords(window);
  return (
    <>
      <p class="panel-lead">
        {rows.toLocaleString()} recent moments{span && ` of ${span}`}, measured <Ago at={at} />.
        {drift.status === "unknown" && " They are of too few shoppers to tell."}
      </p>
      {drift.alarms.length > 0 && (
        <ul class="alarms" data-testid="drift-alarms">
          {drift.alarms.map((alarm) => (
            <li key={alarm}>{named(alarm)}</li>
          ))}
        </ul>
      )}
      <Summary drift={drift} />
      {drift.history.length > 1 && <History history={drift.history} />}
      <Features features={drift.features} />
    </>
  );
}

/** An alarm begins with what it is about. */
const named = (alarm: string): string => alarm.replace(/^\w+/, featureName);

function Summary({ drift: { score, calibration } }: { drift: DriftView }) {
  if (!score && !calibration) return null;
  return (
    <dl class="figures">
      {score && (
        <div data-tone={DRIFT_STATUS[score.status].tone}>
          <dt>population stability of the score</dt>
          <dd>{score.psi.toFixed(3)}</dd>
        </div>
      )}
      {calibration && (
        <>
          <div>
            <dt>predicted, on average</dt>
            <dd>{percentFine(calibration.predicted)}</dd>
          </div>
          <div>
            <dt>bought</dt>
            <dd>{percentFine(calibration.observed)}</dd>
          </div>
          <div data-tone={calibration.low > 0 || calibration.high < 0 ? "bad" : "good"}>
            <dt>
              gap, {points(calibration.low)} to {points(calibration.high)}
            </dt>
            <dd>{points(calibration.gap)}</dd>
          </div>
        </>
      )}
    </dl>
  );
}

const percentFine = (share: number): string => `${(share * 100).toFixed(1)}%`;

type Past = DriftView["history"];
const dayOf = (ms: number): string =>
  new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" }).format(ms);

function History({ history }: { history: Past }) {
  const past = [...history].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const times = past.map(({ at }) => Date.parse(at));
  const [first, last] = [times[0]!, times.at(-1)!];
  const ticks = [0, 1, 2, 3].map((i) => first + ((last - first) * i) / 3);
  const x = { scale: { low: first, high: Math.max(last, first + 1), ticks }, text: dayOf, name: "" };
  const stability = scaleOf(0, Math.max(0.3, ...past.map(({ worst, score }) => Math.max(worst, score))));
  const gaps = past.map(({ gap }) => gap).filter((gap) => gap !== null);
  const newest = past.at(-1)!;
  return (
    <div class="charts">
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
                  [first, limit],
                  [x.scale.high, limit],
                ])}
              />
            ))}
            <path class="chart-thin" d={plot.line(past.map(({ worst }, i) => [times[i]!, worst]))} />
            <path class="chart-line" d={plot.line(past.map(({ score }, i) => [times[i]!, score]))} />
          </>
        )}
      </Chart>
      {gaps.length > 1 && <Gaps past={past} times={times} x={x} gaps={gaps} />}
    </div>
  );
}

function Gaps(props: { past: Past; times: number[]; x: Parameters<typeof Chart>[0]["x"]; gaps: number[] }) {
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

function Features({ features }: { features: DriftFeature[] }) {
  if (features.length === 0) return null;
  const scale = { low: 0, high: Math.max(0.3, ...features.map(({ psi }) => psi)) };
  const rows = features.map((feature) => <FeatureRow key={feature.feature} of={feature} scale={scale} />);
  return (
    <>
      <h3 class="drift-heading">By feature</h3>
      <p class="panel-lead">
        Population stability: below {PSI.moved} the same carts, above {PSI.drifted} others.
      </p>
      <ul class="drift-features">{rows.slice(0, SHOWN)}</ul>
      {rows.length > SHOWN && (
        <details class="drift-more">
          <summary>{rows.length - SHOWN} more</summary>
          <ul class="drift-features">{rows.slice(SHOWN)}</ul>
        </details>
      )}
    </>
  );
}

function FeatureRow({ of, scale }: { of: DriftFeature; scale: { low: number; high: number } }) {
  const { label, tone } = DRIFT_STATUS[of.status];
  const missing = Math.abs(of.missing - of.missingBefore) >= 0.005;
  return (
    <li data-tone={tone} data-testid="drift-feature">
      <span class="drift-name" title={featureDoc(of.feature) ?? undefined}>
        {featureName(of.feature)}
        {missing && (
          <span class="drift-missing">
            missing in {percent(of.missing)}, before in {percent(of.missingBefore)}
          </span>
        )}
      </span>
      <span class="drift-track" aria-hidden="true">
        <span class="drift-fill" style={{ width: percent(along(scale, of.psi)) }} />
        {LIMITS.map((limit) => (
          <span key={limit} class="drift-limit" style={{ left: percent(along(scale, limit)) }} />
        ))}
      </span>
      <span class="drift-psi" title={`KL divergence ${of.kl.toFixed(3)} nats`}>
        {of.psi.toFixed(3)}
      </span>
      <span class="drift-status">{label}</span>
    </li>
  );
}
