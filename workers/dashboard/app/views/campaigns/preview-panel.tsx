/** A step's message as a real cart of the store would get it now. Nothing is sent or counted. */
import { useState } from "preact/hooks";
import type { CampaignInput, MessageChannel, Step } from "../../../../../shared/policy/rules.ts";
import type { CartListItem, Channel } from "../../../../../shared/views.ts";
import { previewTemplate, type Rendered, type Template } from "../../api/campaigns.ts";
import { get, type Page } from "../../api/client.ts";
import { formatMoney } from "../../format.ts";
import { useResource } from "../../live/resource.ts";
import { Choice } from "../../ui/choice.tsx";
import { SelectField } from "../../ui/form.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { MailFrame } from "../mail-frame.tsx";
import { MessageLook } from "../message-look.tsx";
import { CHANNELS } from "./campaign-words.ts";
import { chosenTemplate } from "./chosen-template.ts";
import type { Variant } from "./draft.ts";

const EACH: readonly MessageChannel[] = ["email", "push", "sms"];
const SAMPLE = "";

interface Props {
  draft: CampaignInput;
  /** Which of its steps; the one that is being edited. */
  at: number;
  templates: readonly Template[];
}

export function PreviewPanel({ draft: { steps, trigger }, at, templates }: Props) {
  const carts = useResource("preview carts", () => get<Page<CartListItem>>("/v1/carts?limit=50"));
  const [chosen, setChosen] = useState<string | null>(null);
  const [variant, setVariant] = useState(0);
  const [each, setEach] = useState<MessageChannel>("email");
  const step = steps[at] ?? steps[0];
  const filled = (carts.data?.items ?? []).filter(({ itemCount }) => itemCount > 0);
  const known = filled.find(({ shopper }) => shopper.name !== null) ?? filled[0];
  const cartId = chosen ?? known?.id ?? SAMPLE;
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
      <SelectField
        label="With the cart of"
        name="preview-cart"
        value={cartId}
        options={[...filled.map(cartOption), { value: SAMPLE, label: "A sample cart" }]}
        onChange={setChosen}
      />
      {carts.problem && <ProblemNotice problem={carts.problem} retry={carts.reload} />}
      <Choices step={step} shown={shown} each={each} setVariant={setVariant} setEach={setEach} />
      {(carts.data || carts.problem) && (
        <Preview
          channel={channel}
          template={chosenTemplate(templates, templateId, channel, trigger)}
          cartId={cartId || null}
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

const cartOption = ({ id, shopper, total }: CartListItem) => ({
  value: id,
  label: `${shopper.name ?? shopper.email ?? "Anonymous visitor"}${total ? `, ${formatMoney(total)}` : ""}`,
});

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
    previewTemplate(template, cartId),
  );
  if (problem) return <ProblemNotice problem={problem} retry={reload} />;
  if (!data) return <p class="loading">Writing it…</p>;
  return <Message channel={channel} rendered={data} />;
}

function Message({ channel, rendered }: { channel: Channel; rendered: Rendered }) {
  if (channel !== "email") return <MessageLook channel={channel} subject={rendered.subject} text={rendered.text} />;
  return (
    <>
      <p class="preview-subject">
        <span>Subject</span> {rendered.subject}
      </p>
      {rendered.html ? <MailFrame html={rendered.html} /> : <pre class="mail-text">{rendered.text}</pre>}
    </>
  );
}
