/** The shopper's past, asked of their arbiter once the cart holds something: it goes into the log with the next beacon. */

import { log } from "../../shared/log.ts";
import type { ShopperHistory } from "../../shared/model/history.ts";
import { type Actors, shopperStub } from "../stubs.ts";
import type { KeepAwake } from "./models.ts";
import { shopperOf } from "./reach.ts";
import type { CartState } from "./state.ts";

export class Past {
  readonly #env: Actors;
  readonly #name: { storeId: string; cartId: string };
  readonly #keepAwake: KeepAwake;
  /** Told, and not yet in the log: an eviction forgets it, and it is asked for again. */
  #heard: ShopperHistory | null = null;
  #asked: string | null = null;

  constructor(env: Actors, name: { storeId: string; cartId: string }, keepAwake: KeepAwake) {
    this.#env = env;
    this.#name = name;
    this.#keepAwake = keepAwake;
  }

  /** What the next beacon's row is to hold. */
  get heard(): ShopperHistory | null {
    return this.#heard;
  }

  /** The log was deleted: what comes now is another cart. */
  reset(): void {
    this.#heard = null;
    this.#asked = null;
  }

  /** It is in the log. */
  kept(history: ShopperHistory): void {
    if (this.#heard === history) this.#heard = null;
  }

  /** Asks, if anybody is to be asked, and nobody waits for it: the prediction has it from the next event on. */
  ask(state: CartState): void {
    const shopperId = this.#wanted(state);
    if (shopperId === null) return;
    this.#asked = shopperId;
    const { storeId, cartId } = this.#name;
    const asked = shopperStub(this.#env, storeId, shopperId).past(cartId);
    const heard = asked.then(({ history }) => {
      if (this.#asked === shopperId) this.#heard = { ...history, shopperId };
    });
    const failed = (error: unknown): void => {
      if (this.#asked === shopperId) this.#asked = null;
      log("warn", "past_unknown", { actor: cartId, error });
    };
    this.#keepAwake(heard.catch(failed));
  }

  /** Once for each identity that the cart's shopper turns out to have; again when nobody answered, or the cart wakes anew. */
  #wanted(state: CartState): string | null {
    const shopperId = shopperOf(state);
    if (state.facts.items.length === 0 || state.history?.shopperId === shopperId) return null;
    return this.#asked === shopperId ? null : shopperId;
  }
}
