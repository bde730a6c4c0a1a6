/** The ingest benchmark's tables, and its one line for machines. */
import { type CostLine, cartRows, costOf } from "./cost.ts";
import { BATCHES, type Batch, type IngestReport, of, ratio, type Slice } from "./ingest.ts";
import { median } from "./load.ts";
import { type Operations, SESSION_EVENTS } from "./sessions.ts";
import { dollars, number, RULE, table, times } from "./table.ts";

const LABELS: Record<string, string> = {
  floor: "floor: actor, one row, 202",
  1: "one event a beacon",
  5: "five events a beacon",
  10: "ten events a beacon",
};

export interface Summary {
  bench: "ingest";
  rounds: number;
  ratios: { requestsToFloor: number; eventsTenToOne: number; eventsFiveToOne: number };
  contenders: Record<string, Omit<Slice, "name" | "round">>;
  rowsPerBeacon: Record<string, { carts: number; store: number; d1: number }>;
  dollarsPerMillionEvents: Record<string, number>;
}

const cpuOf = (report: IngestReport, name: Slice["name"]): number => median(of(report, name).map((s) => s.cpuMs));
const rowsOf = (lines: CostLine[], name: string): number => lines.find((l) => l.name === `rows: ${name}`)!.perEvent;

export function summaryOf(report: IngestReport): Summary {
  const contenders: Summary["contenders"] = {};
  for (const name of ["floor", ...BATCHES] as const) {
    const slices = of(report, name);
    const mid = (value: (slice: Slice) => number) => round(median(slices.map(value)));
    contenders[name] = {
      requestsPerSecond: mid((s) => s.requestsPerSecond),
      eventsPerSecond: mid((s) => s.eventsPerSecond),
      p50: mid((s) => s.p50),
      p99: mid((s) => s.p99),
      cpuMs: mid((s) => s.cpuMs),
    };
  }
  const costs = report.operations.map((o) => ({ o, lines: costOf(o, cpuOf(report, o.batch)) }));
  return {
    bench: "ingest",
    rounds: report.rounds,
    ratios: {
      requestsToFloor: round(ratio(report, 1, "floor", (s) => s.requestsPerSecond)),
      eventsTenToOne: round(ratio(report, 10, 1, (s) => s.eventsPerSecond)),
      eventsFiveToOne: round(ratio(report, 5, 1, (s) => s.eventsPerSecond)),
    },
    contenders,
    rowsPerBeacon: Object.fromEntries(
      costs.map(({ o, lines }) => [
        o.batch,
        {
          carts: round(cartRows(o) / o.beacons),
          store: round(rowsOf(lines, "store") * o.batch),
          d1: round(rowsOf(lines, "D1") * o.batch),
        },
      ]),
    ),
    dollarsPerMillionEvents: Object.fromEntries(costs.map(({ o, lines }) => [o.batch, round(lines.at(-1)!.dollars)])),
  };
}

const round = (value: number): number => Math.round(value * 1e4) / 1e4;

export function tablesOf(report: IngestReport): string {
  const summary = summaryOf(report);
  const parts = [speedTable(summary), ratioTable(summary)];
  if (report.operations.length > 0)
    parts.push(
      rowsTable(report.operations),
      costTable(report.operations, (batch) => cpuOf(report, batch)),
    );
  return parts.join("\n\n\n");
}

const speedTable = ({ contenders, rounds }: Summary): string =>
  table(
    `Ingest: 1,000 carts, 48 clients, medians of ${rounds} rounds`,
    ["", "requests/s", "events/s", "p50 ms", "p99 ms", "CPU µs an event"],
    ["floor", ...BATCHES].map((name) => {
      const c = contenders[name]!;
      return [
        LABELS[name]!,
        number(c.requestsPerSecond),
        number(c.eventsPerSecond),
        number(c.p50, 1),
        number(c.p99, 1),
        number(c.cpuMs * 1000),
      ];
    }),
  );

const ratioTable = ({ ratios }: Summary): string =>
  table(
    "Ratios within the run",
    ["", "ratio", "aim"],
    [
      ["requests/s of single-event beacons : floor", times(ratios.requestsToFloor), "≥ 0.75×"],
      ["events/s of ten-event beacons : single-event", times(ratios.eventsTenToOne), "≥ 6×"],
      ["events/s of five-event beacons : single-event", times(ratios.eventsFiveToOne), ""],
    ],
  );

export function rowsTable(all: Operations[]): string {
  const row = (name: string, value: (o: Operations) => number, digits = 2): string[] => [
    name,
    ...all.map((o) => number(value(o), digits)),
  ];
  const count = (name: string) => (o: Operations) => (o.counts[name] ?? 0) / o.beacons;
  return table(
    `Rows written a beacon: new carts of ${SESSION_EVENTS} events each, at a shopper's pace, confirmed once`,
    ["events a beacon", ...all.map((o) => `${o.batch}`)],
    [
      row("cart: log and snapshots", count("rows.Cart.log")),
      row("cart: alarms", count("alarms.Cart")),
      row("cart: schema of the new cart", count("rows.Cart.other")),
      row("cart, all of it (aim ≤ 1.1)", (o) => cartRows(o) / o.beacons),
      row("store", count("rows.Store")),
      row("D1", count("rows.D1")),
      [RULE],
      row("/v1/usage says, of the carts", (o) => o.usageRows / o.beacons),
      row("the carts' files say", (o) => o.loggedRows / o.beacons),
      row("log rows in the carts' files", (o) => o.logRows / o.beacons),
      row("events a queue message", (o) => o.events / (o.counts["messages.events"] ?? 1), 1),
      row("messages a consumer batch", (o) => (o.counts["messages.events"] ?? 0) / (o.counts.batches ?? 1), 1),
    ],
  );
}

/** `cpuMs` tells the processor time an event of a batch size. */
export function costTable(all: Operations[], cpuMs: (batch: Batch) => number): string {
  const costs = all.map((o) => costOf(o, cpuMs(o.batch)));
  const names = costs[0]!.map((line) => line.name);
  const cells = (index: number): string[] =>
    costs.flatMap((lines) => [number(lines[index]!.perEvent, 3), dollars(lines[index]!.dollars)]);
  const rows = names.map((name, index) => [name, ...cells(index)]);
  return table(
    "Cost of a million events at list prices (aim at five a beacon: ≤ $1.00)",
    ["events a beacon", ...all.flatMap((o) => [`${o.batch}: an event`, "$"])],
    [...rows.slice(0, -1), [RULE], ...rows.slice(-1)],
  );
}
