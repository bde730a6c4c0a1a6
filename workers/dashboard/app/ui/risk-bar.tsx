/** How likely the cart is left behind: a bar for the eye, the figure for everyone. */
import { percent } from "../format.ts";

export function RiskBar({ risk }: { risk: number }) {
  const level = risk >= 0.66 ? "high" : risk >= 0.33 ? "medium" : "low";
  return (
    <span class="risk" data-level={level}>
      <span class="risk-track" aria-hidden="true">
        <span class="risk-fill" style={{ width: percent(risk) }} />
      </span>
      <span class="risk-figure">{percent(risk)} risk</span>
    </span>
  );
}
