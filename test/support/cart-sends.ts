/**
 * One random schedule of a world (cart-world.ts): beacons, orders, alarms one to five times, queues, senders that die at any
 * `await`, providers that answer, refuse, fall silent or answer twice. What goes against a law is said in words.
 */
import type { ClaimedCart, Prospect } from "../../shared/events/messages.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { add, event, identified, ordered, T0 } from "./cart-life.ts";
import { anyRules } from "./cart-send-rules.ts";
import { type Answer, SendWorld } from "./cart-world.ts";
import type { Random } from "./random.ts";
import { truthOf } from "./truth.ts";

export type SendTally = Record<
  | "events"
  | "orders"
  | "alarms"
  | "handovers"
  | "senders"
  | "deaths"
  | "lostCalls"
  | "evictions"
  | "permits"
  | "claims"
  | "delivered"
  | "raced"
  | "unknown"
  | "failed"
  | "suppressed"
  | "cancelled"
  | "offers"
  | "merges"
  | `answer_${Answer}`,
  number
>;

const CARTS = ["c0", "c1", "c2", "c3", "c4"];
const EMAILS = ["ada@example.com", "bob@example.com"];
const ANSWERS: readonly Answer[] = [
  "ok",
  "ok",
  "ok",
  "ok",
  "4xx",
  "5xx",
  "gone",
  "timeout",
  "answer_lost",
  "answered_twice",
];
const SENT = ["sent", "delivered", "opened", "clicked", "bounced", "complained", "raced", "unknown"];

export class SendSchedule {
  readonly world: SendWorld;
  readonly violations: string[] = [];
  readonly #random: Random;
  readonly #tally: SendTally;
  readonly #rules: Rules;
  readonly #events = new Map<string, CartEvent[]>();
  #orders = 0;
  /** By shopper: whom nobody may write to on a channel, and who said yes to it. */
  readonly #stopped = new Set<string>();
  readonly #granted = new Set<string>();
  /** By shopper and channel: the latest word that any of their carts has told. */
  readonly #said = new Map<string, { at: number; value: string }>();
  /** Used places: whose, and since when; and when a yes was given. */
  readonly #places = new Map<string, { shopperId: string; at: number }>();
  readonly #permitted = new Map<string, number>();
  readonly #merged = new Map<string, number>();

  constructor(random: Random, tally: SendTally) {
    this.#random = random;
    this.#tally = tally;
    this.#rules = anyRules(random);
    this.world = new SendWorld(random, this.#rules, T0);
    this.#watch();
    for (const id of CARTS) this.#receive(id, [this.#on(id, add(this.world.now)), ...this.#introduction(id)]);
  }

  /** One random thing happens. */
  async step(): Promise<void> {
    const { world } = this;
    const act = this.#random.below(100);
    if (act < 10) world.now += this.#pause();
    else if (act < 24) this.#shop();
    else if (act < 28) this.#order();
    else if (act < 42) this.#ring();
    else if (act < 58) await this.#deliver();
    else if (act < 94) await this.#advance();
    else if (act < 97) this.#callback();
    else this.#evict();
  }

  /** No more faults: everybody comes to an end, and then the ledgers are compared with what the provider has. */
  async runOut(): Promise<void> {
    const { world } = this;
    world.nextAnswer = () => "ok";
    for (const sender of [...world.senders]) if (this.#random.chance(0.5)) world.kill(sender);
    await this.#finish();
    for (let i = 0; i < 2_000; i++) {
      const [first] = [...world.carts]
        .filter(([, c]) => !c.forgotten && c.alarm !== null)
        .sort(([, a], [, b]) => a.alarm! - b.alarm!);
      if (!first) break;
      world.now = Math.max(world.now, first[1].alarm!);
      first[1].wake(world.now);
      this.#tally.alarms += 1;
      world.collect();
      for (const command of world.queue.splice(0)) await world.consume(command);
      await this.#finish();
    }
    this.#judgeTheEnd();
  }

  async #finish(): Promise<void> {
    const { world } = this;
    for (let sender = world.senders.find((s) => s.waits); sender; sender = world.senders.find((s) => s.waits))
      await world.advance(sender, null);
  }

  #pause(): number {
    const pick = this.#random.below(10);
    const busy = this.world.senders.length > 0;
    if (pick < (busy ? 8 : 2)) return this.#random.below(30 * SECOND_MS);
    if (pick < 9) return this.#random.below(5 * MINUTE_MS);
    return this.#random.below(6 * HOUR_MS);
  }

