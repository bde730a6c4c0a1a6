/** What scores the store's carts, how new models are made, and all versions. */
import { useState } from "preact/hooks";
import { GATES } from "../../../../../shared/model/gates.ts";
import type { ModelView, ServingView } from "../../../../../shared/model/views.ts";
import { listModels, type ModelsPage } from "../../api/models.ts";
import { may, user } from "../../api/session.ts";
import { useAction } from "../../live/action.ts";
import { type Resource, useResource } from "../../live/resource.ts";
import { ProblemNotice } from "../../ui/notice.tsx";
import { ImportDialog } from "./import-dialog.tsx";
import { LossCard } from "./loss-card.tsx";
import { LISTED, ModelCard } from "./model-card.tsx";
import { namesOf, PRIOR, titleOf } from "./model-words.ts";
import { boundsOf } from "./scale.ts";
import { ServingLanes } from "./serving-lanes.tsx";
import { TrainPanel } from "./train-panel.tsx";

export function ModelList() {
  const models = useResource(`models ${user.value?.storeId}`, () => listModels());
  const [importing, setImporting] = useState(false);
  const { data, problem, reload } = models;
  return (
    <div class="page models">
      <header class="page-head">
        <h1>Models</h1>
        {may("models:write") && (
          <button type="button" class="button" onClick={() => setImporting(true)} data-testid="model-import">
            Import a model…
          </button>
        )}
      </header>
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {!data && !problem && <p class="loading">Reading the models…</p>}
      {data && <Loaded models={models} data={data} />}
      <LossCard />
      {importing && <ImportDialog onDone={reload} onClose={() => setImporting(false)} />}
    </div>
  );
}

function Loaded({ models, data }: { models: Resource<ModelsPage>; data: ModelsPage }) {
  const [older, setOlder] = useState<{ of: ModelsPage; items: ModelView[]; next: string | null } | null>(null);
  const more = older?.of === data ? older : { of: data, items: [], next: data.nextCursor };
  const items = [...data.items, ...more.items];
  const nameOf = namesOf(items);
  const { serving } = data;
  const { busy, problem, run } = useAction(async () => {
    const page = await listModels(more.next ?? undefined);
    setOlder({ of: data, items: [...more.items, ...page.items], next: page.nextCursor });
  });
  return (
    <>
      <ServingLanes serving={serving} models={items} nameOf={nameOf} changed={models.reload} />
      {serving.production === PRIOR && <Prior />}
      <TrainPanel changed={models.reload} titles={new Map(items.map((model) => [model.version, titleOf(model)]))} />
      <Versions items={items} serving={serving} nameOf={nameOf} changed={models.reload} />
      {problem && <ProblemNotice problem={problem} />}
      {more.next && (
        <button type="button" class="button" aria-disabled={busy} onClick={() => void run()} data-testid="models-older">
          {busy ? "Reading…" : "Older versions"}
        </button>
      )}
    </>
  );
}

function Versions(props: {
  items: ModelView[];
  serving: ServingView;
  nameOf: (version: string) => string;
  changed: () => void;
}) {
  const { items } = props;
  if (items.length === 0) return null;
  const measured = items.map(({ metrics }) => metrics).filter((metrics) => metrics !== null);
  const bounds = Object.fromEntries(LISTED.map((name) => [name, boundsOf(measured.map((metrics) => metrics[name]))]));
  return (
    <section aria-labelledby="versions-heading">
      <h2 id="versions-heading" class="section-heading">
        Versions
      </h2>
      <ul class="model-list" data-testid="models">
        {items.map((model) => (
          <ModelCard key={model.version} {...props} model={model} bounds={bounds} />
        ))}
      </ul>
    </section>
  );
}

function Prior() {
  return (
    <section class="empty" data-testid="prior">
      <h2>No model of this store’s own serves yet</h2>
      <p>
        The prior ships with Cartwake and has learned from no cart of yours: take its figures as an order, not as odds.
        A model of the store’s own takes at least {GATES.minRows} moments of carts that have ended, {GATES.minOfEither}{" "}
        of them with an order and {GATES.minOfEither} without. A cart without an order counts once it has expired.
      </p>
    </section>
  );
}
