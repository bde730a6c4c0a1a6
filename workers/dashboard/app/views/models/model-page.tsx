/** One version: how good it is beside what was in production, what it was made of, and whether it still holds. */
import type { ModelView, ServingView } from "../../../../../shared/model/views.ts";
import { downloadModel, getModel, listModels } from "../../api/models.ts";
import { fullTime, plural } from "../../format.ts";
import { useAction } from "../../live/action.ts";
import { useResource } from "../../live/resource.ts";
import { modelsHref } from "../../route.ts";
import { featureName } from "../../ui/feature-words.ts";
import { saveFile } from "../../ui/file.ts";
import { BackIcon } from "../../ui/icons.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Ago } from "../../ui/times.tsx";
import { DriftPanel } from "./drift-panel.tsx";
import { featureDoc } from "./feature-docs.ts";
import { ImportancePanel } from "./importance-panel.tsx";
import { MetricsPanel } from "./metrics-panel.tsx";
import { ModelActions } from "./model-actions.tsx";
import { StageChip } from "./model-card.tsx";
import { algorithmWords, examplesWords, KINDS, namesOf, STAGES, size, titleOf, windowWords } from "./model-words.ts";

interface Known {
  model: ModelView;
  serving: ServingView;
  nameOf: (version: string) => string;
}

async function read(version: string): Promise<Known> {
  const [model, { items, serving }] = await Promise.all([getModel(version), listModels()]);
  return { model, serving, nameOf: namesOf([model, ...items]) };
}

export function ModelPage({ version }: { version: string }) {
  const { data, problem, reload } = useResource(`model ${version}`, () => read(version));
  return (
    <div class="page model-page">
      <a class="back" href={modelsHref}>
        <BackIcon /> Models
      </a>
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {data ? <Loaded {...data} changed={reload} /> : !problem && <p class="loading">Reading the model…</p>}
    </div>
  );
}

function Loaded({ model, serving, nameOf, changed }: Known & { changed: () => void }) {
  return (
    <>
      <header class="page-head" data-testid="model-head" data-stage={model.stage}>
        <h1>{titleOf(model)}</h1>
        <StageChip model={model} />
        <ModelActions model={model} serving={serving} nameOf={nameOf} changed={changed} />
      </header>
      <p class="model-stage" aria-live="polite">
        {STAGES[model.stage].does}
        {model.kind !== "prior" && (
          <>
            {" "}
            It came to this stage <Ago at={model.stagedAt} />.
          </>
        )}
      </p>
      {model.note && <p class="model-note">{model.note}</p>}
      <div class="model-grid">
        <MetricsPanel model={model} />
        <ImportancePanel model={model} />
        <DriftPanel version={model.version} />
        <Made model={model} />
        <Features model={model} />
      </div>
    </>
  );
}

function Made({ model }: { model: ModelView }) {
  const isPrior = model.kind === "prior";
  const download = useAction(async () => saveFile(await downloadModel(model.version), `${model.version}.cartwake`));
  const facts: [string, string | null][] = [
    ["Version", isPrior ? model.name : model.version],
    ["Kind", `${algorithmWords(model)}, ${KINDS[model.kind]}`],
    ["Examples", model.examples > 0 ? examplesWords(model.examples) : null],
    ["Outcomes of", windowWords(model.window)],
    ["Made", isPrior ? null : `${fullTime(model.createdAt)}${model.createdBy ? ` by ${model.createdBy}` : ""}`],
    ["Artefact", model.bytes > 0 ? size(model.bytes) : null],
    ["SHA-256", model.sha256 || null],
  ];
  return (
    <section class="panel" aria-labelledby="made-heading">
      <header class="panel-title">
        <h2 id="made-heading">How it was made</h2>
        <button
          type="button"
          class="button"
          aria-disabled={download.busy}
          onClick={() => void download.run()}
          data-testid="model-download"
        >
          {download.busy ? "Downloading…" : "Download"}
        </button>
      </header>
      {download.problem && <ProblemNotice problem={download.problem} />}
      <dl class="made">
        {facts.map(
          ([name, text]) =>
            text && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{name === "SHA-256" ? <code>{text}</code> : text}</dd>
              </div>
            ),
        )}
      </dl>
    </section>
  );
}

function Features({ model: { features } }: { model: ModelView }) {
  return (
    <section class="panel" aria-labelledby="features-heading">
      <h2 id="features-heading">What it looks at: {plural(features.length, "feature")}</h2>
      <ul class="feature-list" data-testid="features">
        {features.map((name) => (
          <li key={name} title={name}>
            {featureName(name)}
            <span class="feature-doc">{featureDoc(name)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
