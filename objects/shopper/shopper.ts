/**
 * Shopper: one person of one store, across carts and devices.
 *
 * Owns    identity, consent with its proof, suppression, the frequency cap's ledger and what became of the carts of `store/shopper`; or, once an
 *         anonymous visitor turned out to be somebody, only the way there.
 * Timers  `trim`: forgets sends that no cap looks back to. `move`: tells the other shopper again what it has not heard.
 * RPC     permit, settle, release, unsent, answered, suppress, consent, profile, past, ended, mergeInto, adopt.
 * Peers   Shopper (adopt, and whatever is asked of a visitor who is somebody else now).
 *
 * A move: the tombstone is committed, and from then on nothing changes here; the other adopts everything, once, by this one's
 * name; then it is deleted here. It can die between any two of these and goes on with the next call or its timer. Only
 * visitors move, and only to somebody known, who never moves: there are no chains and no circles.
 */
import { DurableObject } from "cloudflare:workers";
import type { Permit, Prospect } from "../../shared/events/messages.ts";
import type { ConsentChannel, ConsentRecord } from "../../shared/events/types.ts";
import { log } from "../../shared/log.ts";
import type { EndKind } from "../../shared/model/example.ts";
import type { ShopperHistory } from "../../shared/model/history.ts";
import type { PermitRules } from "../../shared/policy/permit.ts";
import type { MessageChannel } from "../../shared/policy/rules.ts";
import { no, ok, type Result } from "../../shared/result.ts";
import { DAY_MS, HOUR_MS, SECOND_MS } from "../../shared/time.ts";
import { withTimeout } from "../../shared/timeout.ts";
import { Timers } from "../kit/timers.ts";
import { type Actors, type Client, parseName, shopperStub } from "../stubs.ts";
import * as decide from "./decide.ts";
import { historyOf, type Outcome, type Past, remember, takeBack, united } from "./past.ts";
import { ShopperStorage } from "./storage.ts";

/** A move that its caller did not finish is taken up again after this. */
const MOVE_MS = 30 * SECOND_MS;
/** The other shopper gives no answer for so long: told again later. */
const ADOPT_MS = 10 * SECOND_MS;

const NEW_VISITOR: Permit = { granted: false, reason: "new_visitor", until: null };

const isVisitor = (shopperId: string): boolean => shopperId.startsWith("v_");
const isKnownShopper = (shopperId: string): boolean => /^sh_[\w-]{1,64}$/.test(shopperId);

/** What others may see of a shopper. `id` is the name it goes by now. */
export type ShopperProfile = decide.Shopper & { id: string; isKnown: boolean };

