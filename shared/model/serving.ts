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

export const NO_SERVING: Serving = { production: null, canary: null, shadow: null, previous: null };
