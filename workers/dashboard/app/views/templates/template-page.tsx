/** One template: what it says in each language, what is wrong with it, and how a real cart's shopper would see it. */
import { useRef, useState } from "preact/hooks";
import type { Channel } from "../../../../../shared/views.ts";
import { type Campaign, listCampaigns } from "../../api/campaigns.ts";
import { may } from "../../api/session.ts";
import {
  createTemplate,
  deleteTemplate,
  getTemplate,
  listGallery,
  replaceTemplate,
  type StoredTemplate,
  type TemplateInput,
} from "../../api/templates.ts";
import { useResource } from "../../live/resource.ts";
import { campaignHref, templateHref, templatesHref } from "../../route.ts";
import { CHANNEL_LABELS } from "../../ui/channels.ts";
import { BackIcon } from "../../ui/icons.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Conflict } from "../editing/conflict.tsx";
import { DeleteButton } from "../editing/delete-button.tsx";
import { Faults, TextField } from "../editing/fields.tsx";
import { LeaveDialog } from "../editing/leave-dialog.tsx";
import { SaveBar } from "../editing/save-bar.tsx";
import { type Editing, type Kind, useEditing } from "../editing/use-editing.ts";
import type { LiquidElement } from "./code-field.tsx";
import { blank, inputOf, isPart, isSentBy } from "./template-draft.ts";
import { TemplateSide } from "./template-side.tsx";
import { usePreview } from "./use-preview.ts";
import { WordsPanel } from "./words-panel.tsx";

const KIND: Kind<StoredTemplate, TemplateInput> = {
  name: "template",
  inputOf,
  read: getTemplate,
  create: createTemplate,
  replace: replaceTemplate,
  remove: deleteTemplate,
  href: templateHref,
  listHref: templatesHref,
};

interface Known {
  /** `null`: it is being made. */
  stored: StoredTemplate | null;
  begin: TemplateInput;
  campaigns: Campaign[];
}

async function read(id: string | null, from: string): Promise<Known> {
  if (id === null) return { stored: null, begin: await beginning(from), campaigns: [] };
  const [stored, campaigns] = await Promise.all([getTemplate(id), listCampaigns()]);
  // What comes with Cartwake stays as it is: it is something to begin with.
  const begin = inputOf(stored);
  if (stored.version === 0) return { stored: null, begin, campaigns: [] };
  return { stored, begin, campaigns: campaigns.items.filter(({ steps }) => isSentBy(id, steps)) };
}

async function beginning(from: string): Promise<TemplateInput> {
  if (Object.hasOwn(CHANNEL_LABELS, from)) return blank(from as Channel);
  const { items } = await listGallery();
  const entry = items.find(({ id }) => id === from);
  return entry ? inputOf({ ...entry, version: 0, updatedAt: "" }) : blank("email");
}

export function TemplatePage({ id, from }: { id: string | null; from: string }) {
  const { data, problem, reload } = useResource(`template ${id} ${from}`, () => read(id, from));
  return (
    <div class="page template-page">
      <a class="back" href={templatesHref}>
        <BackIcon /> Templates
      </a>
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {data ? <Loaded {...data} /> : !problem && <p class="loading">Reading the template…</p>}
    </div>
  );
}

function Loaded({ stored, begin, campaigns }: Known) {
  const editing = useEditing(KIND, stored, () => begin);
  const { base, draft, dirty } = editing;
  return (
    <>
      <header class="page-head">
        <h1>{draft.name || "New template"}</h1>
        <span class="page-fact">
          {CHANNEL_LABELS[draft.channel]}
          {base && `, version ${base.version}`}
        </span>
      </header>
      <Editor editing={editing} campaigns={campaigns} />
      <Conflict editing={editing} />
      <LeaveDialog
        dirty={dirty}
        what={KIND.name}
        isHere={(next) => next.name === "template" && base !== null && next.id === base.id}
      />
    </>
  );
}

interface EditorProps {
  editing: Editing<StoredTemplate, TemplateInput>;
  campaigns: readonly Campaign[];
}

function Editor({ editing, campaigns }: EditorProps) {
  const { base, draft, change, save, faults } = editing;
  const [chosen, setLocale] = useState<string | null>(null);
  const locale = chosen !== null && Object.hasOwn(draft.translations, chosen) ? chosen : null;
  const preview = usePreview(draft, locale);
  /** Where a variable is put. */
  const target = useRef<LiquidElement | null>(null);
  const writes = may("campaigns:write");
  // What is wrong with its words is told anew with each preview.
  const others = new Map([...faults].filter(([path]) => !isPart(path)));
  return (
    <Faults.Provider value={others}>
      <form
        class="editor"
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
        data-testid="editor"
      >
        <fieldset class="editor-fields" disabled={!writes}>
          {save.problem && <ProblemNotice problem={save.problem} />}
          <section class="panel template-head">
            <TextField
              label="Name"
              path="name"
              value={draft.name}
              onChange={(name) => change({ ...draft, name })}
              maxLength={200}
              required
            />
            {base && <SentBy campaigns={campaigns} />}
          </section>
          <WordsPanel {...{ draft, change, locale, setLocale, target }} faults={preview.faults} />
        </fieldset>
        <TemplateSide {...{ editing, preview, locale, target }} />
        {writes && (
          <SaveBar editing={editing}>
            {base && (
              <DeleteButton kind={KIND} stored={base}>
                <p>
                  {campaigns.length > 0
                    ? `${campaigns.map(({ name }) => name).join(", ")} will send the built-in template of the channel in its place.`
                    : "No campaign sends it."}
                </p>
              </DeleteButton>
            )}
          </SaveBar>
        )}
      </form>
    </Faults.Provider>
  );
}

function SentBy({ campaigns }: { campaigns: readonly Campaign[] }) {
  if (campaigns.length === 0) return <p class="field-hint">No campaign sends it yet: choose it in a step.</p>;
  return (
    <p class="field-hint">
      Sent by{" "}
      {campaigns.map(({ id, name }, i) => (
        <>
          {i > 0 && ", "}
          <a href={campaignHref(id)}>{name}</a>
        </>
      ))}
    </p>
  );
}
