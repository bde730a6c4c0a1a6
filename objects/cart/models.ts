/**
 * Which model scores a cart: the store's own, by its rules, once this isolate has its weights. What is not here yet is
 * fetched meanwhile, and the prior scores: a beacon waits for no bucket.
 */
import { weights } from "../../shared/model/cache.ts";
import { type Predictor, predictorOf } from "../../shared/model/prediction.ts";
import { prior } from "../../shared/model/prior.ts";
import { artefactKey, versionFor } from "../../shared/model/rollout.ts";
import type { Scorer } from "../../shared/model/scorer.ts";
import { NO_SERVING, PRIOR_VERSION } from "../../shared/model/serving.ts";
import type { Rules } from "../../shared/policy/rules.ts";

const predictors = new WeakMap<Scorer, Predictor>();

/** The platform's `waitUntil`. */
export type KeepAwake = (work: Promise<unknown>) => void;

export class Models {
  readonly #bucket: R2Bucket;
  readonly #storeId: string;
  readonly #cartId: string;
  readonly #keepAwake: KeepAwake;

  constructor(bucket: R2Bucket, { storeId, cartId }: { storeId: string; cartId: string }, keepAwake: KeepAwake) {
    this.#bucket = bucket;
    this.#storeId = storeId;
    this.#cartId = cartId;
    this.#keepAwake = keepAwake;
  }

  /** At once; nobody waits for weights on their way here. */
  now(rules: Rules): Predictor {
    const version = versionFor(rules.serving ?? NO_SERVING, this.#cartId);
    if (version === null) return prior;
    const key = artefactKey(this.#storeId, version);
    const scorer = weights.peek(key);
    if (scorer) return named(scorer, version);
    this.#keepAwake(weights.load(this.#bucket, key).catch(() => null)); // the cache has said why
    return prior;
  }

  /** For who can wait. A version that cannot be had is scored by the prior, whose name then stands in the answer. */
  async ready(rules: Rules, version = versionFor(rules.serving ?? NO_SERVING, this.#cartId)): Promise<Predictor> {
    if (version === null || version === PRIOR_VERSION) return prior;
    const scorer = await weights.load(this.#bucket, artefactKey(this.#storeId, version)).catch(() => null);
    return scorer ? named(scorer, version) : prior;
  }
}

function named(scorer: Scorer, version: string): Predictor {
  const known = predictors.get(scorer);
  if (known) return known;
  const made = predictorOf(scorer, version);
  predictors.set(scorer, made);
  return made;
}
