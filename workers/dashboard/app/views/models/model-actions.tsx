/** What a member may do with a version. Each is asked once more: it changes what scores the store's carts. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { ModelView, ServingView } from "../../../../../shared/model/views.ts";
import { canaryModel, promoteModel, rollBackModel, shadowModel, stageModel } from "../../api/models.ts";
import { may } from "../../api/session.ts";
import { percent } from "../../format.ts";
import { Confirm } from "../../ui/dialog.tsx";
import { actionsOf, comparedWith, METRICS, type ModelAction, PRIOR, titleOf } from "./model-words.ts";

interface Props {
  model: ModelView;
  serving: ServingView;
  nameOf: (version: string) => string;
  changed: () => void;
  /** Not all that can be done. */
  only?: (action: ModelAction) => boolean;
  most?: number;
}

const LABELS: Record<Exclude<ModelAction, "rollback">, string> = {
  promote: "Promote",
  canary: "Canary…",
  shadow: "Shadow",
  stage: "Back to staging",
  archive: "Archive",
};

export function ModelActions(props: Props) {
  const { model, serving, only } = props;
  const [asked, setAsked] = useState<ModelAction | null>(null);
  const actions = actionsOf(model, serving)
    .filter(only ?? (() => true))
    .slice(0, props.most);
  if (!may("models:write") || actions.length === 0) return null;
  return (
    <div class="model-actions">
      {actions.map((action, i) => (
        <button
          key={action}
          type="button"
          class={`button ${look(action, i, model)}`}
          onClick={() => setAsked(action)}
          data-testid={`model-${action}`}
        >
          {label(action, props)}
        </button>
      ))}
      {asked && <Ask {...props} action={asked} onClose={() => setAsked(null)} />}
    </div>
  );
}

/** What comes next is offered first; all carts at once without a canary before it is not. */
function look(action: ModelAction, place: number, { stage }: ModelView): string {
  if (action === "rollback") return "button-danger";
  const isNext = place === 0 && (action === "shadow" || action === "canary" || stage === "canary");
  return isNext ? "button-primary" : "";
}

function label(action: ModelAction, { model, serving, nameOf }: Props): string {
  if (model.stage === "canary" && action === "canary") return "Share…";
  if (action !== "rollback") return LABELS[action];
  return model.stage === "canary" ? "Stop the canary" : `Roll back to ${nameOf(serving.previous ?? PRIOR)}`;
}

type Asking = Props & { action: ModelAction; onClose: () => void };

function Ask(props: Asking) {
  switch (props.action) {
    case "promote":
      return <Promote {...props} />;
    case "canary":
      return <Canary {...props} />;
    case "rollback":
      return <RollBack {...props} />;
    case "shadow":
      return (
        <Plain {...props} title={`Shadow ${titleOf(props.model)}?`} confirm="Shadow" work={shadowModel}>
          It scores finished carts beside production, so that the two can be compared. No cart is treated differently.
        </Plain>
      );
    case "stage":
      return (
        <Plain
          {...props}
          title={`Back to staging with ${titleOf(props.model)}?`}
          confirm="Back to staging"
          work={toStaging}
        >
          It is kept, and used for nothing until somebody decides otherwise.
        </Plain>
      );
    case "archive":
      return (
        <Plain {...props} title={`Archive ${titleOf(props.model)}?`} confirm="Archive" work={toArchive}>
          It leaves the way of those that are tried. It can be taken back.
        </Plain>
      );
  }
}

const toStaging = (version: string, seen: ServingView) => stageModel(version, seen, "staging");
const toArchive = (version: string, seen: ServingView) => stageModel(version, seen, "archived");

function Plain(
  props: Asking & {
    title: string;
    confirm: string;
    work: (version: string, seen: ServingView) => Promise<unknown>;
    children: ComponentChildren;
  },
) {
  const { model, serving, changed, onClose, work } = props;
  return (
    <Confirm
      title={props.title}
      confirm={props.confirm}
      busy="Working…"
      onConfirm={() => work(model.version, serving).finally(changed)}
      onClose={onClose}
    >
      <p>{props.children}</p>
    </Confirm>
  );
}

function Promote({ model, serving, nameOf, changed, onClose }: Asking) {
  const logLoss = METRICS.find(({ name }) => name === "logLoss")!;
  const compared = comparedWith(logLoss, model.metrics, model.baseline);
  return (
    <Confirm
      title={`Promote ${titleOf(model)}?`}
      confirm="Promote"
      busy="Promoting…"
      onConfirm={() => promoteModel(model.version, serving).finally(changed)}
      onClose={onClose}
    >
      <p>
        From now on it scores every cart. {nameOf(serving.production)} is kept as the one to roll back to.
        {compared && ` On the same shoppers its log loss is ${compared.text}.`}
        {!model.metrics && " It has not been measured on this store’s carts: a shadow or a canary tells first."}
      </p>
    </Confirm>
  );
}

function RollBack({ model, serving, nameOf, changed, onClose }: Asking) {
  const isCanary = model.stage === "canary";
  const back = nameOf(isCanary ? serving.production : (serving.previous ?? PRIOR));
  return (
    <Confirm
      title={isCanary ? `Stop ${titleOf(model)}?` : `Roll back to ${back}?`}
      confirm={isCanary ? "Stop the canary" : "Roll back"}
      busy={isCanary ? "Stopping…" : "Rolling back…"}
      tone="danger"
      onConfirm={() => rollBackModel(model.version, serving).finally(changed)}
      onClose={onClose}
    >
      <p>
        {isCanary
          ? `Its carts are scored by ${back} again, from their next event on.`
          : `${back} scores every cart again, from its next event on. ${titleOf(model)} is kept.`}
      </p>
    </Confirm>
  );
}

function Canary({ model, serving, nameOf, changed, onClose }: Asking) {
  const [share, setShare] = useState(serving.canary?.version === model.version ? serving.canary.share : 0.1);
  return (
    <Confirm
      title={`Canary ${titleOf(model)}`}
      confirm={`Score ${percent(share)} of the carts`}
      busy="Working…"
      onConfirm={() => canaryModel(model.version, serving, share).finally(changed)}
      onClose={onClose}
    >
      <div class="field share">
        <label for="canary-share">
          Share of the carts <output for="canary-share">{percent(share)}</output>
        </label>
        <input
          id="canary-share"
          type="range"
          min="1"
          max="50"
          step="1"
          value={Math.round(share * 100)}
          aria-valuetext={percent(share)}
          onInput={(event) => setShare(Number(event.currentTarget.value) / 100)}
          data-testid="canary-share"
        />
        <p class="field-hint">
          By the hash of a cart’s id, so a cart keeps its model. The others stay with {nameOf(serving.production)}.
        </p>
      </div>
    </Confirm>
  );
}
