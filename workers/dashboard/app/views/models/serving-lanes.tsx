/** What scores the carts now: the way of the carts, parted between production and the canary, and the shadow under it. */
import type { ModelView, ServingView } from "../../../../../shared/model/views.ts";
import { percent } from "../../format.ts";
import { modelHref } from "../../route.ts";
import { servingWords } from "./model-words.ts";

interface Props {
  serving: ServingView;
  models: readonly ModelView[];
  nameOf: (version: string) => string;
}

export function ServingLanes({ serving, models, nameOf }: Props) {
  const { production, canary, shadow } = serving;
  const rest = canary ? 1 - canary.share : 1;
  const known = (version: string) => models.some((model) => model.version === version);
  const lane = { nameOf, known };
  return (
    <section class="lanes" aria-label="What scores the carts now" data-testid="serving">
      <p class="visually-hidden">{servingWords(serving, nameOf)}</p>
      <div class="lane-cuts">
        <Lane {...lane} role="production" version={production} share={rest} what={`${percent(rest)} of the carts`} />
        {canary && (
          <Lane
            {...lane}
            role="canary"
            version={canary.version}
            share={canary.share}
            what={`${percent(canary.share)} of the carts`}
          />
        )}
      </div>
      {shadow && <Lane {...lane} role="shadow" version={shadow} share={1} what="compared on finished carts" />}
    </section>
  );
}

const ROLES = { production: "Production", canary: "Canary", shadow: "Shadow" };

function Lane(props: {
  role: keyof typeof ROLES;
  version: string;
  share: number;
  what: string;
  nameOf: (version: string) => string;
  known: (version: string) => boolean;
}) {
  const { role, version, share, nameOf } = props;
  return (
    <div class="lane" data-role={role} data-version={version} style={{ flexGrow: share * 100 }}>
      <p class="lane-role">{ROLES[role]}</p>
      <p class="lane-name">
        {props.known(version) ? <a href={modelHref(version)}>{nameOf(version)}</a> : nameOf(version)}
      </p>
      <p class="lane-what">{props.what}</p>
    </div>
  );
}
