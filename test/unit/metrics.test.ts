import { readFileSync } from "node:fs";
import { join } from "node:path";
import parsePrometheusTextFormat from "parse-prometheus-text-format";
import { afterEach, describe, expect, it, vi } from "vitest";
import { addBatch, emptyMeter, expose, gaugesAt, MAX_SERIES, type MeterState } from "../../objects/meter/series.ts";
import {
  count,
  countAges,
  countRequest,
  flushMetrics,
  flushMetricsNow,
  METRICS,
  type MetricName,
  type MetricsBatch,
  observe,
  sendMetrics,
  seriesKey,
} from "../../shared/metrics.ts";
import { VERSION } from "../../shared/version.ts";
import { readExposition, totalOf } from "../support/promlint.ts";

/** Everything gathered since the last time, added to a meter. */
async function gathered(state: MeterState = emptyMeter()): Promise<MeterState> {
  await sendMetrics({ add: async (batch) => void addBatch(state, batch) });
  return state;
}
afterEach(() => gathered());

const read = (state: MeterState, gauges = {}) => readExposition(expose(state, gauges));

describe("the text", () => {
  it("is what Prometheus reads, with every metric of the table, before anything was measured", () => {
    const { errors, types, samples } = read(emptyMeter());
    expect(errors).toEqual([]);
    expect([...types.keys()].sort()).toEqual(Object.keys(METRICS).sort());
    expect(samples.map((s) => s.name)).toContain("cartwake_sockets_open");
  });

  it("is read by others as it was meant", async () => {
    countRequest("/v1/carts/:id", "GET", 200, 0.02);
    countRequest("/v1/carts/:id", "GET", 404, 20);
    count("cartwake_beacon_events_total", { outcome: "accepted" }, 7);
    const text = expose(await gathered(), { [seriesKey("cartwake_build_info", { version: "1" })]: 1 });
    expect(readExposition(text).errors).toEqual([]);
    const families = parsePrometheusTextFormat(text);
    const family = (name: MetricName) => families.find((f) => f.name === name);
    expect(family("cartwake_http_requests_total")).toMatchObject({
      type: "COUNTER",
      metrics: [
        { value: "1", labels: { route: "/v1/carts/:id", method: "GET", status: "2xx" } },
        { value: "1", labels: { route: "/v1/carts/:id", method: "GET", status: "4xx" } },
      ],
    });
    expect(family("cartwake_beacon_events_total")?.metrics).toEqual([{ value: "7", labels: { outcome: "accepted" } }]);
    expect(family("cartwake_http_request_duration_seconds")).toMatchObject({
      type: "HISTOGRAM",
      metrics: [{ buckets: { "0.01": "0", "0.025": "1", "10": "1", "+Inf": "2" } }],
    });
  });

  it("escapes what labels may hold", async () => {
    const odd = 'a "b" \\ c\nd';
    count("cartwake_queue_retries_total", { queue: odd });
    const text = read(await gathered());
    expect(text.errors).toEqual([]);
    expect(totalOf(text, "cartwake_queue_retries_total", { queue: odd })).toBe(1);
  });

  it("has numbers that Prometheus reads, whatever was added up", async () => {
    for (const seconds of [0.1, 0.2, 1e-9, 1e7, 123_456.789])
      observe("cartwake_queue_message_age_seconds", { queue: "events" }, seconds);
    const text = read(await gathered());
    expect(text.errors).toEqual([]);
    expect(totalOf(text, "cartwake_queue_message_age_seconds_sum")).toBeCloseTo(10_123_457.089, 2);
  });
});

