/**
 * What the messages of a batch have in common, each read once: the store's rules and settings, its providers, its templates.
 * A batch is a moment; what is changed meanwhile counts from the next one on.
 */
import { storeStub } from "../../objects/stubs.ts";
import { parseConfig } from "../../shared/config.ts";
import { providersOf } from "../../shared/db/providers.ts";
import { findTemplate } from "../../shared/db/templates.ts";
import type { ClaimedCart } from "../../shared/events/messages.ts";
import type { PushTarget } from "../../shared/events/types.ts";
import type { MessageChannel, Rules } from "../../shared/policy/rules.ts";
import { callActor } from "../../shared/retry.ts";
import type { Template } from "../../shared/templates.ts";
import type { Env } from "../env.ts";
import { type Way, waysOf } from "./route.ts";

type StoreClient = ReturnType<typeof storeStub>;

export class Lookups {
  readonly #env: Env;
  readonly #known = new Map<string, Promise<unknown>>();

  constructor(env: Env) {
    this.#env = env;
  }

  rules(storeId: string): Promise<Rules> {
    return this.#once(`rules/${storeId}`, () => callActor("store", () => storeStub(this.#env, storeId).rules()));
  }

  settings(storeId: string): ReturnType<StoreClient["settings"]> {
    return this.#once(`settings/${storeId}`, () => callActor("store", () => storeStub(this.#env, storeId).settings()));
  }

  /** The ways of a channel, the preferred one first. A push message names its device: its ways are its own. */
  async ways(storeId: string, channel: MessageChannel, target: PushTarget | null): Promise<Way[]> {
    const env = this.#env;
    const rows = await this.#once(`rows/${storeId}/${channel}`, () => providersOf(env.DB, storeId, channel));
    const read = () => waysOf(env, parseConfig(env), rows, { channel, target });
    return target ? read() : this.#once(`ways/${storeId}/${channel}`, read);
  }

  template(storeId: string, { templateId, channel, trigger }: ClaimedCart): Promise<Template> {
    return this.#once(`template/${storeId}/${channel}/${trigger}/${templateId}`, () =>
      findTemplate(this.#env.DB, storeId, templateId, channel, trigger),
    );
  }

  /** What failed is asked again by the next message that needs it. */
  #once<T>(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.#known.get(key) as Promise<T> | undefined;
    if (known) return known;
    const asked = read();
    this.#known.set(key, asked);
    asked.catch(() => this.#known.delete(key));
    return asked;
  }
}
