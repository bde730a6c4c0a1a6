/** How the cart is expected to end, and which facts say so. */
import type { PredictionView } from "../../../../shared/views.ts";
import { percent, words } from "../format.ts";
import { Ago } from "../ui/times.tsx";

export function PredictionPanel({ prediction }: { prediction: PredictionView }) {
  const strongest = Math.max(0.001, ...prediction.reasons.map((reason) => Math.abs(reason.effect)));
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
      {prediction.reasons.length > 0 && (
        <ul class="reasons" aria-label="What moved it most">
          {prediction.reasons.map((reason) => (
            <li key={reason.feature} data-direction={reason.effect < 0 ? "against" : "for"}>
              <span class="reason-name">
                {words(reason.feature)} <span class="reason-value">{figure(reason.value)}</span>
              </span>
              <span class="reason-track" aria-hidden="true">
                <span style={{ width: percent(Math.abs(reason.effect) / strongest / 2) }} />
              </span>
              <span class="visually-hidden">
                {reason.effect < 0 ? "speaks against a purchase" : "speaks for a purchase"}
              </span>
            </li>
          ))}
        </ul>
      )}
      <p class="panel-foot">
        {prediction.model} · <Ago at={prediction.at} />
      </p>
    </section>
  );
}

const figure = (value: number): string => value.toLocaleString(undefined, { maximumFractionDigits: 2 });
