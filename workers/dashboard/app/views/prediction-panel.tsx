/** How the cart is expected to end, and which facts say so. */
import type { PredictionView } from "../../../../shared/views.ts";
import { percent } from "../format.ts";
import { modelHref } from "../route.ts";
import { featureSentence } from "../ui/feature-words.ts";
import { Ago } from "../ui/times.tsx";

type Reason = PredictionView["reasons"][number];

export function PredictionPanel({ prediction }: { prediction: PredictionView }) {
  const strongest = Math.max(0.001, ...prediction.reasons.map((reason) => Math.abs(reason.effect)));
  const pro = prediction.reasons.filter(({ effect }) => effect >= 0);
  const contra = prediction.reasons.filter(({ effect }) => effect < 0);
  return (
    <section class="panel panel-later" aria-labelledby="prediction-heading" data-testid="prediction">
      <h2 id="prediction-heading">Prediction</h2>
      <dl class="odds">
        <div>
          <dt>Left behind</dt>
          <dd>{percent(prediction.abandonmentRisk)}</dd>
        </div>
        <div>
          <dt>Purchase</dt>
          <dd>{percent(prediction.purchaseProbability)}</dd>
        </div>
      </dl>
      <div class="odds-bar" aria-hidden="true">
        <span style={{ width: percent(prediction.abandonmentRisk) }} />
      </div>
      <Reasons title="Against a purchase" direction="against" reasons={contra} strongest={strongest} />
      <Reasons title="For a purchase" direction="for" reasons={pro} strongest={strongest} />
      <p class="panel-foot">
        by <ModelLink version={prediction.model} />, <Ago at={prediction.at} />
      </p>
    </section>
  );
}

function Reasons(props: { title: string; direction: "for" | "against"; reasons: Reason[]; strongest: number }) {
  const { title, direction, reasons, strongest } = props;
  if (reasons.length === 0) return null;
  return (
    <div class="reasons" data-direction={direction}>
      <h3>{title}</h3>
      <ul>
        {reasons.map(({ feature, value, effect }) => (
          <li key={feature} data-testid="reason" data-feature={feature}>
            <span>{featureSentence(feature, value)}</span>
            <span
              class="reason-track"
              title={`${effect > 0 ? "+" : ""}${effect.toFixed(2)} log-odds`}
              aria-hidden="true"
            >
              <span style={{ width: percent(Math.abs(effect) / strongest) }} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The one that ships with Cartwake is in no registry. */
const ModelLink = ({ version }: { version: string }) =>
  /^prior(-|$)/.test(version) ? (
    <a href={modelHref("prior")}>the model that ships with Cartwake</a>
  ) : (
    <a href={modelHref(version)}>{version}</a>
  );
