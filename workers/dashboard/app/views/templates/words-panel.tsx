/** What the template says, one language at a time. */
import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import type { ProblemField } from "../../api/http.ts";
import type { TemplateInput, TemplateParts } from "../../api/templates.ts";
import { Choice } from "../../ui/choice.tsx";
import { Fault, Labeled, TextField } from "../editing/fields.tsx";
import { type LiquidElement, LiquidLine, LiquidText } from "./code-field.tsx";
import { faultsAt } from "./faults.ts";
import { HEADLINES, languageName, partsIn, pathOf, withLocale, withoutLocale, withParts } from "./template-draft.ts";

interface Props {
  draft: TemplateInput;
  change: (draft: TemplateInput) => void;
  /** Which language is shown; `null`: its own. */
  locale: string | null;
  setLocale: (locale: string | null) => void;
  faults: readonly ProblemField[];
  target: RefObject<LiquidElement | null>;
}

export function WordsPanel(props: Props) {
  const { draft, locale, setLocale, faults } = props;
  const others = Object.keys(draft.translations);
  const wrong = (tag: string) => faults.some(({ field }) => field.startsWith(`translations.${tag}`));
  return (
    <section class="panel words">
      <h2>Words</h2>
      {others.length > 0 && (
        <Choice
          name="template-locale"
          label="Language"
          value={locale ?? ""}
          options={[
            { value: "", label: draft.locale || "Its own" },
            ...others.map((tag) => ({ value: tag, label: wrong(tag) ? `${tag} !` : tag })),
          ]}
          onChange={(tag) => setLocale(tag || null)}
        />
      )}
      <Parts key={locale} {...props} />
      <Languages {...props} />
      <Fault path="translations" />
    </section>
  );
}

function Parts({ draft, change, locale, faults, target }: Props) {
  const parts = partsIn(draft, locale);
  const { channel } = draft;
  const headline = HEADLINES[channel];
  const isMail = channel === "email";
  const part = (name: keyof TemplateParts) => {
    const path = pathOf(locale, name);
    return {
      path,
      target,
      value: parts[name],
      faults: faultsAt(faults, path),
      onChange: (value: string) => change(withParts(draft, locale, { [name]: value })),
    };
  };
  return (
    <>
      {headline && <LiquidLine label={headline} {...part("subject")} required />}
      {isMail && <LiquidText label="HTML" {...part("html")} lines rows={18} />}
      <LiquidText
        label={isMail ? "Plain text" : "Text"}
        {...part("text")}
        lines={isMail}
        rows={isMail ? 9 : 5}
        required={!isMail}
      />
    </>
  );
}

function Languages({ draft, change, locale, setLocale }: Props) {
  return (
    <div class="languages">
      {locale === null ? (
        <TextField
          label="These words are in"
          path="locale"
          value={draft.locale}
          onChange={(own) => change({ ...draft, locale: own.trim() })}
          maxLength={35}
          hint={languageName(draft.locale)}
          required
        />
      ) : (
        <p class="language-here">
          <span>{languageName(locale)}</span>
          <button
            type="button"
            class="button button-small"
            onClick={() => {
              setLocale(null);
              change(withoutLocale(draft, locale));
            }}
            data-testid="locale-remove"
          >
            Remove this language
          </button>
        </p>
      )}
      <AddLanguage {...{ draft, change, setLocale }} />
    </div>
  );
}

function AddLanguage({ draft, change, setLocale }: Pick<Props, "draft" | "change" | "setLocale">) {
  const [tag, setTag] = useState("");
  const made = withLocale(draft, tag);
  const add = () => {
    if (!made) return;
    change(made.draft);
    setLocale(made.locale);
    setTag("");
  };
  return (
    <Labeled
      label="Add a language"
      path="new-locale"
      hint={
        made
          ? languageName(made.locale)
          : tag
            ? "A tag such as de, or de-AT, that is not there yet"
            : "It begins as a copy"
      }
    >
      {(control) => (
        <span class="language-add">
          <input
            {...control}
            value={tag}
            maxLength={35}
            placeholder="de-AT"
            autocapitalize="off"
            spellcheck={false}
            onInput={(event) => setTag(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault(); // it would save the template
              add();
            }}
          />
          <button type="button" class="button" aria-disabled={!made} onClick={add} data-testid="locale-add">
            Add
          </button>
        </span>
      )}
    </Labeled>
  );
}
