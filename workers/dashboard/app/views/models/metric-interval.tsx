/** A figure with its 95% interval on a scale that others share. */
import type { Estimate } from "../../../../../shared/model/views.ts";
import { figure, rangeOf } from "./model-words.ts";
import { along, type Bounds } from "./scale.ts";

export function MetricInterval({ of, within, old = false }: { of: Estimate; within: Bounds; old?: boolean }) {
  const left = along(within, of.low);
  const right = along(within, of.high);
  return (
    <span class="whisker" data-old={old} aria-hidden="true">
      <span class="whisker-range" style={{ left: exact(left), width: exact(right - left) }} />
      <span class="whisker-dot" style={{ left: exact(along(within, of.value)) }} />
    </span>
  );
}

const exact = (share: number): string => `${(share * 100).toFixed(2)}%`;

export const MetricText = ({ of }: { of: Estimate }) => (
  <>
    <b class="metric-value">{figure(of.value)}</b> <span class="metric-range">{rangeOf(of)}</span>
  </>
);