export class Shopper extends DurableObject<Actors> {
  readonly #storeId: string;
  readonly #id: string;
  readonly #storage: ShopperStorage;
  readonly #timers: Timers;
  #shopper: decide.Shopper | null;
  #past: Past;
  #moved: decide.Moved | null;
  /** The move under way: who asks meanwhile waits for the same one. */
  #moving: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Actors) {
    super(ctx, env);
    const { storeId, key } = parseName(ctx.id.name ?? "");
    this.#storeId = storeId;
    this.#id = key;
    this.#storage = new ShopperStorage(ctx.storage);
    this.#timers = new Timers(ctx);
    this.#shopper = this.#storage.load();
    this.#past = this.#storage.past();
    this.#moved = this.#storage.moved();
  }

  /**
   * May this message go out, and by which channel? A yes reserves a place under the cap until it is settled or released.
   * `new_visitor`: the browser's own past is to be united with this shopper's first (`mergeInto`), then ask as `united`.
   */
  permit(asked: Prospect, rules: PermitRules, united = asked.isIntroduced ?? false): Permit | Promise<Permit> {
    return this.#here(
      (shopper, now) => {
        if (!united && decide.isNewVisitor(shopper, asked)) return NEW_VISITOR;
        const answer = decide.ask(shopper, { ...asked, storeId: this.#storeId }, rules, now);
        this.#save(answer.shopper, now);
        return answer.permit;
      },
      (target) => target.permit(asked, rules, united),
    );
  }

  /** The message that the cart handed out at `claimedAt` is about to go out: its place under the cap is used, also when nobody learns what became of it. */
  settle(deliveryId: string, claimedAt: number): void | Promise<void> {
    return this.#change(
      (shopper, now) => decide.settle(shopper, deliveryId, claimedAt, now),
      (target) => target.settle(deliveryId, claimedAt),
    );
  }

  /** The cart did not hand the message out, or will not ask again: a reserved place is free again, a used one is not. */
  release(deliveryId: string): void | Promise<void> {
    return this.#change(
      (shopper) => decide.release(shopper, deliveryId),
      (target) => target.release(deliveryId),
    );
  }

  /** The provider surely did not send it: the place is free again, although it was used ahead of the answer. */
  unsent(deliveryId: string, claimedAt: number): void | Promise<void> {
    return this.#change(
      (shopper) => decide.unsent(shopper, deliveryId, claimedAt),
      (target) => target.unsent(deliveryId, claimedAt),
    );
  }

  /** The shopper clicked a message: this channel is preferred from now on. */
  answered(channel: MessageChannel, deliveryId: string): void | Promise<void> {
    return this.#change(
      (shopper, now) => decide.answered(shopper, channel, deliveryId, now),
      (target) => target.answered(channel, deliveryId),
    );
  }

  /** Never write to this shopper on this channel again. */
  suppress(channel: ConsentChannel, reason: string): void | Promise<void> {
    return this.#change(
      (shopper, now) => decide.suppress(shopper, channel, reason, now),
      (target) => target.suppress(channel, reason),
    );
  }

  /** The shopper's word to us, or the merchant's. A yes also lifts what the shopper stopped themselves. */
  consent(channel: ConsentChannel, record: ConsentRecord): void | Promise<void> {
    return this.#change(
      (shopper) => decide.consent(shopper, { ...record, channel }),
      (target) => target.consent(channel, record),
    );
  }

  profile(): ShopperProfile | Promise<ShopperProfile> {
    return this.#here<ShopperProfile>(
      (shopper, now) => ({ ...decide.forget(shopper, now), id: this.#id, isKnown: this.#shopper !== null }),
      (target) => target.profile(),
    );
  }

  /** What the model may know: earlier carts and messages, without those of the cart that asks. */
  past(cartId: string): { history: ShopperHistory } | Promise<{ history: ShopperHistory }> {
    return this.#here<{ history: ShopperHistory }>(
      (shopper) => ({ history: historyOf(this.#past, this.#id, shopper, cartId) }),
      (target) => target.past(cartId),
    );
  }

  /** A cart of theirs was left or bought; or, `void`, it was not after all. */
  ended(outcome: Outcome, how: EndKind): void | Promise<void> {
    return this.#here(
      () => this.#keepPast(how === "void" ? takeBack(this.#past, outcome) : remember(this.#past, outcome)),
      (target) => target.ended(outcome, how),
    );
  }

  /**
   * This visitor is that shopper. `moved`: all is done; `moving`: it is sure to be done, by itself. Safe to call any number of
   * times; a visitor who is somebody else already stays that (a shared device), and nothing is copied twice.
   */
  async mergeInto(targetId: string): Promise<Result<"moved" | "moving", "not_a_visitor" | "moved_elsewhere">> {
    if (!isVisitor(this.#id) || !isKnownShopper(targetId)) return no("not_a_visitor");
    if (this.#moved && this.#moved.to !== targetId) return no("moved_elsewhere");
    if (!this.#moved) this.#leave(targetId);
    try {
      await this.#finishMove();
      return ok("moved");
    } catch (error) {
      log("warn", "shopper_move_failed", { storeId: this.#storeId, error });
      return ok("moving");
    }
  }

  /** Everything of a visitor who turned out to be this shopper. A second time changes nothing. */
  adopt(sourceId: string, source: decide.Shopper, past: Past = []): void {
    if (this.#moved) throw new Error("a shopper who moved adopts nobody");
    const now = Date.now();
    this.#keepPast(united(this.#past, past));
    this.#save(decide.adopt(this.#shopper ?? decide.STRANGER, sourceId, source), now);
  }

  override async alarm(): Promise<void> {
    await this.#timers.run(Date.now(), (key) => (key === "move" ? this.#resumeMove() : this.#trim()));
  }

  /** Here, at once; or, for a visitor who is somebody else now, there, once all is there. */
  #here<T>(
    local: (shopper: decide.Shopper, now: number) => T,
    there: (target: Client<Shopper>) => Promise<T>,
  ): T | Promise<T> {
    if (!this.#moved) return local(this.#shopper ?? decide.STRANGER, Date.now());
    return this.#there(there);
  }

  /** Answered with a copy: the answer itself would keep the other actor awake until nobody holds it any more. */
  async #there<T>(ask: (target: Client<Shopper>) => Promise<T>): Promise<T> {
    const answer: T = await ask(await this.#finishMove());
    const copy = structuredClone(answer);
    (answer as Partial<Disposable> | undefined)?.[Symbol.dispose]?.();
    return copy;
  }

  #change(
    change: (shopper: decide.Shopper, now: number) => decide.Shopper,
    there: (target: Client<Shopper>) => Promise<void>,
  ): void | Promise<void> {
    return this.#here((shopper, now) => this.#save(change(shopper, now), now), there);
  }

  /** One row, and none when nothing changed. */
  #save(shopper: decide.Shopper, now: number): void {
    if (JSON.stringify(shopper) === JSON.stringify(this.#shopper ?? decide.STRANGER)) return;
    this.ctx.storage.transactionSync(() => {
      this.#storage.save(shopper);
      if (shopper.sends.length + shopper.wishes.length > 0) this.#timers.setEarliest("trim", now + DAY_MS);
    });
    this.#shopper = shopper;
  }

  #keepPast(past: Past): void {
    if (past === this.#past) return;
    this.#storage.savePast(past);
    this.#past = past;
  }

  #trim(): void {
    if (!this.#shopper) return;
    const now = Date.now();
    const kept = decide.forget(this.#shopper, now);
    this.#save(kept, now);
    if (kept.sends.length + kept.wishes.length > 0) this.#timers.set("trim", now + 30 * DAY_MS);
  }

  /** Nothing that another would have to be told. */
  #isEmpty(): boolean {
    return this.#past.length === 0 && (this.#shopper === null || decide.isEmpty(this.#shopper));
  }

  /** From here on nothing changes here. */
  #leave(to: string): void {
    const moved = { to, done: this.#isEmpty(), tries: 0 };
    if (!moved.done) this.#storage.open();
    this.ctx.storage.transactionSync(() => {
      this.#storage.saveMoved(moved);
      if (!moved.done) this.#timers.set("move", Date.now() + MOVE_MS);
    });
    this.#moved = moved;
  }

  /** The shopper that this one is now. Throws while that one cannot be told. */
  async #finishMove(): Promise<Client<Shopper>> {
    const moved = this.#moved;
    if (!moved) throw new Error("nobody moves");
    if (!moved.done) {
      this.#moving ??= this.#handOver(moved).finally(() => {
        this.#moving = null;
      });
      await this.#moving;
    }
    return shopperStub(this.env, this.#storeId, moved.to);
  }

  async #handOver(moved: decide.Moved): Promise<void> {
    const target = shopperStub(this.env, this.#storeId, moved.to);
    await withTimeout(
      target.adopt(this.#id, this.#shopper ?? decide.STRANGER, this.#past),
      ADOPT_MS,
      "the other shopper",
    );
    const done = { ...moved, done: true };
    this.ctx.storage.transactionSync(() => {
      this.#storage.saveMoved(done);
      this.#storage.forget();
    });
    this.#moved = done;
    this.#shopper = null;
    this.#past = [];
  }

  /** Never given up: until it is done the visitor's past counts nowhere. */
  async #resumeMove(): Promise<void> {
    const moved = this.#moved;
    if (!moved || moved.done) return;
    try {
      await this.#finishMove();
    } catch (error) {
      const failed = { ...moved, tries: moved.tries + 1 };
      this.#storage.saveMoved(failed);
      this.#moved = failed;
      this.#timers.set("move", Date.now() + Math.min(HOUR_MS, SECOND_MS * 2 ** failed.tries));
      log("warn", "shopper_move_failed", { storeId: this.#storeId, tries: failed.tries, error });
    }
  }
}
