/** What a store tells those who watch it now. Whoever missed it reads the API, so a failure is only logged. */
import { log } from "../../shared/log.ts";
import { SECOND_MS } from "../../shared/time.ts";
import type { RealtimeView, TopicNews } from "../../shared/views.ts";
import { type Actors, liveRoom } from "../stubs.ts";

/** At most one news of metrics a second. */
const METRICS_MS = SECOND_MS;

export class Live {
  readonly #ctx: DurableObjectState;
  readonly #env: Actors;
  readonly #storeId: string;
  readonly #metrics: () => RealtimeView;
  #metricsTimer: ReturnType<typeof setTimeout> | null = null;
  #audience = true;
  /** Counts subscriptions: a room that found nobody may have looked before the last one. */
  #subscriptions = 0;

  constructor(ctx: DurableObjectState, env: Actors, storeId: string, metrics: () => RealtimeView) {
    this.#ctx = ctx;
    this.#env = env;
    this.#storeId = storeId;
    this.#metrics = metrics;
  }

  /** Somebody subscribed: they are told what happens from now on. */
  watched(): void {
    this.#subscriptions += 1;
    this.#audience = true;
  }

  /** `news` is made only when there is somebody to hear it. */
  tell(news: () => TopicNews[]): void {
    if (!this.#audience) return;
    const made = news();
    if (made.length > 0) this.#ctx.waitUntil(this.#publish(made));
    this.metricsSoon();
  }

  metricsSoon(): void {
    if (this.#metricsTimer !== null || !this.#audience) return;
    this.#metricsTimer = setTimeout(() => {
      this.#metricsTimer = null;
      this.#ctx.waitUntil(this.#publish([{ topic: "metrics", metrics: this.#metrics() }]));
    }, METRICS_MS);
  }

  async #publish(news: TopicNews[]): Promise<void> {
    const before = this.#subscriptions;
    try {
      const listeners = await liveRoom(this.#env, this.#storeId).publish(news);
      if (listeners > 0 || before === this.#subscriptions) this.#audience = listeners > 0;
    } catch (error) {
      log("warn", "live_news_failed", { actor: this.#storeId, error });
    }
  }
}
