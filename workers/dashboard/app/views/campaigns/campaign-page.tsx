/** One campaign: its editor, its simulation, its results. What was edited stays while the reader goes from tab to tab. */
import { useState } from "preact/hooks";
import type { CampaignInput } from "../../../../../shared/policy/rules.ts";
import { type Campaign, createCampaign, deleteCampaign, getCampaign, replaceCampaign } from "../../api/campaigns.ts";
import { may } from "../../api/session.ts";
import { listGallery, listTemplates, type Template } from "../../api/templates.ts";
import { useResource } from "../../live/resource.ts";
import { campaignHref, campaignsHref, type Tab } from "../../route.ts";
import { BackIcon } from "../../ui/icons.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Conflict } from "../editing/conflict.tsx";
import { DeleteButton } from "../editing/delete-button.tsx";
import { Faults } from "../editing/fields.tsx";
import { LeaveDialog } from "../editing/leave-dialog.tsx";
import { SaveBar } from "../editing/save-bar.tsx";
import { type Editing, type Kind, useEditing } from "../editing/use-editing.ts";
import { inputOf, newCampaign } from "./draft.ts";
import { EditorForm } from "./editor-form.tsx";
import { PreviewPanel } from "./preview-panel.tsx";
import { ResultsPanel } from "./results-panel.tsx";
import { SimulatePanel } from "./simulate-panel.tsx";

const KIND: Kind<Campaign, CampaignInput> = {
  name: "campaign",
  inputOf,
  read: getCampaign,
  create: createCampaign,
  replace: replaceCampaign,
  remove: deleteCampaign,
  href: campaignHref,
  listHref: campaignsHref,
};

interface Known {
  /** `null`: it is being made. */
  campaign: Campaign | null;
  /** The store's own, the built-in ones, and those to begin with. */
  templates: Template[];
}

async function read(id: string | null): Promise<Known> {
  const reads = [id === null ? null : getCampaign(id), listTemplates(), listGallery()] as const;
  const [campaign, templates, gallery] = await Promise.all(reads);
  return { campaign, templates: [...templates.items, ...gallery.items] };
}

export function CampaignPage({ id, tab }: { id: string | null; tab: Tab }) {
  const { data, problem, reload } = useResource(`campaign ${id}`, () => read(id));
  return (
    <div class="page campaign-page">
      <a class="back" href={campaignsHref}>
        <BackIcon /> Campaigns
      </a>
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {data ? <Loaded {...data} tab={tab} /> : !problem && <p class="loading">Reading the campaign…</p>}
    </div>
  );
}

const TABS: Record<Tab, string> = { edit: "Edit", simulate: "Simulate", results: "Results" };

function Loaded({ campaign, templates, tab }: Known & { tab: Tab }) {
  const editing = useEditing(KIND, campaign, newCampaign);
  const { base, draft, dirty } = editing;
  return (
    <>
      <header class="page-head">
        <h1>{draft.name || "New campaign"}</h1>
        {base && (
          <span class="chip" data-tone={base.enabled ? "good" : "still"}>
            {base.enabled ? "Enabled" : "Paused"}
          </span>
        )}
        {base && <span class="page-fact">version {base.version}</span>}
      </header>
      {base && (
        <nav class="tabs" aria-label="Campaign">
          {(Object.keys(TABS) as Tab[]).map((name) => (
            <a key={name} href={campaignHref(base.id, name)} aria-current={name === tab ? "page" : undefined}>
              {TABS[name]}
            </a>
          ))}
        </nav>
      )}
      <div hidden={tab !== "edit"}>
        <Editor key={editing.round} editing={editing} templates={templates} />
      </div>
      {base && tab === "simulate" && <SimulatePanel id={base.id} draft={draft} dirty={dirty} />}
      {base && tab === "results" && <ResultsPanel id={base.id} />}
      <Conflict editing={editing} />
      <LeaveDialog
        dirty={dirty}
        what={KIND.name}
        isHere={(next) => next.name === "campaign" && next.id === (base?.id ?? null)}
      />
    </>
  );
}

interface EditorProps {
  editing: Editing<Campaign, CampaignInput>;
  templates: readonly Template[];
}

function Editor({ editing, templates }: EditorProps) {
  const [focused, setFocused] = useState(0);
  const { base, draft, change, save, faults } = editing;
  const writes = may("campaigns:write");
  const set = (part: Partial<CampaignInput>) => change({ ...draft, ...part });
  return (
    <Faults.Provider value={faults}>
      <form
        class="editor"
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
        // A field of a folded step cannot be pointed at.
        onInvalidCapture={(event) => (event.target as HTMLElement).closest("details")?.setAttribute("open", "")}
        data-testid="editor"
      >
        <fieldset class="editor-fields" disabled={!writes}>
          {save.problem && <ProblemNotice problem={save.problem} />}
          <EditorForm draft={draft} set={set} templates={templates} onFocus={setFocused} />
        </fieldset>
        <aside class="editor-side">
          <PreviewPanel draft={draft} at={focused} templates={templates} />
        </aside>
        {writes && (
          <SaveBar editing={editing}>
            {base && (
              <DeleteButton kind={KIND} stored={base}>
                <p>
                  Carts in its journeys leave them, and what was planned for them is not sent. Its results go with it.
                </p>
              </DeleteButton>
            )}
          </SaveBar>
        )}
      </form>
    </Faults.Provider>
  );
}
