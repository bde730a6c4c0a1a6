import { storeStub } from "../../objects/stubs.ts";
import { log } from "../../shared/log.ts";
import { callActor } from "../../shared/retry.ts";
import type { Env } from "../env.ts";
import type { Purse } from "./adapter.ts";

/** The day's budget of a store, which its actor keeps. */
export class StorePurse implements Purse {
  readonly #env: Env;
  readonly #storeId: string;
  readonly #question: string;
  isRepeated = false;

  /** `question`: the same one is paid for once a day. */
  constructor(env: Env, storeId: string, question: string) {
    this.#env = env;
    this.#storeId = storeId;
    this.#question = question;
  }

  async reserve(call: number, neurons: number): Promise<boolean> {
    // Not repeated by itself: asked twice, the second time would find the first.
    const asked = await storeStub(this.#env, this.#storeId).askAi(this.#id(call), neurons);
    this.isRepeated = !asked.ok && asked.reason === "already_asked";
    return asked.ok;
  }

  async settle(call: number, neurons: number): Promise<void> {
    try {
      await callActor("store", () => storeStub(this.#env, this.#storeId).settleAi(this.#id(call), neurons));
    } catch (error) {
      // What was reserved stays counted; the answer is none the worse.
      log("warn", "neurons_unsettled", { storeId: this.#storeId, error });
    }
  }

  #id = (call: number): string => `${this.#question}/${call}`;
}
