import type { Actors } from "../objects/stubs.ts";
import type { AccountMailHint, CartNews, QueueProbe, ScoringHint, SendCommand } from "../shared/events/messages.ts";
import type { TrainingParams } from "./training/workflow.ts";

/** Workers AI, as far as it is used: models by their names, and answers that nobody has checked. */
export interface AiBinding {
  run(model: string, inputs: Record<string, unknown>): Promise<unknown>;
}

/** Everything this Worker is bound to (wrangler.toml). */
export interface Env extends Actors {
  DB: D1Database;
  EVENTS: Queue<CartNews | QueueProbe>;
  INTERVENTIONS: Queue<SendCommand | AccountMailHint>;
  SCORING: Queue<ScoringHint>;
  /** Models by `artefactKey`, and what training runs have so far. */
  ARTEFACTS: R2Bucket;
  TRAINING: Workflow<TrainingParams>;
  /** Only where an account is: never locally. */
  AI?: AiBinding;
  AI_MODEL: string;
  ANALYTICS: AnalyticsEngineDataset;
  ASSETS: Fetcher;
  EMAIL: SendEmail;
  BEACON_RATE: RateLimit;
  ENVIRONMENT: string;
  PUBLIC_URL: string;
  LINK_SECRET: string;
  AUTH_SECRET: string;
  TOKEN_FORMAT: string;
  TOKEN_ALGORITHM: string;
  PUBLISH_LEASE_SECONDS: string;
  PUBLISH_GATHER_SECONDS: string;
  EMAIL_PROVIDER: string;
  EMAIL_FROM: string;
  SMTP_URL: string;
  RATE_LIMITS: string;
  STORE_EVENTS_PER_MINUTE: string;
  PROVIDER_TIMEOUT_SECONDS: string;
  METRICS_TOKEN?: string;
}
