/** Beside the words: how they look, and what they may use. */
import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import { VARIABLES, writtenOf } from "../../../../../shared/template-variables.ts";
import { may } from "../../api/session.ts";
import type { StoredTemplate, TemplateInput } from "../../api/templates.ts";
import { plural } from "../../format.ts";
import { Choice } from "../../ui/choice.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { CartSelect, Message } from "../editing/preview-cart.tsx";
import type { Editing } from "../editing/use-editing.ts";
import { insert, type LiquidElement } from "./code-field.tsx";
import { isPart } from "./template-draft.ts";
import { TestButton } from "./test-button.tsx";
import type { Preview } from "./use-preview.ts";

interface Props {
  editing: Editing<StoredTemplate, TemplateInput>;
  preview: Preview;
  locale: string | null;
  target: RefObject<LiquidElement | null>;
}

const SIDES = [
  { value: "preview", label: "Preview" },
  { value: "variables", label: "Variables" },
] as const;

export function TemplateSide(props: Props) {
  const [side, setSide] = useState<(typeof SIDES)[number]["value"]>("preview");
  return (
    <aside class="editor-side">
      <section class="panel preview" aria-label="Beside the words">
        <Choice name="template-side" label="Beside the words" value={side} options={SIDES} onChange={setSide} />
        {side === "preview" ? <Look {...props} /> : <Variables target={props.target} />}
      </section>
    </aside>
  );
}

function Look({ editing, preview, locale }: Props) {
  const { cart, rendered, faults, problem, reload } = preview;
  const { base, draft, dirty } = editing;
  return (
    <>
      <CartSelect from={cart} />
      {problem ? (
        <ProblemNotice problem={problem} retry={reload} />
      ) : (
        <p class="preview-state" role="status" data-wrong={faults.length > 0} data-testid="preview-state">
          {faults.length > 0
            ? `${plural(faults.length, "problem")}: ${rendered ? "this is how it was before" : "nothing to show yet"}`
            : rendered
              ? `As it is written now, in ${rendered.locale}`
              : "Writing it…"}
        </p>
      )}
      <OtherFaults faults={rendered ? faults.filter(({ field }) => !isPart(field)) : faults} />
      {rendered && <Message channel={draft.channel} rendered={rendered} />}
      {base && draft.channel === "email" && may("campaigns:write") && (
        <TestButton
          id={base.id}
          dirty={dirty}
          as={{ cartId: cart.cartId ?? null, shopperLocale: locale ?? draft.locale }}
        />
      )}
    </>
  );
}

/** Those that stand at no field of words; all of them while there is nothing to look at. */
const OtherFaults = ({ faults }: Pick<Preview, "faults">) => (
  <ul class="faults">
    {faults.map(({ field, message }) => (
      <li key={field + message}>
        <code>{field}</code> {message}
      </li>
    ))}
  </ul>
);

/** Chosen, one is written where the reader last was. */
function Variables({ target }: Pick<Props, "target">) {
  const put = (text: string) => {
    const field = target.current?.isConnected
      ? target.current
      : document.querySelector<LiquidElement>(".liquid textarea");
    if (field) insert(field, text);
  };
  return (
    <div class="variables" data-testid="variables">
      <p class="field-hint">
        Liquid: a button writes it where you last were. Values are escaped in HTML. <code>money</code> and{" "}
        <code>date</code> write as the reader does.
      </p>
      {VARIABLES.map(({ title, variables }) => (
        <section key={title}>
          <h3>{title}</h3>
          <ul>
            {variables.map((variable) => (
              <li key={variable.name}>
                <button
                  type="button"
                  class="variable"
                  onClick={() => put(writtenOf(variable))}
                  data-testid={`variable-${variable.name}`}
                >
                  {variable.name}
                </button>
                <span>{variable.about.replaceAll("`", "")}</span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
