/** Whether the carts of today still look like those that a version was fitted on. */
import { PSI } from "../../../../../shared/model/drift.ts";
import type { DriftFeature, DriftView } from "../../../../../shared/model/views.ts";
import { getDrift } from "../../api/models.ts";
import { percent } from "../../format.ts";
import { useResource } from "../../live/resource.ts";
import { featureName } from "../../ui/feature-words.ts";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Ago } from "../../ui/times.tsx";
import { DriftHistory, LIMITS } from "./drift-charts.tsx";
import { featureDoc } from "./feature-docs.ts";
import { DRIFT_STATUS, points, windowWords } from "./model-words.ts";
import { along } from "./scale.ts";

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
      {drift.history.length > 1 && <DriftHistory history={drift.history} />}
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