  #on = (cartId: string, given: CartEvent): CartEvent => ({ ...given, visitorId: `v${CARTS.indexOf(cartId) % 3}` });

  #introduction(cartId: string): CartEvent[] {
    const { now } = this.world;
    const random = this.#random;
    const told: CartEvent[] = [];
    if (random.chance(0.7)) told.push(identified(now, random.pick(EMAILS)));
    if (random.chance(0.4)) told.push(event("shopper_identified", now, { phone: "+49 30 123456" }));
    if (random.chance(0.4))
      told.push(
        event("push_subscribed", now, { push: { kind: "fcm", token: `token-of-${cartId}-${random.below(3)}` } }),
      );
    if (random.chance(0.3)) told.push(event("consent_updated", now, { consent: { sms: "granted" } }));
    return told.map((e) => this.#on(cartId, e));
  }

  #shop(): void {
    const id = this.#random.pick(CARTS);
    const { now } = this.world;
    const random = this.#random;
    const late = random.chance(0.2) ? random.below(HOUR_MS) : 0;
    const pick = random.below(12);
    const known = this.#events.get(id) ?? [];
    if (pick < 2) this.#receive(id, [add(now - late)]);
    else if (pick < 4) this.#receive(id, this.#introduction(id));
    else if (pick === 4) this.#receive(id, [event("cart_updated", now - late, { items: [] })]);
    else if (pick === 5) {
      const channel = random.pick(["email", "sms", "push"] as const);
      this.#receive(id, [
        event("consent_updated", now, { consent: { [channel]: random.pick(["denied", "granted"]) } }),
      ]);
    } else if (pick < 8) this.#receive(id, [event("exit_intent_detected", now, { intent: "exit" })]);
    else if (pick === 8 && known.length > 0) this.#receive(id, [random.pick(known)]);
    else this.#receive(id, [event("product_viewed", now - late)]);
  }

  #order(): void {
    this.#orders += 1;
    const late = this.#random.chance(0.3) ? this.#random.below(HOUR_MS) : 0;
    this.#receive(this.#random.pick(CARTS), [ordered(this.world.now - late, `o${this.#orders}`)]);
    this.#tally.orders += 1;
  }

  #receive(id: string, events: CartEvent[]): void {
    const shell = this.world.cart(id);
    if (shell.forgotten) return;
    const { learned, offers = [] } = shell.receive(
      this.world.now,
      events.map((e) => this.#on(id, e)),
    );
    this.#events.set(id, [...(this.#events.get(id) ?? []), ...learned]);
    this.#tally.events += learned.length;
    this.world.collect();
    const [offer] = offers;
    if (!offer) return;
    this.#tally.offers += 1;
    if (!this.#truth(id).open) this.#violate(`offered after the order: ${offer.id}`);
    const type = this.#random.pick(["offer_shown", "offer_accepted", "offer_dismissed"] as const);
    if (this.#random.chance(0.5)) this.#receive(id, [event(type, this.world.now, { deliveryId: offer.deliveryId })]);
  }

  /** Early, on time or late, and up to five times. */
  #ring(): void {
    const { world } = this;
    const shell = world.cart(this.#random.pick(CARTS));
    if (shell.forgotten) return;
    // Time that passes ends every consumer under way: mostly it waits for them.
    const jumps = this.#random.chance(world.senders.length > 0 ? 0.05 : 0.9);
    if (shell.alarm !== null && jumps) world.now = Math.max(world.now, shell.alarm);
    for (let times = 1 + this.#random.below(5); times > 0 && !shell.forgotten; times--) {
      shell.wake(world.now);
      this.#tally.alarms += 1;
    }
    world.collect();
  }

  /** The queue brings a hand-over never, once or to several senders at once. */
  async #deliver(): Promise<void> {
    const { queue } = this.world;
    if (queue.length === 0) return;
    const [command] = queue.splice(this.#random.below(queue.length), 1);
    this.#tally.handovers += 1;
    for (let times = this.#random.pick([0, 1, 1, 1, 2, 3]); times > 0; times--) {
      this.#tally.senders += 1;
      await this.world.consume(command!);
    }
  }

  /** Some sender comes as far as its next `await`: its call goes through, is lost, or it dies there. */
  async #advance(): Promise<void> {
    const waiting = this.world.senders.filter((s) => s.waits);
    if (waiting.length === 0) return;
    const sender = this.#random.pick(waiting);
    for (let calls = 1 + this.#random.below(4); calls > 0 && sender.waits; calls--) {
      const pick = this.#random.below(100);
      if (pick < 3) {
        this.#tally.deaths += 1;
        return this.world.kill(sender);
      }
      if (pick < 5) this.#tally.lostCalls += 1;
      await this.world.advance(sender, pick < 5 ? new Error("the connection was lost") : null);
    }
  }

  /** What the provider tells afterwards of what it has. */
  #callback(): void {
    const { delivered } = this.world;
    if (delivered.length === 0) return;
    const { deliveryId, shopperId, channel } = this.#random.pick(delivered);
    const status = this.#random.pick(["delivered", "opened", "clicked", "bounced"] as const);
    for (const shell of this.world.carts.values())
      if (shell.state.process.effects.some((e) => e.deliveryId === deliveryId))
        shell.run({ type: "report", now: this.world.now, deliveryId, status });
    if (status !== "bounced") return;
    const id = this.#resolved(shopperId);
    const shopper = this.world.shopper(id);
    const name = channel as "email";
    this.world.shoppers.set(id, {
      ...shopper,
      suppressed: { ...shopper.suppressed, [name]: { reason: "bounced", at: this.world.now } },
    });
    this.#stopped.add(`${id}/${channel}`);
  }

  #evict(): void {
    this.world.cart(this.#random.pick(CARTS)).evict();
    this.#tally.evictions += 1;
  }

  #watch(): void {
    const { world } = this;
    world.nextAnswer = () => {
      const answer = this.#random.pick(ANSWERS);
      this.#tally[`answer_${answer}`] += 1;
      return answer;
    };
    world.onAsk = ({ shopperId, consent }) => {
      for (const [channel, word] of Object.entries(consent)) {
        if (word.value === "granted") this.#granted.add(`${this.#resolved(shopperId)}/${channel}`);
        this.#hear(`${this.#resolved(shopperId)}/${channel}`, word);
      }
    };
    world.onPermit = (asked) => this.#judgePermit(asked);
    world.onClaim = (cartId, effectId, claimed) => this.#judgeClaim(cartId, effectId, claimed);
    world.onPlace = (deliveryId, shopperId) => this.#judgePlace(deliveryId, shopperId);
    world.onFreed = (deliveryId) => {
      if (world.delivered.some((d) => d.deliveryId === deliveryId))
        this.#violate(`its place under the cap was freed, but it was delivered: ${deliveryId}`);
      this.#places.delete(deliveryId);
    };
    // The place is used before the call: whatever dies in it, the message may have gone out.
    world.onCall = (deliveryId) => {
      if (!this.#places.has(deliveryId)) this.#violate(`sent without a place under the cap: ${deliveryId}`);
    };
    world.onMerge = (visitor, shopperId) => {
      this.#tally.merges += 1;
      this.#merged.set(shopperId, world.now);
      for (const place of this.#places.values()) if (place.shopperId === visitor) place.shopperId = shopperId;
      for (const [name, at] of this.#permitted)
        if (name.endsWith(`/${visitor}`)) this.#permitted.set(name.replace(visitor, shopperId), at);
      for (const said of [this.#stopped, this.#granted])
        for (const entry of said) if (entry.startsWith(`${visitor}/`)) said.add(entry.replace(visitor, shopperId));
      for (const [name, word] of this.#said)
        if (name.startsWith(`${visitor}/`)) this.#hear(name.replace(visitor, shopperId), word);
    };
  }

  #hear(name: string, word: { at: number; value: string }): void {
    const known = this.#said.get(name);
    if (!known || word.at > known.at || (word.at === known.at && word.value === "denied")) this.#said.set(name, word);
  }

  #resolved = (shopperId: string): string => this.world.moved.get(shopperId) ?? shopperId;

  #judgePermit(asked: Prospect): void {
    this.#tally.permits += 1;
    const [channel] = asked.channels;
    const name = `${this.#resolved(asked.shopperId)}/${channel}`;
    this.#permitted.set(`${asked.deliveryId}/${this.#resolved(asked.shopperId)}`, this.world.now);
    if (this.#said.get(name)?.value === "denied") this.#violate(`permitted against consent: ${name}`);
    if (this.#stopped.has(name)) this.#violate(`permitted although it bounced: ${name}`);
    if (channel === "sms" && !this.#granted.has(name)) this.#violate(`permitted without a granted consent: ${name}`);
    const hour = new Date(this.world.now).getUTCHours();
    if (this.#rules.quietHours && (hour >= 21 || hour < 8)) this.#violate(`permitted in quiet hours: ${hour} h`);
  }

  #judgeClaim(cartId: string, effectId: string, claimed: ClaimedCart): void {
    this.#tally.claims += 1;
    const { facts } = this.world.cart(cartId).state;
    const { open, generation } = this.#truth(cartId);
    if (!open || claimed.generation !== generation) this.#violate(`claimed after the order: ${cartId} ${effectId}`);
    if (facts.items.length === 0) this.#violate(`claimed an empty cart: ${cartId}`);
    const no = facts.consent[claimed.channel];
    const yes = this.#said.get(`${this.#resolved(claimed.shopperId)}/${claimed.channel}`);
    const takenBack = yes?.value === "granted" && no !== undefined && yes.at > no.at;
    if (no?.value === "denied" && !takenBack) this.#violate(`claimed against consent: ${cartId}`);
  }

  /** A place under the cap is used: never more than the cap has. Places of two that turned out to be one may be more by then. */
  #judgePlace(deliveryId: string, shopperId: string): void {
    const { now } = this.world;
    const known = this.#places.get(deliveryId);
    this.#places.set(deliveryId, { shopperId, at: known?.at ?? now });
    if (known) return; // the same place, used again
    const { max, perHours } = this.#rules.frequencyCap;
    const since = now - perHours * HOUR_MS;
    const used = [...this.#places.values()].filter((p) => p.shopperId === shopperId && p.at > since).length;
    const permitted = this.#permitted.get(`${deliveryId}/${shopperId}`) ?? 0;
    if (used > max && (this.#merged.get(shopperId) ?? -1) < permitted)
      this.#violate(`more than the cap: ${used} > ${max}`);
  }

  #judgeTheEnd(): void {
    const { world } = this;
    const effects = [...world.carts.values()].flatMap((shell) => shell.state.process.effects);
    const open = effects.filter((e) => e.status === "scheduled" || e.status === "claimed");
    if (open.length > 0) this.#violate(`lost: ${open.map((e) => `${e.id} ${e.status}`).join()}`);
    const counts = new Map<string, number>();
    for (const { deliveryId } of world.delivered) counts.set(deliveryId, (counts.get(deliveryId) ?? 0) + 1);
    for (const [deliveryId, times] of counts) {
      if (times > 1) this.#violate(`delivered ${times} times: ${deliveryId}`);
      const effect = effects.find((e) => e.deliveryId === deliveryId);
      if (effect && !SENT.includes(effect.status)) this.#violate(`delivered, but ${effect.status}: ${effect.id}`);
    }
    this.#tally.delivered += counts.size;
    for (const effect of effects) {
      const { status, deliveryId } = effect;
      if (status === "unknown" && !world.excused.has(deliveryId))
        this.#violate(`unknown without a reason: ${effect.id}`);
      if (
        effect.channel !== "onsite" &&
        ["sent", "delivered", "opened", "clicked"].includes(status) &&
        !counts.has(deliveryId)
      )
        this.#violate(`${status}, but never delivered: ${effect.id}`);
      if (status in this.#tally && status !== "delivered") this.#tally[status as "raced"] += 1;
    }
  }

  #truth(id: string): { open: boolean; generation: number } {
    return truthOf(this.#events.get(id) ?? []);
  }

  #violate(what: string): void {
    this.violations.push(what);
  }
}
