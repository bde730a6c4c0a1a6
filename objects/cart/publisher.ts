/**
 * The drain of the cart's log: tells the queue what was committed, and asks the store what it has counted. A queue may
 * forget (the embedded one does on restart), so nothing counts as published until the store says so; until then the
 * lease wakes the cart and it publishes again. Entries are numbered, so telling twice is harmless.
 */
import type { CartNews, Entry, QueueProbe, SendCommand } from "../../shared/events/messages.ts";
import { log } from "../../shared/log.ts";
import { SECOND_MS } from "../../shared/time.ts";
import { type Actors, storeStub } from "../stubs.ts";
import type { Command, Decision } from "./commands.ts";
import { endingsOf } from "./examples.ts";
import type { CartState, Effect, Facts, Process } from "./state.ts";
import type { CartStorage, Loaded } from "./storage.ts";
import { deliveryNews, shopperNews, summaryOf } from "./view.ts";

export interface CartEnv extends Actors {
  EVENTS: Queue<CartNews | QueueProbe>;
  INTERVENTIONS: Queue<SendCommand>;
  /** Where models are kept. */
  ARTEFACTS: R2Bucket;
  /** How soon a cart tells again what the queue may have lost. */
  PUBLISH_LEASE_SECONDS: string;
  /** What is not urgent is told at most this often; its tail waits for the next beacon or the lease. */
  PUBLISH_GATHER_SECONDS: string;
}

export interface Present {
  state: CartState;
  seq: number;
  createdAt: number;
  trace: string | null;
}

/** What a message may carry, in entries and what they tell of exposures and purchases: well under its 128 KB. */
const MAX_ENTRIES = 100;
const sizeOf = ({ delta }: Entry): number =>
  1 + (delta.exposures?.length ?? 0) + (delta.purchases?.length ?? 0) + 8 * (delta.ends?.length ?? 0);
const MAX_RETOLD = 10;

/**
 * When news is told. `gathered`: together with what follows, page views and the like: fewer messages, fewer rows in the
 * store. `with_answer`: the sender has a message in hand and answers in a moment, which is told with it.
 */
export type Haste = "at_once" | "gathered" | "with_answer";

export class Publisher {
  readonly leaseMs: number;
  readonly #gatherMs: number;
  readonly #ctx: DurableObjectState;
  readonly #env: CartEnv;
  readonly #name: { storeId: string; cartId: string };
  readonly #storage: CartStorage;
  #confirmed: number;
  #sent: number;
  #sentAt = 0;
  /** What had been sent when the store was last asked. */
  #sentBefore = 0;
  #last: number;
  #flushing: Promise<void> | null = null;
  #buffer: Entry[] = [];
  /** Effects that need not be told; after an eviction the newest ones are told again. */
  #toldEffects: readonly Effect[];
  #indexed: { facts: Facts; process: Process } | null = null;
  /** Who the shopper was in what was last told of them, and the entry that told it. */
  #introduced: { facts: Facts | null; seq: number };
  /** Grows when the log is deleted: an answer about the earlier cart says nothing of this one. */
  #life = 0;

  constructor(
    ctx: DurableObjectState,
    env: CartEnv,
    name: { storeId: string; cartId: string },
    storage: CartStorage,
    loaded: Loaded | null,
  ) {
    this.#ctx = ctx;
    this.#env = env;
    this.#name = name;
    this.#storage = storage;
    this.#confirmed = loaded?.confirmed ?? 0;
    this.#sent = this.#confirmed;
    this.#last = loaded?.lastSeq ?? 0;
    this.#toldEffects = loaded?.state.process.effects.slice(0, -MAX_RETOLD) ?? [];
    this.#introduced = { facts: loaded?.state.facts ?? null, seq: this.#last };
    this.leaseMs = Math.max(1, Number(env.PUBLISH_LEASE_SECONDS) || 300) * SECOND_MS;
    this.#gatherMs = (Number(env.PUBLISH_GATHER_SECONDS) || 0) * SECOND_MS;
  }

  /** The log was deleted. */
  reset(): void {
    this.#confirmed = 0;
    this.#sent = 0;
    this.#sentBefore = 0;
    this.#last = 0;
    this.#buffer = [];
    this.#indexed = null;
    this.#toldEffects = [];
    this.#introduced = { facts: null, seq: 0 };
    this.#life += 1;
  }

  /** Does the shopper's arbiter know for sure that this browser is theirs? The store counts only what it was told after that. */
  isIntroduced({ person, visitorId }: Facts): boolean {
    const { facts, seq } = this.#introduced;
    return facts?.person === person && facts.visitorId === visitorId && this.#confirmed >= seq;
  }

