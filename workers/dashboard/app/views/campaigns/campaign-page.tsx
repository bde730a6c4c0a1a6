/** One campaign: its editor, its simulation, its results. What was edited stays while the reader goes from tab to tab. */
import { useRef } from "preact/hooks";
import type { CampaignInput } from "../../../../../shared/policy/rules.ts";
import { type Campaign, getCampaign, listGallery, listTemplates, type Template } from "../../api/campaigns.ts";
import { may } from "../../api/session.ts";
import { useResource } from "../../live/resource.ts";
import { campaignHref, campaignsHref, type Tab } from "../../route.ts";
import { BackIcon } from "../../ui/icons.tsx";
import { ProblemNotice } from "../../ui/notice.tsx";
import { Conflict } from "./conflict.tsx";
import { DeleteButton } from "./delete-button.tsx";
import { newCampaign } from "./draft.ts";
import { EditorForm } from "./editor-form.tsx";
import { Faults } from "./fields.tsx";
import { LeaveDialog } from "./leave-dialog.tsx";
import { PreviewPanel } from "./preview-panel.tsx";
import { ResultsPanel } from "./results-panel.tsx";
import { SimulatePanel } from "./simulate-panel.tsx";
import { type Editing, useEditing } from "./use-editing.ts";

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
  const editing = useEditing(campaign, newCampaign);
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
      <LeaveDialog dirty={dirty} id={base?.id ?? null} />
    </>
  );
}

function Editor({ editing, templates }: { editing: Editing; templates: readonly Template[] }) {
  const form = useRef<HTMLFormElement>(null);
  const { draft, change, dirty, save, faults, focused, setFocused } = editing;
  const writes = may("campaigns:write");
  const set = (part: Partial<CampaignInput>) => change({ ...draft, ...part });
  return (
    <Faults.Provider value={faults}>
      <form
        ref={form}
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
          <div class="save-bar" data-dirty={dirty}>
            <p role="status">{dirty ? "Not saved yet" : editing.base ? "Saved" : ""}</p>
            {editing.base && <DeleteButton campaign={editing.base} />}
            {dirty && editing.base && (
              <button type="button" class="button" onClick={editing.discard}>
                Discard
              </button>
            )}
            <button type="submit" class="button button-primary" aria-disabled={save.busy} data-testid="campaign-save">
              {save.busy ? "Saving…" : editing.base ? "Save" : "Create the campaign"}
            </button>
          </div>
        )}
      </form>
    </Faults.Provider>
  );
}
