/** A step's message as a real cart of the store would get it now. Nothing is sent or counted. */
import { useState } from "preact/hooks";
import type { CampaignInput, MessageChannel, Step } from "../../../../../shared/policy/rules.ts";
import type { Channel } from "../../../../../shared/views.ts";
import { previewTemplate, type Template } from "../../api/templates.ts";
import { useResource } from "../../live/resource.ts";
import { Choice } from "../../ui/choice.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { CartSelect, Message, usePreviewCart } from "../editing/preview-cart.tsx";
import { CHANNELS } from "./campaign-words.ts";
import { chosenTemplate } from "./chosen-template.ts";
import type { Variant } from "./draft.ts";

const EACH: readonly MessageChannel[] = ["email", "push", "sms"];

interface Props {
  draft: CampaignInput;
  /** Which of its steps; the one that is being edited. */
  at: number;
  templates: readonly Template[];
}

export function PreviewPanel({ draft: { steps, trigger }, at, templates }: Props) {
  const cart = usePreviewCart();
  const [variant, setVariant] = useState(0);
  const [each, setEach] = useState<MessageChannel>("email");
  const step = steps[at] ?? steps[0];
  if (!step) return null;
  const channel = step.channel === "all" ? each : step.channel;
  const shown = step.variants[variant] ?? step.variants[0];
  const templateId = (step.channel === "all" ? shown?.templates?.[channel] : shown?.templateId) ?? "default";
  return (
    <section class="panel preview" aria-labelledby="preview-heading" data-testid="preview">
      <h2 id="preview-heading">Preview</h2>
      <p class="panel-lead">
        Step {steps.indexOf(step) + 1} of {steps.length}, {CHANNELS[step.channel].label.toLowerCase()}
      </p>
      <CartSelect from={cart} />
      <Choices step={step} shown={shown} each={each} setVariant={setVariant} setEach={setEach} />
      {cart.cartId !== undefined && (
        <Preview
          channel={channel}
          template={chosenTemplate(templates, templateId, channel, trigger)}
          cartId={cart.cartId}
        />
      )}
    </section>
  );
}

interface ChoicesProps {
  step: Step;
  shown: Variant | undefined;
  each: MessageChannel;
  setVariant: (at: number) => void;
  setEach: (channel: MessageChannel) => void;
}

function Choices({ step, shown, each, setVariant, setEach }: ChoicesProps) {
  return (
    <div class="preview-choices">
      {step.variants.length > 1 && (
        <Choice
          name="preview-variant"
          label="Variant"
          value={String(shown ? step.variants.indexOf(shown) : 0)}
          options={step.variants.map(({ id }, i) => ({ value: String(i), label: id }))}
          onChange={(value) => setVariant(Number(value))}
        />
      )}
      {step.channel === "all" && (
        <Choice
          name="preview-channel"
          label="Channel"
          value={each}
          options={EACH.map((value) => ({ value, label: CHANNELS[value].label }))}
          onChange={setEach}
        />
      )}
    </div>
  );
}

interface Asked {
  channel: Channel;
  template: Template | undefined;
  cartId: string | null;
}

function Preview({ channel, template, cartId }: Asked) {
  if (!template) return <p class="panel-none">There is no template for this channel.</p>;
  return <Known key={`${template.id} ${cartId}`} channel={channel} template={template} cartId={cartId} />;
}

function Known({ channel, template, cartId }: Asked & { template: Template }) {
  const { data, problem, reload } = useResource(`preview ${template.id} ${cartId}`, () =>
    previewTemplate(template, { cartId }),
  );
  if (problem) return <ProblemNotice problem={problem} retry={reload} />;
  if (!data) return <p class="loading">Writing it…</p>;
  return <Message channel={channel} rendered={data} />;
}