  /** The last news of a cart that forgets itself. Throws when the queue does not take it. */
  async farewell(present: () => Present | null): Promise<void> {
    const now = present();
    if (now)
      await this.#env.EVENTS.send(
        { ...this.#news(now, []), deliveries: [], index: true, gone: true },
        { contentType: "json" },
      );
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  /** Is anything committed that the store has not confirmed? */
  behind(seq: number): boolean {
    return seq > this.#confirmed;
  }

  /** When to look again whether what was sent has been counted. */
  leaseEnd(now: number): number {
    const end = this.#sentAt + this.leaseMs;
    return end > now ? end : now + this.leaseMs;
  }

  /**
   * A row was committed. No timer waits for what is gathered, for it would keep the actor awake, which is billed; what
   * nothing follows is told when the lease ends.
   */
  add(entry: Entry, when: Haste, present: () => Present | null): void {
    const previous = this.#buffer.at(-1)?.seq ?? this.#sent;
    if (entry.seq === previous + 1 && this.#buffer.length < MAX_ENTRIES) this.#buffer.push(entry);
    this.#last = entry.seq;
    const waited = {
      at_once: true,
      gathered: entry.at - this.#sentAt >= this.#gatherMs,
      with_answer: entry.at - (this.#buffer[0]?.at ?? 0) >= this.leaseMs,
    };
    if (waited[when]) this.#ctx.waitUntil(this.flush(present));
  }

  /** Sends all that was not sent yet; one flush at a time, and another if something came meanwhile. */
  async flush(present: () => Present | null): Promise<void> {
    if (this.#flushing) {
      await this.#flushing;
      if (this.#sent === this.#last) return;
    }
    this.#flushing ??= this.#send(present).finally(() => {
      this.#flushing = null;
    });
    await this.#flushing;
  }

  async #send(present: () => Present | null): Promise<void> {
    try {
      for (let more = true; more; ) {
        const now = present();
        if (!now || this.#sent >= now.seq) return;
        const entries = this.#pending();
        const upTo = entries.at(-1)?.seq ?? now.seq;
        const { facts, process } = now.state;
        const news = this.#news(now, entries);
        await this.#env.EVENTS.send(news, { contentType: "json" });
        if (news.shopper) this.#introduced = { facts, seq: upTo };
        this.#sent = upTo;
        this.#sentAt = Date.now();
        this.#buffer = this.#buffer.filter((entry) => entry.seq > upTo);
        this.#indexed = { facts, process };
        this.#toldEffects = process.effects;
        more = this.#sent < this.#last;
      }
    } catch (error) {
      log("warn", "publish_failed", { actor: this.#name.cartId, error });
    }
  }

  /** From memory when it holds the whole gap, else from the log. */
  #pending(): Entry[] {
    if (this.#buffer[0]?.seq === this.#sent + 1) return fitting(this.#buffer);
    this.#buffer = [];
    return fitting(this.#storage.entries(this.#sent, MAX_ENTRIES));
  }

  #news({ state, seq, createdAt, trace }: Present, entries: Entry[]): CartNews {
    const { facts, process } = state;
    const last = this.#indexed;
    // An effect that did not change is the same object.
    const told = new Set(this.#toldEffects);
    const isNew = (part: "items" | "person" | "consent" | "visitorId"): boolean =>
      !last || last.facts[part] !== facts[part];
    const index = isNew("items") || isNew("person") || last?.process !== process;
    const ends = entries.flatMap(({ delta }) => delta.ends ?? []);
    const endings = ends.length > 0 ? endingsOf(ends, state, () => this.#storage.rows(0)) : [];
    const shopper = isNew("person") || isNew("consent") || isNew("visitorId") ? shopperNews(state) : null;
    return {
      ...this.#name,
      incarnation: createdAt,
      entries,
      summary: summaryOf(state, seq, createdAt),
      deliveries: process.effects.filter((e) => !told.has(e)).map(deliveryNews),
      ...(shopper ? { shopper } : {}),
      ...(endings.length > 0 ? { endings } : {}),
      index,
      ...(trace ? { traceparent: trace } : {}),
    };
  }

  /**
   * Asks the store how far it has counted this incarnation. What is still missing a lease after it was sent, or at the
   * second asking, is lost, and sent again by the next flush.
   */
  async confirm(incarnation: number): Promise<void> {
    if (this.#confirmed >= this.#last) return;
    const { storeId, cartId } = this.#name;
    const counted = this.asking();
    counted(await storeStub(this.#env, storeId).seen(cartId, incarnation));
  }

  /** The store is about to be asked; call what is returned with its answer: how far it has counted this incarnation. */
  asking(): (seen: number) => void {
    const life = this.#life;
    return (seen) => {
      if (life === this.#life) this.#counted(seen);
    };
  }

  #counted(seen: number): void {
    if (this.#confirmed >= this.#last) return;
    this.#confirmed = Math.max(this.#confirmed, Math.min(seen, this.#last));
    this.#sent = Math.max(this.#sent, this.#confirmed);
    const lost = this.#sentBefore > this.#confirmed || Date.now() - this.#sentAt >= this.leaseMs;
    this.#sentBefore = this.#sent;
    if (this.#sent > this.#confirmed && lost) {
      this.#sent = this.#confirmed;
      this.#buffer = [];
      this.#indexed = null;
      this.#toldEffects = [];
    }
  }

  /** Effects are due: hand them to the sender. Lost ones are handed over again by their timers. */
  dispatch(effects: Effect[], traceparent: string): void {
    const { storeId, cartId } = this.#name;
    const messages = effects.map((effect) => ({
      body: { storeId, cartId, effectId: effect.id, traceparent },
      contentType: "json" as const,
    }));
    this.#ctx.waitUntil(
      this.#env.INTERVENTIONS.sendBatch(messages).catch((error) =>
        log("warn", "dispatch_failed", { actor: cartId, error }),
      ),
    );
  }
}

/** The first of them, as many as a message takes, at least one. */
function fitting(entries: readonly Entry[]): Entry[] {
  let room = MAX_ENTRIES;
  const end = entries.findIndex((entry, i) => {
    room -= sizeOf(entry);
    return room < 0 && i > 0;
  });
  return end < 0 ? [...entries] : entries.slice(0, end);
}

/** The board shows at once what changed of a cart, and the arbiter must know it. */
export function hasteOf(before: CartState, command: Command, { state, dispatch }: Decision, first: boolean): Haste {
  const isSaid = (["items", "person", "consent"] as const).some((part) => state.facts[part] !== before.facts[part]);
  if (first || isSaid) return "at_once";
  if (dispatch.length > 0 || command.type === "claim") return "with_answer";
  return state.process === before.process ? "gathered" : "at_once";
}
