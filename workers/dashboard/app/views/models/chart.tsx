/**
 * The frame of a small chart: axes, ticks and names, as SVG. The figures are few (ten bins, some tens of days), so that the browser's
 * own drawing does: it takes the page's colours, prints, scales, and is read as a picture with a sentence and a table beside it.
 */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { AREA, type Plot, plotOf, type Scale } from "./scale.ts";

const { width: WIDTH, left: LEFT, right: RIGHT, bottom: BOTTOM } = AREA;

export interface Axis {
  scale: Scale;
  name: string;
  text: (value: number) => string;
}

export function Chart(props: {
  title: string;
  /** What the picture says, for everyone. */
  words: string;
  x: Axis;
  y: Axis;
  height?: number;
  legend?: readonly { name: string; look: string }[];
  table: { heads: readonly string[]; rows: readonly (readonly (string | number)[])[] };
  children: (plot: Plot) => ComponentChildren;
}) {
  const { title, words, x, y, height = 345, legend = [] } = props;
  const id = useId();
  const plot = plotOf(x.scale, y.scale, height);
  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption>
        <h3 id={id}>{title}</h3>
        <p>{words}</p>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={`${title}. ${words}`}>
        {y.scale.ticks.map((tick) => (
          <g key={tick}>
            <line class="chart-grid" x1={LEFT} x2={WIDTH - RIGHT} y1={plot.y(tick)} y2={plot.y(tick)} />
            <text class="chart-tick" x={LEFT - 8} y={plot.y(tick) + 4} text-anchor="end">
              {y.text(tick)}
            </text>
          </g>
        ))}
        {x.scale.ticks.map((tick) => (
          <text key={tick} class="chart-tick" x={plot.x(tick)} y={height - BOTTOM + 19} text-anchor="middle">
            {x.text(tick)}
          </text>
        ))}
        <text class="chart-name" x="2" y="14">
          {y.name}
        </text>
        {props.children(plot)}
        <text class="chart-name" x={(LEFT + WIDTH - RIGHT) / 2} y={height - 4} text-anchor="middle">
          {x.name}
        </text>
      </svg>
      {legend.length > 0 && (
        <ul class="chart-legend">
          {legend.map(({ name, look }) => (
            <li key={name} data-look={look}>
              {name}
            </li>
          ))}
        </ul>
      )}
      <FigureTable title={title} {...props.table} />
    </figure>
  );
}

export function FigureTable(props: {
  title: string;
  heads: readonly string[];
  rows: readonly (readonly (string | number)[])[];
}) {
  return (
    <details class="chart-table">
      <summary>{props.title} as a table</summary>
      <table>
        <thead>
          <tr>
            {props.heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, i) => (
                <td key={props.heads[i]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
