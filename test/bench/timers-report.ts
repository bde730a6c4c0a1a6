/** The timers benchmark's tables, and its one line for machines. */
import { tmpdir } from "node:os";
import { percentile } from "./load.ts";
import { number, RULE, table, times } from "./table.ts";
import type { TimersReport } from "./timers.ts";
import type { RoundPlan, TimerRound } from "./timers-round.ts";

const TITLES: Record<RoundPlan["name"], (round: TimerRound) => string> = {
  second: ({ carts }) => `${number(carts)} steps due in the same second`,
  spread: ({ carts }) =>
    `${number(carts)} steps due at a steady pace, one after the other (CPU: of making the cart as well)`,
  failing: ({ carts }) =>
    `${number(carts)} steps due in the same second: killed in the middle, Cartwake with 1,024 files too`,
};

const lateness = (round: TimerRound, q: number): number =>
  round.late.length > 0 ? percentile(round.late, q) : Number.NaN;
const known = (value: number | undefined): number | null =>
  value === undefined || Number.isNaN(value) ? null : Math.round(value * 100) / 100;

const figuresOf = (round: TimerRound) => ({
  contender: round.contender,
  round: round.name,
  steps: round.carts,
  decided: round.decided,
  twice: round.twice,
  dueInOneSecond: round.together ?? null,
  lateP50Ms: known(lateness(round, 0.5)),
  lateP99Ms: known(lateness(round, 0.99)),
  lateMaxMs: known(round.late.at(-1)),
  cpuMsPerStep: known(round.cpuMs),
  bytesPerWaitingCart: known(round.waitingBytes),
  failedActivations: round.failedActivations ?? null,
  decidedBeforeKill: round.beforeKill ?? null,
});

export const timersSummaryOf = ({ rounds, missing, broken }: TimersReport) => ({
  bench: "timers" as const,
  missingPeer: missing,
  broken,
  rounds: rounds.map(figuresOf),
  ratios: rounds.filter((r) => r.contender !== "cartwake").map((peer) => ratiosOf(rounds, peer)),
});

function ratiosOf(rounds: TimerRound[], peer: TimerRound) {
  const own = rounds.find((r) => r.contender === "cartwake" && r.name === peer.name)!;
  return {
    round: peer.name,
    to: peer.contender,
    lateP50: known(lateness(own, 0.5) / lateness(peer, 0.5)),
    lateP99: known(lateness(own, 0.99) / lateness(peer, 0.99)),
    cpu: known(own.cpuMs / peer.cpuMs),
    memory: known((own.waitingBytes ?? Number.NaN) / (peer.waitingBytes ?? Number.NaN)),
  };
}

const HEADER = ["", "decided", "twice", "late p50 ms", "p99 ms", "max ms", "CPU ms a step", "KB a waiting cart"];

export function timersTablesOf(report: TimersReport): string {
  const parts = (["second", "spread", "failing"] as const).flatMap((name) => {
    const rounds = report.rounds.filter((round) => round.name === name);
    const [first] = rounds;
    if (!first) return [];
    const rows = rounds.map((r) => [
      r.contender,
      `${number(r.decided)} of ${number(r.carts)}`,
      number(r.twice),
      number(lateness(r, 0.5)),
      number(lateness(r, 0.99)),
      number(r.late.at(-1) ?? Number.NaN),
      number(r.cpuMs, 2),
      number((r.waitingBytes ?? Number.NaN) / 1024, 1),
    ]);
    const ratios = rounds.slice(1).map((peer) => {
      const { lateP50, lateP99, cpu, memory } = ratiosOf(report.rounds, peer);
      const ratio = (value: number | null): string => times(value ?? Number.NaN);
      return [`cartwake : ${peer.contender}`, "", "", ratio(lateP50), ratio(lateP99), "", ratio(cpu), ratio(memory)];
    });
    return table(TITLES[name](first), HEADER, [...rows, ...(ratios.length > 0 ? [[RULE], ...ratios] : [])]);
  });
  const failed = report.rounds.find((r) => r.contender === "cartwake" && r.name === "failing");
  const facts = failed
    ? [
        `  Files were lacking ${number(failed.failedActivations ?? 0)} times; ${number(failed.beforeKill ?? 0)} steps were decided before the kill.`,
      ]
    : [];
  const together = report.rounds
    .filter((r) => r.contender === "cartwake" && r.name !== "spread" && r.together !== r.carts)
    .map((r) => `  Only ${number(r.together ?? 0)} of the ${number(r.carts)} were due in the same second (${r.name}).`);
  const notes = [
    ...report.broken.map((why) => `  Broken off: ${why}`),
    ...together,
    ...facts,
    "  Cartwake's step: a durable decision, and what its sender does meanwhile (arbiter, claim, rendering, outbox). BullMQ's: reads and writes the cart's state and a log row.",
    `  Both keep their state in ${tmpdir()}: TMPDIR chooses another disk. Where a flush takes milliseconds it bounds Cartwake, which waits for the disk in its one thread.`,
    ...(report.missing ? [`  ${report.missing}`] : []),
  ];
  return [...parts, notes.join("\n")].join("\n\n\n");
}
