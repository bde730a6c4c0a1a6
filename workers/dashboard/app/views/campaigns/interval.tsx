/** An estimate with its 95% interval on a line with zero: whether the bar reaches over zero is the whole message. */
import type { Tone } from "./result-words.ts";

interface Props {
  low: number;
  estimate: number;
  high: number;
  tone: Tone;
  /** What a screen reader says for the picture. */
  label: string;
  /** Under its ends and under zero. */
  names: { low: string; zero: string; high: string };
}

const WIDTH = 600;
const EDGE = 14;
/** Labels closer to each other than this would overlap. */
const ROOM = 130;

export function IntervalLine({ low, estimate, high, tone, label, names }: Props) {
  const least = Math.min(0, low);
  const most = Math.max(0, high);
  const span = most - least || 1;
  const x = (value: number) => EDGE + ((value - least) / span) * (WIDTH - 2 * EDGE);
  const [from, to, zero] = [x(low), x(high), x(0)];
  const zeroFits = Math.abs(zero - from) > ROOM && Math.abs(zero - to) > ROOM;
  return (
    <svg class="interval" viewBox={`0 0 ${WIDTH} 64`} role="img" aria-label={label} data-tone={tone}>
      <line class="interval-axis" x1={EDGE} x2={WIDTH - EDGE} y1="22" y2="22" />
      <line class="interval-zero" x1={zero} x2={zero} y1="4" y2="40" />
      <rect class="interval-bar" x={from} y="15" width={Math.max(3, to - from)} height="14" rx="7" />
      <circle class="interval-dot" cx={x(estimate)} cy="22" r="8" />
      <Name at={from} text={names.low} />
      <Name at={to} text={names.high} />
      {zeroFits && <Name at={zero} text={names.zero} />}
    </svg>
  );
}

/** Kept within the picture. */
function Name({ at, text }: { at: number; text: string }) {
  const anchor = at < ROOM / 2 ? "start" : at > WIDTH - ROOM / 2 ? "end" : "middle";
  const x = anchor === "start" ? 2 : anchor === "end" ? WIDTH - 2 : at;
  return (
    <text class="interval-name" x={x} y="58" text-anchor={anchor}>
      {text}
    </text>
  );
}
