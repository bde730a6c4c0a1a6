/** The parts of a campaign, one below the other. */
import type { CampaignInput, Trigger } from "../../../../../shared/policy/rules.ts";
import type { Template } from "../../api/templates.ts";
import { Check, NumberField, Select, TextField } from "../editing/fields.tsx";
import { TRIGGER_NAMES, TRIGGERS } from "./campaign-words.ts";
import { ConditionsField } from "./conditions-field.tsx";
import { StepsField } from "./steps-field.tsx";

interface Props {
  draft: CampaignInput;
  set: (change: Partial<CampaignInput>) => void;
}

export function EditorForm({
  draft,
  set,
  templates,
  onFocus,
}: Props & { templates: readonly Template[]; onFocus: (at: number) => void }) {
  return (
    <>
      <section class="panel">
        <h2>When</h2>
        <When draft={draft} set={set} />
      </section>
      <section class="panel">
        <h2>What happens</h2>
        <StepsField draft={draft} templates={templates} onChange={(steps) => set({ steps })} onFocus={onFocus} />
        <ConditionsField
          path="exit"
          legend="Ends early once"
          none="Nothing but the order, or the shopper’s no, ends it early."
          value={draft.exit}
          onChange={(exit) => set({ exit: Object.keys(exit).length ? exit : undefined })}
        />
      </section>
      <section class="panel">
        <h2>How it is measured</h2>
        <Measured draft={draft} set={set} />
      </section>
    </>
  );
}

const TRIGGER_OPTIONS = TRIGGER_NAMES.map((value) => ({ value, label: TRIGGERS[value].label }));

function When({ draft, set }: Props) {
  return (
    <div class="fields">
      <TextField
        label="Name"
        path="name"
        value={draft.name}
        onChange={(name) => set({ name })}
        maxLength={200}
        required
      />
      <Beginning draft={draft} set={set} />
      <ConditionsField
        path="conditions"
        legend="Only for carts where"
        none="Every cart."
        value={draft.conditions}
        onChange={(conditions) => set({ conditions })}
      />
      <Check
        label="Enabled: new carts enter it from the moment it is saved"
        checked={draft.enabled}
        onChange={(enabled) => set({ enabled })}
        testid="field-enabled"
      />
    </div>
  );
}

function Beginning({ draft, set }: Props) {
  const to = (trigger: Trigger) => set({ trigger, threshold: trigger === "prediction_high" ? 0.7 : undefined });
  return (
    <div class="field-row">
      <Select
        label="It begins when"
        path="trigger"
        value={draft.trigger}
        options={TRIGGER_OPTIONS}
        hint={TRIGGERS[draft.trigger].does}
        onChange={(value) => to(TRIGGER_NAMES.find((name) => name === value) ?? "cart_abandoned")}
      />
      {draft.trigger === "prediction_high" && (
        <NumberField
          label="From a risk of (0 to 1)"
          path="threshold"
          value={draft.threshold ?? 0.7}
          min={0}
          max={1}
          onChange={(threshold) => set({ threshold })}
        />
      )}
      <NumberField
        label="Priority"
        path="priority"
        value={draft.priority}
        min={-1000}
        max={1000}
        step={1}
        hint="Of the campaigns that begin so, a cart enters the first that wants it; of two messages the higher goes first."
        onChange={(priority) => set({ priority })}
      />
    </div>
  );
}

const CREDITS = [
  { value: "last", label: "The last message clicked, else opened, else sent" },
  { value: "first", label: "The first message clicked, else opened, else sent" },
];
const ALLOCATIONS = [
  { value: "fixed", label: "By fixed weights" },
  { value: "thompson", label: "Learned: the better one more often (Thompson sampling)" },
];

function Measured({ draft, set }: Props) {
  const { goal } = draft;
  return (
    <div class="fields">
      <div class="field-row">
        <NumberField
          label="Held out (%)"
          path="holdout"
          value={Number.isNaN(draft.holdout) ? Number.NaN : Math.round(draft.holdout * 1_000) / 10}
          min={0}
          max={90}
          hint="Shoppers who get no message, so that the effect can be measured."
          onChange={(share) => set({ holdout: Math.round(share * 10) / 1_000 })}
        />
        <NumberField
          label="An order counts within (hours)"
          path="goal.attributionHours"
          value={goal.attributionHours}
          min={0}
          max={2160}
          onChange={(attributionHours) => set({ goal: { ...goal, attributionHours } })}
        />
      </div>
      <div class="field-row">
        <Select
          label="Credit goes to"
          path="goal.attribution"
          value={goal.attribution}
          options={CREDITS}
          onChange={(value) => set({ goal: { ...goal, attribution: value === "first" ? "first" : "last" } })}
        />
        <Select
          label="Variants are shared out"
          path="allocation"
          value={draft.allocation}
          options={ALLOCATIONS}
          onChange={(value) => set({ allocation: value === "thompson" ? "thompson" : "fixed" })}
        />
      </div>
    </div>
  );
}
