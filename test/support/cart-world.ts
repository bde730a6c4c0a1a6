/**
 * Many carts of few shoppers, the real sender between them, and a scheduler that owns every `await`: it decides which sender
 * goes on, whether a call's request or its answer is lost, and who dies. Actors are their pure decisions over a disk that
 * survives. Judged by rules that are written here a second time, naively.
 */

import type { Outcome } from "../../objects/cart/commands.ts";
import { find } from "../../objects/cart/ledger.ts";
import { claimedOf, prospectOf } from "../../objects/cart/view.ts";
import * as shopping from "../../objects/shopper/decide.ts";
import type { ClaimedCart, Prospect, SendCommand } from "../../shared/events/messages.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { no, ok } from "../../shared/result.ts";
import { MINUTE_MS } from "../../shared/time.ts";
import type { Env } from "../../workers/env.ts";
import type { SendOutcome } from "../../workers/interventions/providers/provider.ts";
import { consumeInterventions } from "../../workers/interventions/sender.ts";
import { CartShell } from "./cart-shell.ts";
import type { Random } from "./random.ts";

/** A queue gives up on a consumer after this. */
const CONSUMER_MS = 15 * MINUTE_MS;

/** One run of the consumer for one message: it stands at a gate, or it is done, or it died. */
export class Sender {
  readonly startedAt: number;
  #open: ((error: Error | null) => void) | null = null;
  #arrived: () => void = () => undefined;
  #quiet: Promise<void> = Promise.resolve();
  isDone = false;
  isDead = false;
  /** What it has claimed and not settled. */
  delivery: string | null = null;

  constructor(now: number) {
    this.startedAt = now;
  }

  get waits(): boolean {
    return this.#open !== null && !this.isDead;
  }

  /** Runs `work` until its first gate. */
  begin(work: () => Promise<unknown>): Promise<void> {
    this.#expect();
    const quiet = this.#quiet;
    const done = work().then(() => {
      this.isDone = true;
      this.#arrived();
    });
    return Promise.race([quiet, done]);
  }

  gate(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#open = (error) => (error ? reject(error) : resolve());
      this.#arrived();
    });
  }

  /** Lets it go on to its next gate, or to its end. */
  go(error: Error | null): Promise<void> {
    const open = this.#open;
    this.#open = null;
    this.#expect();
    open?.(error);
    return this.#quiet;
  }

  #expect(): void {
    this.#quiet = new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }
}

/** What the provider's side knows, and what it may do. */
export type Answer = "ok" | "4xx" | "5xx" | "gone" | "timeout" | "answer_lost" | "answered_twice";

export interface Delivered {
  deliveryId: string;
  shopperId: string;
  channel: string;
  at: number;
}

export class SendWorld {
  now: number;
  readonly carts = new Map<string, CartShell>();
  readonly shoppers = new Map<string, shopping.Shopper>();
  /** Visitors who turned out to be somebody. */
  readonly moved = new Map<string, string>();
  readonly queue: SendCommand[] = [];
  readonly senders: Sender[] = [];
  readonly delivered: Delivered[] = [];
  /** Deliveries of which an answer was lost or overdue, or whose sender died with a claim. */
  readonly excused = new Set<string>();
  readonly resumable: boolean;
  readonly rules: Rules;
  nextAnswer: () => Answer = () => "ok";
  onClaim: (cartId: string, effectId: string, claimed: ClaimedCart) => void = () => undefined;
  onAsk: (asked: Prospect) => void = () => undefined;
  onPermit: (asked: Prospect) => void = () => undefined;
  onPlace: (deliveryId: string, shopperId: string) => void = () => undefined;
  onFreed: (deliveryId: string) => void = () => undefined;
  onCall: (deliveryId: string) => void = () => undefined;
  onMerge: (visitor: string, shopperId: string) => void = () => undefined;

  constructor(random: Random, rules: Rules, now: number) {
    this.rules = rules;
    this.now = now;
    this.resumable = random.chance(0.3);
  }

  cart(id: string): CartShell {
    const known = this.carts.get(id) ?? new CartShell(this.rules, id);
    this.carts.set(id, known);
    return known;
  }

  shopper(id: string): shopping.Shopper {
    return this.shoppers.get(this.moved.get(id) ?? id) ?? shopping.STRANGER;
  }

