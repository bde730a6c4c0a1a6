/** The store's rules as they are now. */
import { log } from "../../shared/log.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { withTimeout } from "../../shared/timeout.ts";
import { type Actors, storeStub } from "../stubs.ts";

/** How long they are waited for. */
const RULES_MS = 5 * SECOND_MS;

/** The merchant may have changed their mind since the last beacon; an unreachable store is no reason not to wake. */
export async function freshRules(
  env: Actors,
  { storeId, cartId }: { storeId: string; cartId: string },
  known: Rules,
): Promise<Rules> {
  try {
    return await withTimeout(storeStub(env, storeId).rules(), RULES_MS, "the store's rules");
  } catch (error) {
    log("warn", "rules_unavailable", { actor: cartId, error });
    return known;
  }
}
