/** What a campaign does, as a line through time: it is set off, waits, speaks, waits, speaks again. */
import type { CampaignInput, Step } from "../../../../../shared/policy/rules.ts";
import { store } from "../../api/session.ts";
import type { Template } from "../../api/templates.ts";
import { plural } from "../../format.ts";
import { ChannelIcon } from "../../ui/icons.tsx";
import { Fault, TextField } from "../editing/fields.tsx";
import { CHANNEL_NAMES, CHANNELS, couponWords, delayWords, TRIGGERS } from "./campaign-words.ts";
import { ConditionsField } from "./conditions-field.tsx";
import { CouponField } from "./coupon-field.tsx";
import { moved, newStep, replaced, without } from "./draft.ts";
import { Duration } from "./duration.tsx";
import { VariantsField } from "./variants-field.tsx";

interface Props {
  draft: CampaignInput;
  templates: readonly Template[];
  onChange: (steps: Step[]) => void;
  /** The reader is busy with this step. */
  onFocus: (at: number) => void;
}

export function StepsField({ draft, templates, onChange, onFocus }: Props) {
  const { steps } = draft;
  return (
    <>
      <ol class="journey">
        <li class="journey-start">
          <span class="journey-mark" aria-hidden="true" />
          <p>{TRIGGERS[draft.trigger].label}</p>
        </li>
        {steps.map((step, at) => (
          <li key={at} class="journey-step" onFocusIn={() => onFocus(at)}>
            <StepCard
              {...{ step, at, templates, draft }}
              set={(next) => onChange(replaced(steps, at, next))}
              move={(by) => onChange(moved(steps, at, by))}
              remove={() => onChange(without(steps, at))}
            />
          </li>
        ))}
      </ol>
      <Fault path="steps" />
      <button
        type="button"
        class="button journey-add"
        aria-disabled={steps.length >= 20}
        onClick={() => steps.length < 20 && onChange([...steps, newStep(steps)])}
        data-testid="step-add"
      >
        Add a step
      </button>
    </>
  );
}

interface CardProps {
  step: Step;
  at: number;
  draft: CampaignInput;
  templates: readonly Template[];
  set: (step: Step) => void;
  move: (by: -1 | 1) => void;
  remove: () => void;
}

function StepCard({ step, at, draft, templates, set, move, remove }: CardProps) {
  const path = `steps.${at}`;
  return (
    <>
      <p class="journey-delay">{delayWords(step.delayMinutes)}</p>
      <details class="step" open data-testid="step" data-channel={step.channel}>
        <summary>
          <span class="step-icon" aria-hidden="true">
            <ChannelIcon channel={step.channel} size={20} />
          </span>
          <span>
            {at + 1}. {CHANNELS[step.channel].label} <span class="step-facts">{stepFacts(step)}</span>
          </span>
        </summary>
        <div class="step-body">
          <WhenAndHow step={step} path={path} set={set} />
          <VariantsField
            path={`${path}.variants`}
            step={step}
            templates={templates}
            thompson={draft.allocation === "thompson"}
            onChange={(variants) => set({ ...step, variants })}
          />
          <CouponField path={`${path}.coupon`} coupon={step.coupon} onChange={(coupon) => set({ ...step, coupon })} />
          <ConditionsField
            path={`${path}.conditions`}
            legend="Only if, when it is due"
            none="Whatever the cart looks like then."
            value={step.conditions}
            onChange={(conditions) =>
              set({ ...step, conditions: Object.keys(conditions).length ? conditions : undefined })
            }
          />
          <StepActions at={at} last={at === draft.steps.length - 1} move={move} remove={remove} />
        </div>
      </details>
    </>
  );
}

function stepFacts({ variants, coupon }: Step): string {
  const facts = variants.length > 1 ? [plural(variants.length, "variant")] : [];
  if (coupon) facts.push(couponWords(coupon, store.value?.currency ?? ""));
  return facts.join(" · ");
}

function WhenAndHow({ step, path, set }: { step: Step; path: string; set: (step: Step) => void }) {
  return (
    <>
      <fieldset class="choice channels">
        <legend>Channel</legend>
        {CHANNEL_NAMES.map((channel) => (
          <label key={channel} class="choice-option">
            <input
              type="radio"
              name={`${path}.channel`}
              value={channel}
              checked={step.channel === channel}
              onChange={() => set({ ...step, channel, fallbackMinutes: channel === "all" ? 240 : undefined })}
            />
            <span>
              <ChannelIcon channel={channel} size={16} /> {CHANNELS[channel].label}
            </span>
          </label>
        ))}
      </fieldset>
      <p class="field-hint">{CHANNELS[step.channel].does}</p>
      <div class="field-row">
        <Duration
          label="After the trigger"
          path={`${path}.delayMinutes`}
          value={step.delayMinutes}
          onChange={(delayMinutes) => set({ ...step, delayMinutes })}
        />
        {step.channel === "all" && (
          <Duration
            label="Next channel after"
            path={`${path}.fallbackMinutes`}
            value={step.fallbackMinutes ?? 240}
            onChange={(fallbackMinutes) => set({ ...step, fallbackMinutes })}
          />
        )}
        <TextField
          label="Name in results"
          path={`${path}.id`}
          value={step.id}
          onChange={(id) => set({ ...step, id })}
          pattern="[A-Za-z0-9_.\-]+"
          title="Letters, digits, dot, dash and underscore"
          maxLength={64}
          required
        />
      </div>
    </>
  );
}

function StepActions({ at, last, move, remove }: { at: number; last: boolean } & Pick<CardProps, "move" | "remove">) {
  if (at === 0 && last) return null;
  return (
    <p class="step-actions">
      {at > 0 && (
        <button type="button" class="button button-small" onClick={() => move(-1)}>
          Earlier
        </button>
      )}
      {!last && (
        <button type="button" class="button button-small" onClick={() => move(1)}>
          Later
        </button>
      )}
      <button type="button" class="button button-small" onClick={remove}>
        Remove the step
      </button>
    </p>
  );
}
