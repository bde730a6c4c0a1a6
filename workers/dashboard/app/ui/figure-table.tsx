import type { ComponentChildren } from "preact";
import { percent } from "../format.ts";

/** The first of each row names it. On a phone a row is a small card, and each cell says what it is. */
export function FigureTable(props: {
  heads: readonly string[];
  rows: readonly (readonly ComponentChildren[])[];
  testid: string;
  /** Cells are words, not figures. */
  words?: boolean;
}) {
  const { heads, rows, testid, words } = props;
  return (
    <table class="figure-rows" data-words={words}>
      <thead>
        <tr>
          {heads.map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, ...cells], at) => (
          <tr key={at} data-testid={testid}>
            <th scope="row">{name}</th>
            {cells.map((cell, i) => (
              <td key={heads[i + 1]} data-label={heads[i + 1]}>
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A share beside its figure. */
export const CellBar = ({ share, text }: { share: number; text: string }) => (
  <span class="cell-bar">
    <span class="cell-track" aria-hidden="true">
      <span style={{ width: percent(share) }} />
    </span>
    {text}
  </span>
);
