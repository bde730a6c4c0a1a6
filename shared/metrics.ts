/**
 * What is measured. One table declares every metric; an isolate gathers differences in memory and hands them to the
 * `Meter` now and then, which adds them up: no call and no row on the way of a request. Labels are words of our own
 * (route patterns, outcomes), never ids and never what a client sent.
 */
import { log } from "./log.ts";
import { SECOND_MS } from "./time.ts";

interface Metric {
  type: "counter" | "gauge" | "histogram";
  help: string;
  labels: readonly string[];
  /** Upper bounds, ascending; `+Inf` is implied. */
  buckets?: readonly number[];
}

const LATENCY = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const SEND = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90] as const;
const AGE = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600] as const;

export const METRICS = {
  cartwake_http_requests_total: {
    type: "counter",
    help: "Requests answered, by route pattern, method and class of status.",
    labels: ["route", "method", "status"],
  },
  cartwake_http_request_duration_seconds: {
    type: "histogram",
    help: "Time from a request's arrival to its answer, by route pattern.",
    labels: ["route"],
    buckets: LATENCY,
  },
  cartwake_beacon_events_total: {
    type: "counter",
    help: "Events in beacons: accepted, duplicate or rejected.",
    labels: ["outcome"],
  },
  cartwake_cart_decisions_total: {
    type: "counter",
    help: "What carts did, as the stores counted it: opened, abandoned, messaged, ordered, recovered.",
    labels: ["decision"],
  },
  cartwake_sends_total: {
    type: "counter",
    help: "Messages by how their hand-over to the provider ended; delayed ones waited for an open circuit breaker.",
    labels: ["channel", "provider", "outcome"],
  },
  cartwake_send_duration_seconds: {
    type: "histogram",
    help: "Time that calls of providers took.",
    labels: ["channel", "provider"],
    buckets: SEND,
  },
  cartwake_breakers: {
    type: "gauge",
    help: "Circuit breakers that are not closed, over all stores.",
    labels: ["provider", "state"],
  },
  cartwake_breaker_transitions_total: {
    type: "counter",
    help: "Changes of circuit breakers, by the state they changed to.",
    labels: ["provider", "to"],
  },
  cartwake_sockets_open: { type: "gauge", help: "Open WebSockets, as the rooms last told.", labels: [] },
  cartwake_queue_message_age_seconds: {
    type: "histogram",
    help: "Age of queue messages when their consumer took them.",
    labels: ["queue"],
    buckets: AGE,
  },
  cartwake_queue_retries_total: {
    type: "counter",
    help: "Queue messages that their consumer gave back.",
    labels: ["queue"],
  },
  cartwake_dead_letters_total: { type: "counter", help: "Queue messages given up and kept.", labels: [] },
  cartwake_advice_total: {
    type: "counter",
    help: "Carts that a language model was to advise on, by what came of it; all but applied: the rules decided.",
    labels: ["outcome"],
  },
  cartwake_ai_neurons_total: {
    type: "counter",
    help: "Neurons of Workers AI used, by task: advice, draft, summary.",
    labels: ["task"],
  },
  cartwake_ai_duration_seconds: {
    type: "histogram",
    help: "Time that questions to language models took, all their calls together.",
    labels: ["task"],
    buckets: SEND,
  },
  cartwake_metrics_dropped_total: {
    type: "counter",
    help: "Series not kept because there were too many.",
    labels: [],
  },
  cartwake_build_info: { type: "gauge", help: "Always 1; the label tells what runs.", labels: ["version"] },
} as const satisfies Record<`cartwake_${string}`, Metric>;

export type MetricName = keyof typeof METRICS;
type Named<T extends Metric["type"]> = {
  [N in MetricName]: (typeof METRICS)[N]["type"] extends T ? N : never;
}[MetricName];
export type CounterName = Named<"counter">;
export type GaugeName = Named<"gauge">;
export type HistogramName = Named<"histogram">;
export type Labels<N extends MetricName> = Record<(typeof METRICS)[N]["labels"][number], string>;

/** A series: the metric's name and the values of its labels, in the table's order, as JSON. */
export type SeriesKey = string;

export interface HistogramDelta {
  /** One more than the metric has buckets; not cumulative. */
  buckets: number[];
  sum: number;
}

/** What one isolate gathered. `seq` tells a batch that was sent twice. */
export interface MetricsBatch {
  isolate: string;
  seq: number;
  counts: [SeriesKey, number][];
  histograms: [SeriesKey, HistogramDelta][];
}

const MAX_LABEL = 100;
/** Series an isolate gathers between two flushes. */
const MAX_SERIES = 2_000;

export const seriesKey = (name: MetricName, labels: Readonly<Record<string, string>>): SeriesKey =>
  JSON.stringify([name, ...METRICS[name].labels.map((label) => String(labels[label]).slice(0, MAX_LABEL))]);

/** The parts of a key; `null` for a metric that this version does not know. */
export function parseSeries(key: SeriesKey): { name: MetricName; values: string[] } | null {
  const [name, ...values] = JSON.parse(key) as string[];
  if (name === undefined || !Object.hasOwn(METRICS, name)) return null;
  return { name: name as MetricName, values };
}

