/** What scores the carts now: all carts as one bar, parted as they are, and under it who is behind each part. */
import type { ComponentChildren } from "preact";
import type { ModelView, ServingView } from "../../../../../shared/model/views.ts";
import { percent } from "../../format.ts";
import { modelHref } from "../../route.ts";
import { ModelActions } from "./model-actions.tsx";
import { type ModelAction, servingWords } from "./model-words.ts";

interface Props {
  serving: ServingView;
  models: readonly ModelView[];
  nameOf: (version: string) => string;
  changed: () => void;
}

export function ServingLanes({ serving, models, nameOf, changed }: Props) {
  const { production, canary, shadow } = serving;
  const rest = canary ? 1 - canary.share : 1;
  const lane = (arm: Arm, version: string, what: string) => {
    const model = models.find((one) => one.version === version);
    return (
      <Lane arm={arm} version={version} name={nameOf(version)} what={what} known={model !== undefined}>
        {model && arm !== "shadow" && (
          <ModelActions model={model} serving={serving} nameOf={nameOf} changed={changed} only={isRollBack} />
        )}
      </Lane>
    );
  };
  return (
    <section class="lanes" aria-label="What scores the carts now" data-testid="serving">
      <div class="lane-bar" role="img" aria-label={servingWords(serving, nameOf)}>
        <span data-arm="production" style={{ flexGrow: rest * 100 }} />
        {canary && <span data-arm="canary" style={{ flexGrow: canary.share * 100 }} />}
      </div>
      <div class="lane-shadow" hidden={!shadow} aria-hidden="true" />
      <ul class="lane-names" aria-live="polite">
        {lane("production", production, canary ? `${percent(rest)} of the carts` : "every cart")}
        {canary && lane("canary", canary.version, `${percent(canary.share)} of the carts`)}
        {shadow && lane("shadow", shadow, "compared on finished carts")}
      </ul>
    </section>
  );
}

const isRollBack = (action: ModelAction): boolean => action === "rollback";

const ARMS = { production: "Production", canary: "Canary", shadow: "Shadow" };
type Arm = keyof typeof ARMS;

function Lane(props: {
  arm: Arm;
  version: string;
  name: string;
  what: string;
  known: boolean;
  children: ComponentChildren;
}) {
  const { arm, version, name, what, known } = props;
  return (
    <li class="lane" data-arm={arm} data-version={version} data-testid="lane">
      <p class="lane-role">{ARMS[arm]}</p>
      <p class="lane-name">{known ? <a href={modelHref(version)}>{name}</a> : name}</p>
      <p class="lane-what">{what}</p>
      {props.children}
    </li>
  );
}
