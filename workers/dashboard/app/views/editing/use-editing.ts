/** Something of the store being edited: what is stored, what is on the page, and the way from one to the other. */
import { useMemo, useState } from "preact/hooks";
import { Problem } from "../../api/http.ts";
import { type Action, useAction } from "../../live/action.ts";
import { replaceRoute, setGuard } from "../../route.ts";
import { isSame } from "./same.ts";

export interface Versioned {
  id: string;
  name: string;
  version: number;
  updatedAt: string;
}

/** What is edited, and how it is read and kept. */
export interface Kind<Stored extends Versioned, Input> {
  /** In sentences: `campaign`. The audit log calls changes of it `campaign.updated`. */
  name: string;
  inputOf(stored: Stored): Input;
  read(id: string): Promise<Stored>;
  create(input: Input): Promise<Stored>;
  /** Refused as a conflict when `version` is no longer what is stored. */
  replace(id: string, input: Input, version: number): Promise<Stored>;
  remove(id: string): Promise<unknown>;
  href(id: string): string;
  /** Where all of them are listed. */
  listHref: string;
}

export interface Editing<Stored extends Versioned, Input> {
  kind: Kind<Stored, Input>;
  /** As it was read or saved last; `null`: it is not stored yet. */
  base: Stored | null;
  draft: Input;
  dirty: boolean;
  /** Grows when the draft is replaced as a whole: fields that hold a text of their own begin anew. */
  round: number;
  faults: ReadonlyMap<string, string>;
  /** What somebody else stored meanwhile. */
  theirs: Stored | null;
  change(draft: Input): void;
  discard(): void;
  save: Action<[]>;
  takeTheirs(): void;
  overwrite(): Promise<void>;
  decideLater(): void;
}

export function useEditing<Stored extends Versioned, Input>(
  kind: Kind<Stored, Input>,
  stored: Stored | null,
  fresh: () => Input,
): Editing<Stored, Input> {
  const { inputOf } = kind;
  const [base, setBase] = useState(stored);
  const start = useMemo(fresh, []);
  const [draft, setDraft] = useState(() => (stored ? inputOf(stored) : start));
  const [theirs, setTheirs] = useState<Stored | null>(null);
  const [round, setRound] = useState(0);
  const dirty = !isSame(draft, base ? inputOf(base) : start);

  const take = (taken: Stored) => {
    setBase(taken);
    setDraft(inputOf(taken));
    setTheirs(null);
    setRound(round + 1);
  };
  const store = async (version: number | null) => {
    if (base === null || version === null) {
      const { id } = await kind.create(draft);
      setGuard(null); // what is on the page is stored now
      return replaceRoute(kind.href(id));
    }
    try {
      take(await kind.replace(base.id, draft, version));
    } catch (error) {
      const now = await newer(error, () => kind.read(base.id), version);
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
    ...{ kind, base, draft, dirty, round, faults, theirs, save },
    change: setDraft,
    discard: () => (base ? take(base) : undefined),
    takeTheirs: () => theirs && take(theirs),
    overwrite: () => store(theirs?.version ?? null),
    decideLater: () => setTheirs(null),
  };
}

/** What is stored now, when that is why the change was refused. */
async function newer<Stored extends Versioned>(
  error: unknown,
  read: () => Promise<Stored>,
  version: number,
): Promise<Stored | null> {
  if (!(error instanceof Problem) || (error.status !== 409 && error.status !== 412)) return null;
  const now = await read();
  return now.version === version ? null : now;
}
