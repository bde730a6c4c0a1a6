/** Which features move a version's predictions most, on the carts it was measured on. */
import type { ModelView } from "../../../../../shared/model/views.ts";
import { featureName } from "../../ui/feature-words.ts";
import { FigureTable } from "./chart.tsx";
import { featureDoc } from "./feature-docs.ts";

/** More bars say no more; the table has them all. */
const SHOWN = 12;

export function ImportancePanel({ model: { metrics } }: { model: ModelView }) {
  const all = metrics?.importance ?? [];
  const most = all[0];
  if (!most) return null;
  return (
    <section class="panel" aria-labelledby="importance-heading">
      <h2 id="importance-heading">What it goes by</h2>
      <p class="panel-lead">
        By how much a feature moves a prediction, up or down, on average over the carts it was measured on; in log-odds.
      </p>
      <ol class="importance" data-testid="importance">
        {all.slice(0, SHOWN).map(({ feature, effect }) => (
          <li key={feature} title={featureDoc(feature) ?? feature}>
            <span>{featureName(feature)}</span>
            <span class="importance-bar" aria-hidden="true">
              <span style={{ width: `${(100 * effect) / most.effect}%` }} />
            </span>
            <span class="importance-figure">{effect.toFixed(3)}</span>
          </li>
        ))}
      </ol>
      <FigureTable
        title="What it goes by"
        heads={["Feature", "Moves the log-odds by"]}
        rows={all.map(({ feature, effect }) => [featureName(feature), effect.toFixed(4)])}
      />
    </section>
  );
}
