/**
 * Meter: the sums of everything measured, over all isolates and restarts.
 *
 * Owns    counters and histograms; what breakers and rooms last told about themselves; the probe of the events queue.
 * Timers  none durable: memory is written behind, in one row, `SAVE_MS` after it first changed. A `kill -9` loses at most
 *         that, and what isolates had not handed over yet (`FLUSH_MS` in shared/metrics.ts).
 * RPC     add, report, expose, vitals, probeDue, probeArrived.
 * Peers   Room (asked again when it was silent for long).
 */
import { DurableObject } from "cloudflare:workers";
import { log } from "../../shared/log.ts";
import {
  type CounterName,
  type GaugeName,
  type Labels,
  type MetricName,
  type MetricsBatch,
  parseSeries,
  type SeriesKey,
  seriesKey,
} from "../../shared/metrics.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { VERSION } from "../../shared/version.ts";
import { Saved } from "../kit/saved.ts";
import { type Actors, roomByName } from "../stubs.ts";
import { addBatch, addCount, emptyMeter, expose, gaugesAt, type MeterState, setGauges } from "./series.ts";

const SAVE_MS = 2 * SECOND_MS;
/** A room that was silent for so long is asked how many sockets it has, some at each reading. */
const ASK_MS = 5 * MINUTE_MS;
const ASKED_AT_ONCE = 50;
const PROBE_EVERY_MS = MINUTE_MS;
const ROOM = "room:";

/** A gauge or counter with its labels and a number. */
type Told<N extends MetricName> = { [K in N]: [name: K, labels: Labels<K>, n: number] }[N];

export interface ActorReport {
  /** All of this actor's gauges; the ones it told before are forgotten. */
  gauges: Told<GaugeName>[];
  counts?: Told<CounterName>[];
  /** When the gauges no longer hold (ms). */
  expiresAt: number;
}

/** What is known of the events queue from the probes sent through it. */
export interface QueueProbe {
  sentAt: number | null;
  /** The last probe that arrived. */
  arrived: { sentAt: number; at: number } | null;
}

interface State extends MeterState {
  probe: QueueProbe;
}

export class Meter extends DurableObject<Actors> {
  readonly #saved: Saved<State>;
  readonly #state: State;
  #saving: ReturnType<typeof setTimeout> | null = null;

  constructor(ctx: DurableObjectState, env: Actors) {
    super(ctx, env);
    this.#saved = new Saved(ctx.storage);
    this.#state = { ...emptyMeter(), probe: { sentAt: null, arrived: null }, ...this.#saved.load() };
  }

  /** What an isolate gathered. A batch that comes again is not added again. */
  add(batch: MetricsBatch): void {
    if (addBatch(this.#state, batch)) this.#saveSoon();
  }

  /** What an actor tells about itself; `source` names it. */
  report(source: string, { gauges, counts = [], expiresAt }: ActorReport): void {
    for (const [name, labels, n] of counts) addCount(this.#state, seriesKey(name, labels), n);
    const told = gauges.map(([name, labels, n]): [SeriesKey, number] => [seriesKey(name, labels), n]);
    setGauges(this.#state, source, { gauges: told, at: Date.now(), expiresAt });
    this.#saveSoon();
  }

  /** Everything, in Prometheus' text format. */
  expose(): string {
    const now = Date.now();
    this.ctx.waitUntil(this.#askSilentRooms(now));
    const gauges = gaugesAt(this.#state, now);
    return expose(this.#state, { ...gauges, [seriesKey("cartwake_build_info", { version: VERSION })]: 1 });
  }

  /** For health checks: breakers that are not closed, by provider and state, and the queue's probe. Writes nothing. */
  vitals(): { breakers: { provider: string; state: string; count: number }[]; probe: QueueProbe } {
    const breakers = Object.entries(gaugesAt(this.#state, Date.now())).flatMap(([key, n]) => {
      const series = parseSeries(key);
      if (series?.name !== "cartwake_breakers") return [];
      const [provider = "", state = ""] = series.values;
      return [{ provider, state, count: n }];
    });
    return { breakers, probe: this.#state.probe };
  }

  /** Whether to send a probe through the queue now; a yes counts as sent, so that there is one a minute at most. */
  probeDue(): number | null {
    const now = Date.now();
    const { probe } = this.#state;
    if (probe.sentAt !== null && now - probe.sentAt < PROBE_EVERY_MS) return null;
    this.#state.probe = { ...probe, sentAt: now };
    this.#saveSoon();
    return now;
  }

  probeArrived(sentAt: number): void {
    if ((this.#state.probe.arrived?.sentAt ?? 0) >= sentAt) return;
    this.#state.probe = { ...this.#state.probe, arrived: { sentAt, at: Date.now() } };
    this.#saveSoon();
  }

  /** A room that lost its sockets with its process tells nobody. */
  async #askSilentRooms(now: number): Promise<void> {
    const silent = Object.entries(this.#state.gauges)
      .filter(([source, { at }]) => source.startsWith(ROOM) && at < now - ASK_MS)
      .slice(0, ASKED_AT_ONCE);
    await Promise.all(
      silent.map(async ([source]) => {
        try {
          await roomByName(this.env, source.slice(ROOM.length)).countSockets();
        } catch (error) {
          log("warn", "room_unasked", { actor: source, error });
        }
      }),
    );
  }

  #saveSoon(): void {
    this.#saving ??= setTimeout(() => {
      this.#saving = null;
      this.#saved.save(this.#state);
    }, SAVE_MS);
  }
}