let counts = new Map<SeriesKey, number>();
let histograms = new Map<SeriesKey, HistogramDelta>();
let dropped = 0;

function hasRoom(map: Map<SeriesKey, unknown>, key: SeriesKey): boolean {
  if (map.has(key) || map.size < MAX_SERIES) return true;
  dropped += 1;
  return false;
}

export function count<N extends CounterName>(name: N, labels: Labels<N>, n = 1): void {
  if (n <= 0) return;
  const key = seriesKey(name, labels);
  if (hasRoom(counts, key)) counts.set(key, (counts.get(key) ?? 0) + n);
}

export function observe<N extends HistogramName>(name: N, labels: Labels<N>, seconds: number): void {
  const key = seriesKey(name, labels);
  if (!hasRoom(histograms, key)) return;
  const bounds: readonly number[] = METRICS[name].buckets;
  const delta = histograms.get(key) ?? { buckets: new Array<number>(bounds.length + 1).fill(0), sum: 0 };
  const value = Math.max(0, seconds);
  const index = bounds.findIndex((bound) => value <= bound);
  const bucket = index < 0 ? bounds.length : index;
  delta.buckets[bucket] = (delta.buckets[bucket] ?? 0) + 1;
  delta.sum += value;
  histograms.set(key, delta);
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** One answered request. `route`: the pattern it matched, never its path. */
export function countRequest(route: string, method: string, status: number, seconds: number): void {
  count("cartwake_http_requests_total", {
    route,
    method: METHODS.has(method) ? method : "other",
    status: `${Math.floor(status / 100)}xx`,
  });
  observe("cartwake_http_request_duration_seconds", { route }, seconds);
}

/** The messages of a batch, as their consumer takes them. */
export function countAges(queue: string, messages: readonly { timestamp: Date }[], now: number): void {
  for (const { timestamp } of messages)
    observe("cartwake_queue_message_age_seconds", { queue }, (now - timestamp.getTime()) / SECOND_MS);
}

/** Where batches go: the `Meter`. */
export interface MetricsSink {
  add(batch: MetricsBatch): Promise<void>;
}

/** How long what was gathered waits for more. */
const FLUSH_MS = 5 * SECOND_MS;
/** The runtime may end waiting work with its request; then the next request starts it again. */
const LOST_FLUSH_MS = 6 * FLUSH_MS;

let isolate = "";
let seq = 0;
/** Handed over but not confirmed: sent again as it is, so that the meter knows it. */
let unconfirmed: MetricsBatch | null = null;
let waitingSince: number | null = null;
let handedOverAt = 0;

function take(): MetricsBatch | null {
  if (dropped > 0) {
    const lost = dropped;
    dropped = 0;
    counts.set(seriesKey("cartwake_metrics_dropped_total", {}), lost);
  }
  if (counts.size === 0 && histograms.size === 0) return null;
  isolate ||= crypto.randomUUID();
  seq += 1;
  const batch = { isolate, seq, counts: [...counts], histograms: [...histograms] };
  counts = new Map();
  histograms = new Map();
  return batch;
}

/**
 * Hands everything gathered so far to the meter. What could not be handed over is kept for the next time. In two calls at
 * most: under load there is always something new, and it waits for the next time.
 */
export async function sendMetrics(sink: MetricsSink): Promise<void> {
  if (unconfirmed !== null) await send(sink, unconfirmed);
  unconfirmed ??= take();
  if (unconfirmed !== null) await send(sink, unconfirmed);
}

async function send(sink: MetricsSink, batch: MetricsBatch): Promise<void> {
  await sink.add(batch);
  if (unconfirmed === batch) unconfirmed = null;
}

interface Invocation {
  waitUntil(work: Promise<unknown>): void;
}

const isNews = (): boolean => counts.size > 0 || histograms.size > 0 || unconfirmed !== null;

/** Call at the end of each request: what is gathered reaches the meter within `FLUSH_MS`, in one call an isolate. */
export function flushMetrics(sink: MetricsSink, ctx: Invocation, wait: (ms: number) => Promise<unknown>): void {
  const now = Date.now();
  if (!isNews() || isFlushWaiting(now)) return;
  waitingSince = now;
  ctx.waitUntil(wait(FLUSH_MS).then(() => handOver(sink)));
}

/**
 * Call at the end of a queue's batch. It must not wait: a queue may bring the next batch only when nothing of this one is
 * left to wait for. What comes within `FLUSH_MS` of the last time goes with the next request, batch or reading.
 */
export function flushMetricsNow(sink: MetricsSink, ctx: Invocation): void {
  const now = Date.now();
  const recent = now - handedOverAt < FLUSH_MS && now >= handedOverAt;
  if (isNews() && !recent && !isFlushWaiting(now)) ctx.waitUntil(handOver(sink));
}

const isFlushWaiting = (now: number): boolean =>
  waitingSince !== null && now - waitingSince < LOST_FLUSH_MS && now >= waitingSince;

async function handOver(sink: MetricsSink): Promise<void> {
  waitingSince = null;
  handedOverAt = Date.now();
  await sendMetrics(sink).catch((error) => log("warn", "metrics_unsent", { error }));
}
