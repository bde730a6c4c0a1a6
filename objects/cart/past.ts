/** The shopper's past, asked of their arbiter once the cart holds something: it goes into the log with the next beacon. */
import type { ShopperHistory } from "../../shared/model/history.ts";
import { type Actors, shopperStub } from "../stubs.ts";
import { shopperOf } from "./reach.ts";
import type { CartState } from "./state.ts";

export class Past {
  readonly #env: Actors;
  /** Told, and not yet in the log: an eviction forgets it, and it is asked for again. */
  #heard: ShopperHistory | null = null;
  #asked: string | null = null;

  constructor(env: Actors) {
    this.#env = env;
  }

  /** What the next beacon's row is to hold. */
  get heard(): ShopperHistory | null {
    return this.#heard;
  }

  /** It is in the log. */
  kept(history: ShopperHistory): void {
    if (this.#heard === history) this.#heard = null;
  }

  /** Whom to ask now, if anybody: once for each identity that the cart's shopper turns out to have. */
  wanted(state: CartState): string | null {
    const shopperId = shopperOf(state);
    if (state.facts.items.length === 0 || state.history?.shopperId === shopperId) return null;
    return this.#asked === shopperId ? null : shopperId;
  }

  /** Throws when the arbiter cannot be reached; then nobody is asked again until the cart wakes anew. */
  async ask(storeId: string, shopperId: string, cartId: string): Promise<void> {
    this.#asked = shopperId;
    const { history } = await shopperStub(this.#env, storeId, shopperId).past(cartId);
    this.#heard = { ...history, shopperId };
  }
}