describe("gathering", () => {
  it("puts a value on a bound into the bucket of that bound", async () => {
    observe("cartwake_queue_message_age_seconds", { queue: "q" }, 0.1);
    observe("cartwake_queue_message_age_seconds", { queue: "q" }, 0.1000001);
    observe("cartwake_queue_message_age_seconds", { queue: "q" }, 1e9);
    const text = read(await gathered());
    const bucket = (le: string) => totalOf(text, "cartwake_queue_message_age_seconds_bucket", { le });
    expect([bucket("0.1"), bucket("0.5"), bucket("3600"), bucket("+Inf")]).toEqual([1, 2, 2, 3]);
  });

  it("takes a clock that went back for no time at all", async () => {
    countAges("events", [{ timestamp: new Date(2_000) }, { timestamp: new Date(0) }], 1_000);
    const text = read(await gathered());
    expect(totalOf(text, "cartwake_queue_message_age_seconds_sum", { queue: "events" })).toBe(1);
    expect(totalOf(text, "cartwake_queue_message_age_seconds_count", { queue: "events" })).toBe(2);
  });

  it("keeps methods that nobody knows under one name", async () => {
    for (const method of ["BREW", "get", "PROPFIND"]) countRequest("(none)", method, 405, 0);
    const text = read(await gathered());
    expect(totalOf(text, "cartwake_http_requests_total", { method: "other", status: "4xx" })).toBe(3);
  });

  it("is bounded, and what is dropped is counted", async () => {
    for (let i = 0; i < 2 * MAX_SERIES; i++) count("cartwake_queue_retries_total", { queue: `q${i}` });
    const state = await gathered();
    for (let i = 0; i < 2 * MAX_SERIES; i++) count("cartwake_queue_retries_total", { queue: `r${i}` });
    await gathered(state);
    const text = read(state);
    expect(text.errors).toEqual([]);
    expect(text.samples.filter((s) => s.name === "cartwake_queue_retries_total").length).toBeLessThanOrEqual(
      MAX_SERIES,
    );
    const dropped = totalOf(text, "cartwake_metrics_dropped_total");
    expect(totalOf(text, "cartwake_queue_retries_total") + dropped).toBe(4 * MAX_SERIES);
  });

  it("counts a batch once although its answer was lost", async () => {
    const state = emptyMeter();
    count("cartwake_beacon_events_total", { outcome: "accepted" }, 3);
    const lost = async (batch: MetricsBatch) => {
      addBatch(state, structuredClone(batch));
      throw new Error("lost");
    };
    await expect(sendMetrics({ add: lost })).rejects.toThrow("lost");
    count("cartwake_beacon_events_total", { outcome: "accepted" }, 4);
    await gathered(state);
    expect(totalOf(read(state), "cartwake_beacon_events_total")).toBe(7);
  });

  it("ends under load, when there is something new after each call", async () => {
    const state = emptyMeter();
    let calls = 0;
    const busy = async (batch: MetricsBatch) => {
      addBatch(state, batch);
      if (++calls > 5) throw new Error("it would never have ended");
      count("cartwake_beacon_events_total", { outcome: "accepted" });
    };
    count("cartwake_beacon_events_total", { outcome: "accepted" });
    await sendMetrics({ add: busy });
    expect([calls, totalOf(read(state), "cartwake_beacon_events_total")]).toEqual([1, 1]);
    await gathered(state);
    expect(totalOf(read(state), "cartwake_beacon_events_total")).toBe(2);
  });

  it("hands over once for all that comes within five seconds", async () => {
    const state = emptyMeter();
    const work: Promise<unknown>[] = [];
    const waits: (() => void)[] = [];
    let calls = 0;
    const sink = {
      add: async (batch: MetricsBatch) => {
        calls += 1;
        addBatch(state, batch);
      },
    };
    for (let i = 0; i < 50; i++) {
      countRequest("/health", "GET", 200, 0);
      flushMetrics(sink, { waitUntil: (w) => void work.push(w) }, () => new Promise<void>((done) => waits.push(done)));
    }
    expect([work.length, calls]).toEqual([1, 0]);
    for (const done of waits) done();
    await Promise.all(work);
    expect(calls).toBe(1);
    expect(totalOf(read(state), "cartwake_http_requests_total")).toBe(50);
  });

  it("lets no batch of a queue wait, and hands over once for all batches within five seconds", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    const state = emptyMeter();
    const work: Promise<unknown>[] = [];
    const sink = {
      add: async (batch: MetricsBatch) => {
        addBatch(state, batch);
      },
    };
    const batch = async (): Promise<number> => {
      countRequest("/health", "GET", 200, 0);
      flushMetricsNow(sink, { waitUntil: (w) => void work.push(w) });
      await Promise.all(work);
      return totalOf(read(state), "cartwake_http_requests_total");
    };
    const seen = [await batch(), await batch(), await batch()];
    vi.setSystemTime(Date.now() + 5_000);
    expect([...seen, await batch(), work.length]).toEqual([1, 1, 1, 4, 2]);
    vi.useRealTimers();
  });
});

describe("gauges", () => {
  it("are summed over who told them, and forgotten when they expire", () => {
    const key = seriesKey("cartwake_sockets_open", {});
    const state = emptyMeter();
    state.gauges = {
      a: { gauges: [[key, 3]], at: 0, expiresAt: 100 },
      b: { gauges: [[key, 4]], at: 0, expiresAt: 200 },
    };
    expect([gaugesAt(state, 50)[key], gaugesAt(state, 100)[key], gaugesAt(state, 200)[key]]).toEqual([7, 4, undefined]);
  });
});

describe("the linter sees what is wrong with", () => {
  const head = "# HELP a_total A.\n# TYPE a_total counter\n";
  const histogram = "# HELP h H.\n# TYPE h histogram\n";
  it.each([
    ["a sample before its type", "a_total 1\n"],
    ["a type twice", `${head}# TYPE a_total counter\na_total 1\n`],
    ["a type after its samples", "# HELP b B.\nb 1\n# TYPE b gauge\n"],
    ["a series twice", `${head}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 1\n`],
    ["a counter without _total", "# HELP a A.\n# TYPE a counter\na 1\n"],
    ["a gauge with _total", "# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n"],
    ["a broken label", `${head}a_total{x="1" 1\n`],
    ["an unescaped quote", `${head}a_total{x="1"2"} 1\n`],
    ["a bad value", `${head}a_total one\n`],
    ["a falling counter", `${head}a_total -1\n`],
    ["milliseconds", "# HELP a_milliseconds A.\n# TYPE a_milliseconds gauge\na_milliseconds 1\n"],
    ["no last end of line", `${head}a_total 1`],
    ["no +Inf", `${histogram}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`],
    ["buckets that fall", `${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`],
    ["a count that is not +Inf", `${histogram}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`],
    ["a family in two places", `${head}a_total 1\n# HELP b B.\n# TYPE b gauge\nb 1\na_total{x="1"} 1\n`],
  ])("%s", (_, text) => {
    expect(readExposition(text).errors).not.toEqual([]);
  });
});

it("the version is the package's", () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
  expect(VERSION).toBe(version);
});