  /** What the carts handed over since goes to the queue. */
  collect(): void {
    for (const [cartId, shell] of this.carts)
      for (const effectId of shell.queue.splice(0))
        this.queue.push({ storeId: "st_test", cartId, effectId, traceparent: TRACE });
  }

  /** A consumer takes this message. */
  async consume(command: SendCommand): Promise<void> {
    const sender = new Sender(this.now);
    this.senders.push(sender);
    const message = {
      body: command,
      attempts: 1,
      timestamp: new Date(this.now),
      ack: () => undefined,
      retry: () => this.queue.push(command),
    };
    const batch = { messages: [message] } as unknown as MessageBatch<SendCommand>;
    await sender.begin(() => consumeInterventions(batch, this.#env(sender)));
    this.#sweep();
  }

  /** With an error: the call was lost, or its answer was. */
  async advance(sender: Sender, error: Error | null): Promise<void> {
    if (error) this.#excuse(sender);
    await sender.go(error);
    this.#sweep();
  }

  kill(sender: Sender): void {
    sender.isDead = true;
    this.#sweep();
  }

  #sweep(): void {
    for (const sender of this.senders) if (this.now - sender.startedAt > CONSUMER_MS) sender.isDead = true;
    for (const sender of this.senders) if (sender.isDead) this.#excuse(sender);
    const alive = this.senders.filter((sender) => !sender.isDone && !sender.isDead);
    this.senders.splice(0, this.senders.length, ...alive);
  }

  #excuse({ delivery }: Sender): void {
    if (delivery !== null) this.excused.add(delivery);
  }

  /** Everything outside the sender, as its calls reach it: a gate before, where the request may be lost, and one after. */
  #env(sender: Sender): Env {
    const call = async <T>(work: () => T): Promise<T> => {
      await sender.gate();
      const value = structuredClone(work());
      this.collect();
      await sender.gate();
      return value;
    };
    const env = {
      ...CONFIG,
      CART: { getByName: (name: string) => this.#cartActor(name.slice("st_test/".length), sender, call) },
      SHOPPER: { getByName: (name: string) => this.#shopperActor(name.slice("st_test/".length), call) },
      STORE: {
        getByName: () => ({
          rules: async () => this.rules,
          admitFirst: async () => null,
          giveBackFirst: async () => undefined,
          settings: async () => ok({ name: "Shop", url: "https://shop.example", allowedOrigins: [], baseUrl: "" }),
        }),
      },
      BREAKER: {
        getByName: () => ({
          enter: async () => ({ allowed: true, quiet: true, probe: 0 }),
          report: async () => undefined,
        }),
      },
      DB: { prepare: () => NO_ROWS },
      PROVIDER: this.#provider(sender),
    };
    return env as unknown as Env;
  }

  #cartActor(cartId: string, sender: Sender, call: <T>(work: () => T) => Promise<T>) {
    const shell = this.cart(cartId);
    /** A cart that has forgotten itself knows nothing of its effects. */
    const ask = <T>(work: () => T) => call(() => (shell.forgotten ? no("unknown_effect") : work()));
    return {
      prospect: (effectId: string) =>
        ask(() => {
          const effect = find(shell.state.process, effectId);
          if (!effect) return no("unknown_effect");
          if (effect.status !== "scheduled" && effect.status !== "claimed") return no(`already_${effect.status}`);
          const prospect = prospectOf(shell.state, effect);
          return prospect.channels.length > 0 ? ok(prospect) : no("no_address");
        }),
      claim: (
        effectId: string,
        provider: string,
        resumable: boolean,
        _account: undefined,
        channel: "email",
        consentedAt?: number,
      ) =>
        ask(() => {
          const { now } = this;
          const decision = shell.run({
            type: "claim",
            now,
            effectId,
            provider,
            resumable,
            channel,
            ...(consentedAt ? { consentedAt } : {}),
          });
          if (!decision.claimed) return no(decision.rejection ?? "unknown_effect");
          const claimed = claimedOf(shell.state, find(shell.state.process, effectId)!, 1);
          sender.delivery = claimed.deliveryId;
          // Claimed again: whoever had it before has not answered in time.
          if (find(shell.state.process, effectId)?.doubtful) this.excused.add(claimed.deliveryId);
          this.onClaim(cartId, effectId, claimed);
          return ok(claimed);
        }),
      settle: (effectId: string, outcome: Outcome) =>
        ask(() => {
          const { rejection } = shell.run({ type: "settle", now: this.now, effectId, outcome });
          sender.delivery = null;
          return rejection ? no(rejection) : ok(find(shell.state.process, effectId)!.status);
        }),
      hold: (effectId: string, reason: string, until: number | null) =>
        ask(() => {
          const { rejection } = shell.run({ type: "hold", now: this.now, effectId, reason, until });
          return rejection ? no(rejection) : ok(null);
        }),
    };
  }

