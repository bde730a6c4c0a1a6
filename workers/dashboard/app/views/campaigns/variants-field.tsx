/** The variants of a step: which template each sends, and how often. */
import type { MessageChannel, Step } from "../../../../../shared/policy/rules.ts";
import type { Channel } from "../../../../../shared/views.ts";
import type { Template } from "../../api/templates.ts";
import { percent } from "../../format.ts";
import { templateHref, templatesHref } from "../../route.ts";
import { Fault, NumberField, type Option, Select, TextField } from "../editing/fields.tsx";
import { CHANNELS } from "./campaign-words.ts";
import { isOwn } from "./chosen-template.ts";
import { newVariant, replaced, type Variant, without } from "./draft.ts";

interface Props {
  path: string;
  step: Step;
  templates: readonly Template[];
  thompson: boolean;
  onChange: (variants: Variant[]) => void;
}

/** A step of channel `all` has a template for each of these. */
const EACH: readonly MessageChannel[] = ["email", "push", "sms"];

export function VariantsField({ path, step, templates, thompson, onChange }: Props) {
  const { variants } = step;
  const total = variants.reduce((sum, { weight }) => sum + (weight || 0), 0);
  return (
    <fieldset class="variants">
      <legend>{variants.length === 1 ? "Message" : "Variants"}</legend>
      {variants.map((variant, at) => (
        <VariantForm
          key={at}
          path={`${path}.${at}`}
          variant={variant}
          channel={step.channel}
          templates={templates}
          alone={variants.length === 1}
          share={total > 0 && !thompson ? variant.weight / total : null}
          onChange={(next) => onChange(replaced(variants, at, next))}
          onRemove={() => onChange(without(variants, at))}
        />
      ))}
      <Fault path={path} />
      <button
        type="button"
        class="button button-small"
        onClick={() => onChange([...variants, newVariant(variants)])}
        data-testid={`variant-add-${path}`}
      >
        {variants.length === 1 ? "Test it against another one" : "Add a variant"}
      </button>
    </fieldset>
  );
}

interface FormProps {
  path: string;
  variant: Variant;
  channel: Step["channel"];
  templates: readonly Template[];
  alone: boolean;
  /** `null`: it is learned. */
  share: number | null;
  onChange: (variant: Variant) => void;
  onRemove: () => void;
}

function VariantForm({ path, variant, channel, templates, alone, share, onChange, onRemove }: FormProps) {
  return (
    <div class="variant" data-alone={alone} data-testid="variant">
      {!alone && (
        <TextField
          label="Variant"
          path={`${path}.id`}
          value={variant.id}
          onChange={(id) => onChange({ ...variant, id })}
          pattern="[A-Za-z0-9_.\-]+"
          title="Letters, digits, dot, dash and underscore"
          maxLength={64}
          required
        />
      )}
      <Templates {...{ path, variant, channel, templates, onChange }} />
      {!alone && (
        <NumberField
          label={share === null ? "Weight (0: off)" : `Weight · ${percent(share)}`}
          path={`${path}.weight`}
          value={variant.weight}
          min={0}
          max={1e6}
          onChange={(weight) => onChange({ ...variant, weight })}
        />
      )}
      {!alone && (
        <button type="button" class="icon-button" aria-label={`Remove variant ${variant.id}`} onClick={onRemove}>
          ×
        </button>
      )}
    </div>
  );
}

function Templates({
  path,
  variant,
  channel,
  templates,
  onChange,
}: Pick<FormProps, "path" | "variant" | "channel" | "templates" | "onChange">) {
  if (channel !== "all") {
    return (
      <Select
        label="Template"
        path={`${path}.templateId`}
        value={variant.templateId}
        options={templateOptions(templates, channel, variant.templateId)}
        hint={<TemplateLink id={variant.templateId} templates={templates} />}
        onChange={(templateId) => onChange({ ...variant, templateId })}
      />
    );
  }
  return EACH.map((each) => (
    <Select
      key={each}
      label={CHANNELS[each].label}
      path={`${path}.templates.${each}`}
      value={variant.templates?.[each] ?? "default"}
      options={templateOptions(templates, each, variant.templates?.[each] ?? "default")}
      hint={<TemplateLink id={variant.templates?.[each] ?? "default"} templates={templates} />}
      onChange={(id) => onChange({ ...variant, templates: { ...variant.templates, [each]: id } })}
    />
  ));
}

function TemplateLink({ id, templates }: { id: string; templates: readonly Template[] }) {
  const isStored = templates.some((one) => one.id === id && isOwn(one));
  return <a href={isStored ? templateHref(id) : templatesHref}>{isStored ? "Read or change it" : "All templates"}</a>;
}

/** Those of the channel, the built-in one, and the present one even when it is gone. */
function templateOptions(templates: readonly Template[], channel: Channel, current: string): Option[] {
  const own = templates.filter((one) => one.channel === channel && isOwn(one));
  const options = [{ value: "default", label: "Built-in" }, ...own.map(({ id, name }) => ({ value: id, label: name }))];
  if (options.some(({ value }) => value === current)) return options;
  // One that is gone, or of another channel, is not sent: the built-in one goes in its place.
  return [...options, { value: current, label: `${current} (not usable)` }];
}
