/** Two long texts, shortened to where they begin to differ. Pure. */

const LONGEST = 80;
/** Of what is the same before that place. */
const BEFORE = 16;

export interface Texts {
  before: string | null;
  after: string | null;
}

export function difference({ before, after }: Texts): Texts {
  if ((before ?? "").length <= LONGEST && (after ?? "").length <= LONGEST) return { before, after };
  let same = 0;
  if (before !== null && after !== null) while (same < before.length && before[same] === after[same]) same++;
  const from = Math.max(0, same - BEFORE);
  const cut = (text: string | null) => text && `${from > 0 ? "…" : ""}${shortened(text.slice(from))}`;
  return { before: cut(before), after: cut(after) };
}

const shortened = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
