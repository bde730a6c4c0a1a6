/** What serves a store. `null`: the prior model. The store's actor is its single writer; its rules carry it to carts. */
export interface Serving {
  production: string | null;
  /** `share` of all carts, 0 to 1, by the hash of the cart's id. */
  canary: { version: string; share: number } | null;
  /** Scored beside the others on finished carts, and used for nothing. */
  shadow: string | null;
  /** What was in production before: where a rollback leads. */
  previous: string | null;
}

/** As the store's actor tells it. `version` grows with every change: who changes it says which one they saw. */
export interface ServingState extends Serving {
  version: number;
}

export const NO_SERVING: Serving = { production: null, canary: null, shadow: null, previous: null };

/** The version by which the model that ships in the code is spoken of. It is in no registry. */
export const PRIOR_VERSION = "prior";
