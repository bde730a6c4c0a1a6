/** One version in the list: what it is, how well it does beside the others, and what can be done with it. */
import type { ModelView, ServingView } from "../../../../../shared/model/views.ts";
import { percent } from "../../format.ts";
import { modelHref } from "../../route.ts";
import { Ago } from "../../ui/times.tsx";
import { MetricInterval, MetricText } from "./metric-interval.tsx";
import { ModelActions } from "./model-actions.tsx";
import { algorithmWords, examplesWords, KINDS, METRICS, type MetricName, STAGES, titleOf } from "./model-words.ts";
import type { Bounds } from "./scale.ts";

/** Those that say most in a list. */
export const LISTED: readonly MetricName[] = ["rocAuc", "logLoss", "ece"];

export function ModelCard(props: {
  model: ModelView;
  serving: ServingView;
  bounds: Record<string, Bounds>;
  nameOf: (version: string) => string;
  changed: () => void;
}) {
  const { model, bounds } = props;
  return (
    <li
      class="panel model"
      data-testid="model-row"
      data-version={model.version}
      data-stage={model.stage}
      data-quiet={model.stage === "archived" || model.stage === "rejected"}
    >
      <div class="model-main">
        <h2>
          <a href={modelHref(model.version)}>{titleOf(model)}</a>
        </h2>
        <StageChip model={model} />
        <p class="model-facts">
          {algorithmWords(model)}, {KINDS[model.kind]}
        </p>
        {model.kind !== "prior" && (
          <p class="model-facts">
            {model.examples > 0 && `${examplesWords(model.examples)} · `}
            <Ago at={model.createdAt} />
            {model.name !== model.version && ` · ${model.version}`}
          </p>
        )}
      </div>
      {model.metrics ? (
        <dl class="model-metrics">
          {METRICS.filter(({ name }) => LISTED.includes(name)).map(({ name, label }) => (
            <div key={name}>
              <dt>{label}</dt>
              <dd>
                <MetricText of={model.metrics![name]} />
                <MetricInterval of={model.metrics![name]} within={bounds[name]!} />
              </dd>
            </div>
          ))}
        </dl>
      ) : (
        <p class="model-unmeasured">
          {model.kind === "prior" ? "Fitted on no carts of this store." : "Not measured on this store’s carts."}
        </p>
      )}
      {/* The way back is above, beside what serves; the rest is on its own page. */}
      <ModelActions {...props} only={(action) => action !== "rollback"} most={2} />
    </li>
  );
}

export function StageChip({ model: { stage, share } }: { model: Pick<ModelView, "stage" | "share"> }) {
  const { label, tone, does } = STAGES[stage];
  return (
    <span class="chip" data-tone={tone} title={does}>
      {label}
      {stage === "canary" && share !== null && ` ${percent(share)}`}
    </span>
  );
}
