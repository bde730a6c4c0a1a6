/** Adding up what isolates gathered, and telling it in Prometheus' text format (version 0.0.4). Pure. */
import {
  type HistogramDelta,
  METRICS,
  type MetricName,
  type MetricsBatch,
  parseSeries,
  type SeriesKey,
  seriesKey,
} from "../../shared/metrics.ts";

/** What actors tell about themselves: absolute, and forgotten when it is not told again. */
export interface GaugeReport {
  gauges: [SeriesKey, number][];
  at: number;
  expiresAt: number;
}

export interface MeterState {
  counts: Record<SeriesKey, number>;
  histograms: Record<SeriesKey, HistogramDelta>;
  /** By who told it. */
  gauges: Record<string, GaugeReport>;
  /** The last batch of each isolate, the latest isolates last. */
  isolates: Record<string, number>;
}

/** Series of each kind: about 300 KB of state. */
export const MAX_SERIES = 3_000;
const MAX_SOURCES = 2_000;
const MAX_ISOLATES = 500;

export const emptyMeter = (): MeterState => ({ counts: {}, histograms: {}, gauges: {}, isolates: {} });

/** Bounds a record by dropping its oldest keys. */
function trim(record: Record<string, unknown>, max: number): void {
  const keys = Object.keys(record);
  for (const key of keys.slice(0, Math.max(0, keys.length - max))) delete record[key];
}

/** Adds a batch to the state in place, once: false when it had been added before. */
export function addBatch(state: MeterState, batch: MetricsBatch): boolean {
  if ((state.isolates[batch.isolate] ?? 0) >= batch.seq) return false;
  delete state.isolates[batch.isolate];
  state.isolates[batch.isolate] = batch.seq;
  trim(state.isolates, MAX_ISOLATES);
  for (const [key, n] of batch.counts) addCount(state, key, n);
  for (const [key, delta] of batch.histograms) addHistogram(state, key, delta);
  return true;
}

export function addCount(state: MeterState, key: SeriesKey, n: number): void {
  if (parseSeries(key) === null || !hasRoom(state, state.counts, key)) return;
  state.counts[key] = (state.counts[key] ?? 0) + n;
}

function addHistogram(state: MeterState, key: SeriesKey, delta: HistogramDelta): void {
  const metric = parseSeries(key);
  const known = state.histograms[key];
  if (metric === null || delta.buckets.length !== boundsOf(metric.name).length + 1) return;
  if (!hasRoom(state, state.histograms, key)) return;
  // Buckets that another version had cannot be added up: it begins again.
  const before = known?.buckets.length === delta.buckets.length ? known : null;
  state.histograms[key] = {
    buckets: delta.buckets.map((n, i) => n + (before?.buckets[i] ?? 0)),
    sum: delta.sum + (before?.sum ?? 0),
  };
}

const DROPPED = seriesKey("cartwake_metrics_dropped_total", {});

/** Takes the place of what an actor told before. Gauges of nothing are not kept. */
export function setGauges(state: MeterState, source: string, told: GaugeReport): void {
  const { gauges: sources } = state;
  delete sources[source];
  for (const [known, { expiresAt }] of Object.entries(sources)) if (expiresAt <= told.at) delete sources[known];
  const gauges = told.gauges.filter(([, value]) => value > 0);
  if (gauges.length === 0) return;
  if (Object.keys(sources).length < MAX_SOURCES) sources[source] = { ...told, gauges };
  else addCount(state, DROPPED, gauges.length);
}

function hasRoom(state: MeterState, record: Record<string, unknown>, key: SeriesKey): boolean {
  if (key in record || key === DROPPED || Object.keys(record).length < MAX_SERIES) return true;
  state.counts[DROPPED] = (state.counts[DROPPED] ?? 0) + 1;
  return false;
}

function boundsOf(name: MetricName): readonly number[] {
  const metric = METRICS[name];
  return metric.type === "histogram" ? metric.buckets : [];
}

/** The gauges told and not expired, summed over who told them. */
export function gaugesAt(state: MeterState, now: number): Record<SeriesKey, number> {
  const sums: Record<SeriesKey, number> = {};
  for (const { gauges, expiresAt } of Object.values(state.gauges))
    if (expiresAt > now) for (const [key, value] of gauges) sums[key] = (sums[key] ?? 0) + value;
  return sums;
}

const escapeHelp = (text: string): string => text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n");
const escapeLabel = (text: string): string => escapeHelp(text).replace(/"/g, '\\"');
/** Sums of floats, without the dust that adding leaves. */
const number = (value: number): string => String(Number(value.toPrecision(12)));

function labelled(name: string, pairs: (readonly [string, string])[], value: number): string {
  const labels = pairs.map(([label, text]) => `${label}="${escapeLabel(text)}"`).join(",");
  return `${name}${labels ? `{${labels}}` : ""} ${number(value)}`;
}

function histogramLines(name: MetricName, pairs: (readonly [string, string])[], data: HistogramDelta): string[] {
  const bounds = [...boundsOf(name).map(String), "+Inf"];
  let total = 0;
  const lines = bounds.map((le, i) => {
    total += data.buckets[i] ?? 0;
    return labelled(`${name}_bucket`, [...pairs, ["le", le]], total);
  });
  return [...lines, labelled(`${name}_sum`, pairs, data.sum), labelled(`${name}_count`, pairs, total)];
}

/** Every metric of the table with its series. One without labels has a value from the start. */
export function expose(state: MeterState, gauges: Record<SeriesKey, number>): string {
  const lines: string[] = [];
  const series = new Map<MetricName, [values: string[], key: SeriesKey][]>();
  for (const key of new Set([...Object.keys(state.counts), ...Object.keys(state.histograms), ...Object.keys(gauges)])) {
    const parsed = parseSeries(key);
    if (parsed) series.set(parsed.name, [...(series.get(parsed.name) ?? []), [parsed.values, key]]);
  }
  for (const [name, metric] of Object.entries(METRICS) as [MetricName, (typeof METRICS)[MetricName]][]) {
    lines.push(`# HELP ${name} ${escapeHelp(metric.help)}`, `# TYPE ${name} ${metric.type}`);
    const labels: readonly string[] = metric.labels;
    const known = series.get(name) ?? (labels.length === 0 ? [[[], JSON.stringify([name])]] : []);
    for (const [values, key] of known as [string[], SeriesKey][]) {
      if (values.length !== labels.length) continue;
      const pairs = labels.map((label, i) => [label, values[i] ?? ""] as const);
      const histogram = state.histograms[key];
      if (metric.type === "histogram") lines.push(...(histogram ? histogramLines(name, pairs, histogram) : []));
      else lines.push(labelled(name, pairs, (metric.type === "gauge" ? gauges[key] : state.counts[key]) ?? 0));
    }
  }
  return `${lines.join("\n")}\n`;
}
