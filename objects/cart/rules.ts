/** The store's rules as they are now. */
import { log } from "../../shared/log.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { withTimeout } from "../../shared/timeout.ts";
import { type Actors, storeStub } from "../stubs.ts";

/** How long the store is waited for. */
const STORE_MS = 5 * SECOND_MS;

export interface CartName {
  storeId: string;
  cartId: string;
}

/**
 * What a cart asks when it wakes: the rules, and how far the store has counted this incarnation. `null`: the store could not
 * be asked, which is no reason not to wake.
 */
export async function askStore(
  env: Actors,
  { storeId, cartId }: CartName,
  incarnation: number,
): Promise<{ rules: Rules; seen: number } | null> {
  try {
    return await withTimeout(storeStub(env, storeId).woken(cartId, incarnation), STORE_MS, "the store");
  } catch (error) {
    log("warn", "store_unavailable", { actor: cartId, error });
    return null;
  }
}

/** The merchant may have changed their mind since the last beacon. */
export async function freshRules(env: Actors, { storeId, cartId }: CartName, known: Rules): Promise<Rules> {
  try {
    return await withTimeout(storeStub(env, storeId).rules(), STORE_MS, "the store's rules");
  } catch (error) {
    log("warn", "rules_unavailable", { actor: cartId, error });
    return known;
  }
}
