/** A campaign being edited: what is stored, what is on the page, and the way from one to the other. */
import { useMemo, useState } from "preact/hooks";
import type { CampaignInput } from "../../../../../shared/policy/rules.ts";
import { type Campaign, createCampaign, getCampaign, replaceCampaign } from "../../api/campaigns.ts";
import { Problem } from "../../api/http.ts";
import { type Action, useAction } from "../../live/action.ts";
import { campaignHref, replaceRoute, setGuard } from "../../route.ts";
import { inputOf, isSame } from "./draft.ts";

export interface Editing {
  /** As it was read or saved last; `null`: it is not stored yet. */
  base: Campaign | null;
  draft: CampaignInput;
  dirty: boolean;
  /** Grows when the draft is replaced as a whole: fields that hold a text of their own begin anew. */
  round: number;
  faults: ReadonlyMap<string, string>;
  /** What somebody else stored meanwhile. */
  theirs: Campaign | null;
  focused: number;
  setFocused(at: number): void;
  change(draft: CampaignInput): void;
  discard(): void;
  save: Action<[]>;
  takeTheirs(): void;
  overwrite(): Promise<void>;
  decideLater(): void;
}

export function useEditing(stored: Campaign | null, fresh: () => CampaignInput): Editing {
  const [base, setBase] = useState(stored);
  const [draft, setDraft] = useState(() => (stored ? inputOf(stored) : fresh()));
  const [theirs, setTheirs] = useState<Campaign | null>(null);
  const [round, setRound] = useState(0);
  const [focused, setFocused] = useState(0);
  const start = useMemo(fresh, []);
  const dirty = !isSame(draft, base ? inputOf(base) : start);

  const take = (campaign: Campaign) => {
    setBase(campaign);
    setDraft(inputOf(campaign));
    setTheirs(null);
    setRound(round + 1);
  };
  const store = async (version: number | null) => {
    if (base === null || version === null) return created(await createCampaign(draft));
    try {
      take(await replaceCampaign(base.id, draft, version));
    } catch (error) {
      const now = await newer(error, base.id, version);
      if (!now) throw error;
      setTheirs(now);
    }
  };
  const save = useAction(() => store(base?.version ?? null));
  const faults = useMemo(
    () => new Map(save.problem?.fields.map(({ field, message }) => [field, message])),
    [save.problem],
  );
  return {
    ...{ base, draft, dirty, round, faults, theirs, focused, setFocused, save },
    change: setDraft,
    discard: () => (base ? take(base) : undefined),
    takeTheirs: () => theirs && take(theirs),
    overwrite: () => store(theirs?.version ?? null),
    decideLater: () => setTheirs(null),
  };
}

function created({ id }: Campaign): void {
  setGuard(null); // what is on the page is stored now
  replaceRoute(campaignHref(id));
}

/** What is stored now, when that is why the change was refused. */
async function newer(error: unknown, id: string, version: number): Promise<Campaign | null> {
  if (!(error instanceof Problem) || (error.status !== 409 && error.status !== 412)) return null;
  const now = await getCampaign(id);
  return now.version === version ? null : now;
}