  #shopperActor(name: string, call: <T>(work: () => T) => Promise<T>) {
    const id = () => this.moved.get(name) ?? name;
    const change = (how: (shopper: shopping.Shopper) => shopping.Shopper) =>
      call(() => void this.shoppers.set(id(), how(this.shopper(name))));
    return {
      permit: (asked: Prospect, rules: Rules, united = false) =>
        call(() => {
          if (!united && shopping.isNewVisitor(this.shopper(name), asked))
            return { granted: false, reason: "new_visitor", until: null };
          this.onAsk(asked);
          const answer = shopping.ask(this.shopper(name), { ...asked, storeId: "st_test" }, rules, this.now);
          this.shoppers.set(id(), answer.shopper);
          if (answer.permit.granted) this.onPermit({ ...asked, channels: [answer.permit.channel] });
          return answer.permit;
        }),
      profile: () => call(() => this.shopper(name)),
      mergeInto: (target: string) =>
        call(() => {
          if (this.moved.has(name)) return this.moved.get(name) === target ? ok("moved") : no("moved_elsewhere");
          this.moved.set(name, target);
          this.onMerge(name, target);
          const past = this.shoppers.get(name);
          if (past) this.shoppers.set(target, shopping.adopt(this.shopper(target), name, past));
          return ok("moved");
        }),
      settle: (deliveryId: string, claimedAt: number) =>
        call(() => {
          this.shoppers.set(id(), shopping.settle(this.shopper(name), deliveryId, claimedAt, this.now));
          this.onPlace(deliveryId, id());
        }),
      release: (deliveryId: string) => change((shopper) => shopping.release(shopper, deliveryId)),
      unsent: (deliveryId: string, claimedAt: number) =>
        change((shopper) => {
          const left = shopping.unsent(shopper, deliveryId, claimedAt);
          if (left.sends.length < shopper.sends.length) this.onFreed(deliveryId);
          return left;
        }),
    };
  }

  /** Takes part in the schedule too: the sender may die while it waits, and the answer may be lost. */
  #provider(sender: Sender) {
    return {
      name: "world",
      resumable: this.resumable,
      send: async (message: { deliveryId: string; shopperId: string; channel: string }): Promise<SendOutcome> => {
        await sender.gate();
        const { deliveryId, shopperId, channel } = message;
        this.onCall(deliveryId);
        // Who honours the key says again what they said, if they say anything.
        const repeated = this.resumable && this.delivered.some((d) => d.deliveryId === deliveryId);
        const drawn = this.nextAnswer();
        const answer = repeated && (drawn === "4xx" || drawn === "gone") ? "ok" : drawn;
        if (answer === "ok" || answer === "answer_lost" || answer === "answered_twice") {
          const known = this.delivered.some((d) => d.deliveryId === deliveryId);
          if (!known || !this.resumable) this.delivered.push({ deliveryId, shopperId, channel, at: this.now });
        }
        await sender.gate();
        if (answer === "ok" || answer === "answered_twice") return { kind: "sent" };
        if (answer === "4xx") return { kind: "refused", reason: "550", retryable: false };
        if (answer === "gone") return { kind: "refused", reason: "410", retryable: false, gone: true };
        if (answer === "5xx") return { kind: "refused", reason: "503", retryable: true };
        this.excused.add(deliveryId);
        return { kind: "unknown", reason: answer };
      },
    };
  }
}

const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CONFIG = {
  ENVIRONMENT: "test",
  LINK_SECRET: "local-only-link-secret",
  AUTH_SECRET: "local-only-auth-secret",
  EMAIL_PROVIDER: "outbox",
};
const NO_ROWS = {
  bind: () => NO_ROWS,
  all: async () => ({ results: [] }),
  first: async () => null,
  run: async () => undefined,
};
