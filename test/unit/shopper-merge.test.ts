/**
 * The move of a visitor into a known shopper, in thousands of random orders: two devices and the shopper are asked, told and
 * merged at any point, and the process dies at any step of a move. The decisions are the actor's own; only the calls between
 * actors are played here.
 */
import { describe, expect, it } from "vitest";
import * as decide from "../../objects/shopper/decide.ts";
import type { ConsentChannel } from "../../shared/events/types.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { type Random, random } from "../support/random.ts";
import { asked, permitRules } from "../support/shopper-asks.ts";

const NOON = Date.UTC(2026, 5, 10, 12);
const WINDOW_MS = DAY_MS;
const MAX = 2;
const RULES = permitRules({ frequencyCap: { max: MAX, perHours: 24 }, requireConsent: [] });

/** What storage holds of one actor. */
interface Actor {
  id: string;
  shopper: decide.Shopper;
  moved: { to: string; done: boolean } | null;
}

const CRASHES = ["never", "after the tombstone", "before the other heard", "after the other heard"] as const;
type Crash = (typeof CRASHES)[number];

/** Two devices, two shoppers, and what truly happened to each person, written down apart. */
class World {
  readonly actors = new Map(["v_a", "v_b", "sh_1", "sh_2"].map((id) => [id, fresh(id)]));
  readonly used = new Map<string, number>();
  readonly refusals = { moved: 0, capped: 0, granted: 0, crashed: 0 };

  get = (id: string): Actor => this.actors.get(id)!;

  /** Where a call ends up; a move that was left unfinished is finished first, and may fail again. */
  resolve(id: string, crash: Crash): Actor | null {
    const actor = this.get(id);
    if (!actor.moved) return actor;
    return this.finish(actor, crash) ? this.get(actor.moved.to) : null;
  }

  merge(id: string, to: string, crash: Crash): boolean {
    const actor = this.get(id);
    if (actor.moved && actor.moved.to !== to) {
      this.refusals.moved += 1;
      return false;
    }
    actor.moved ??= { to, done: decide.isEmpty(actor.shopper) };
    this.finish(actor, crash);
    return true;
  }

  private finish(actor: Actor, crash: Crash): boolean {
    if (!actor.moved || actor.moved.done) return true;
    const died = (): false => {
      this.refusals.crashed += 1;
      return false;
    };
    if (crash === "after the tombstone" || crash === "before the other heard") return died();
    const target = this.get(actor.moved.to);
    target.shopper = decide.adopt(target.shopper, actor.id, structuredClone(actor.shopper));
    if (crash === "after the other heard") return died();
    actor.moved = { ...actor.moved, done: true };
    actor.shopper = decide.STRANGER;
    return true;
  }
}

const fresh = (id: string): Actor => ({ id, shopper: decide.STRANGER, moved: null });

interface Told {
  person: string;
  channel: ConsentChannel;
  at: number;
  value: "granted" | "denied";
}

/** One random life; returns what it counted. */
function live(dice: Random): World["refusals"] {
  const world = new World();
  const told: Told[] = [];
  const bounced = new Set<string>();
  const open = new Map<string, string>();
  const sent = new Set<string>();
  const freed = new Set<string>();
  let now = NOON;
  let made = 0;
  for (let step = 0; step < 60; step++) {
    now += dice.below(HOUR_MS);
    const id = dice.pick([...world.actors.keys()]);
    const crash = dice.chance(0.3) ? dice.pick(CRASHES) : "never";
    if (dice.chance(0.12)) {
      world.merge(dice.pick(["v_a", "v_b"]), dice.pick(["sh_1", "sh_1", "sh_2"]), crash);
      continue;
    }
    const actor = world.resolve(id, crash);
    if (!actor) continue; // the caller hears an error, and asks again some other time
    const doing = dice.pick(["ask", "ask", "ask", "settle", "release", "unsent", "consent", "bounce"]);
    const [deliveryId, via] = dice.pick([...open]) ?? [];
    const holder = via === undefined ? null : world.resolve(via, "never");
    if (doing === "ask") {
      const again = deliveryId !== undefined && dice.chance(0.3) ? { id: deliveryId, at: holder! } : null;
      const name = again?.id ?? `dl_${made++}`;
      const there = again?.at ?? actor;
      const before = there.shopper;
      const placed = before.sends.filter((s) => s.at > now - (s.status === "sent" ? WINDOW_MS : HOUR_MS));
      const known = placed.some((s) => s.deliveryId === name);
      const counted = placed.filter((s) => s.deliveryId !== name).length;
      const answer = decide.ask(
        before,
        asked({ deliveryId: name, email: null, phone: "1", channels: ["sms"] }),
        RULES,
        now,
      );
      there.shopper = answer.shopper;
      if (answer.permit.granted) {
        world.refusals.granted += 1;
        expect(known || counted < MAX, `${name} went over the cap of ${there.id}`).toBe(true);
        if (!again) open.set(name, id);
        if (!known) sent.delete(name); // tried again after its window: a new place
      } else if (answer.permit.reason === "frequency_cap") {
        world.refusals.capped += 1;
        expect(known, `${name} lost the place it had`).toBe(false);
      }
    } else if (doing === "consent") {
      const [channel, value] = [dice.pick(["email", "push"] as const), dice.pick(["granted", "denied"] as const)];
      const at = now - dice.below(10 * MINUTE_MS);
      told.push({ person: id, channel, at, value });
      actor.shopper = decide.consent(actor.shopper, { channel, value, at, source: "merchant" });
    } else if (doing === "bounce") {
      bounced.add(id);
      actor.shopper = decide.suppress(actor.shopper, "email", "bounced", now);
    } else if (deliveryId !== undefined && holder) {
      if (doing === "settle") {
        holder.shopper = decide.settle(holder.shopper, deliveryId, 1, now);
        sent.add(deliveryId);
        freed.delete(deliveryId);
      } else if (doing === "release") {
        holder.shopper = decide.release(holder.shopper, deliveryId);
      } else if (sent.has(deliveryId)) {
        holder.shopper = decide.unsent(holder.shopper, deliveryId, 1);
        sent.delete(deliveryId);
        freed.add(deliveryId);
      }
    }
  }
  check(world, { told, bounced, sent, freed });
  return world.refusals;
}

interface Truth {
  told: Told[];
  bounced: Set<string>;
  sent: Set<string>;
  freed: Set<string>;
}

/** When every move is through: nothing lost, nothing doubled. */
function check(world: World, { told, bounced, sent, freed }: Truth): void {
  const home = new Map([...world.actors.keys()].map((id) => [id, world.resolve(id, "never")!]));
  const all = [...new Set(home.values())].flatMap(({ shopper }) => shopper.sends);
  const used = all.filter((s) => s.status === "sent").map((s) => s.deliveryId);
  expect(used.toSorted()).toEqual([...sent].toSorted());
  expect(all.filter((s) => freed.has(s.deliveryId) && s.status === "sent")).toEqual([]);
  expect(new Set(all.map((s) => s.deliveryId)).size).toBe(all.length);
  for (const actor of new Set(home.values())) {
    const its = told.filter(({ person }) => home.get(person) === actor);
    expect(actor.shopper.history.filter((e) => e.source === "merchant")).toHaveLength(its.length);
    for (const channel of ["email", "push"] as const) {
      const latest = its.filter((t) => t.channel === channel).sort((a, b) => b.at - a.at)[0];
      expect(actor.shopper.consent[channel]?.value).toBe(latest?.value);
    }
    const isBounced = [...bounced].some((id) => home.get(id) === actor);
    expect(actor.shopper.suppressed.email?.reason).toBe(isBounced ? "bounced" : undefined);
  }
  for (const id of ["v_a", "v_b"]) if (world.get(id).moved) expect(decide.isEmpty(world.get(id).shopper)).toBe(true);
}

describe("PEERS 6: anonymous and known are one person", () => {
  it("in 3,000 random lives nothing is lost or doubled, and no cap is exceeded after a merge", () => {
    const sum = { moved: 0, capped: 0, granted: 0, crashed: 0 };
    for (let seed = 0; seed < 3_000; seed++) {
      try {
        const counts = live(random(seed));
        for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`);
      }
    }
    process.stdout.write(
      `shopper merges: 3,000 lives, ${sum.granted} permits, ${sum.capped} capped, ${sum.crashed} deaths in a move, ${sum.moved} merges refused\n`,
    );
    expect(Math.min(...Object.values(sum))).toBeGreaterThan(500);
  });

  const at = NOON;
  const send = (deliveryId: string, status: "reserved" | "sent", when = at) =>
    ({ deliveryId, channel: "push", at: when, status }) as const;

  it("adopting again changes nothing, although places were freed and a no was taken back since", () => {
    const visitor = decide.suppress(decide.settle(decide.STRANGER, "dl_1", 1, at), "email", "unsubscribed", at);
    const once = decide.adopt(decide.STRANGER, "v_a", visitor);
    const since = decide.consent(decide.unsent(once, "dl_1", 1), {
      channel: "email",
      value: "granted",
      at: at + 1,
      source: "shopper",
    });
    expect(decide.adopt(since, "v_a", visitor)).toEqual(since);
    expect([since.sends, since.suppressed]).toEqual([[], {}]);
  });

  it("of the same delivery on both sides the used place counts, once", () => {
    const source = { ...decide.STRANGER, sends: [send("dl_1", "reserved"), send("dl_2", "sent", at + 5)] };
    const target = { ...decide.STRANGER, sends: [send("dl_1", "sent", at + 1), send("dl_2", "reserved", at + 9)] };
    expect(decide.adopt(target, "v_a", source).sends).toEqual([
      send("dl_1", "sent", at + 1),
      send("dl_2", "sent", at + 5),
    ]);
  });

  it("who waits waits on, unless it was answered there; contact data is only added; a bounce beats a no", () => {
    const wish = (deliveryId: string) => ({ deliveryId, priority: 0, at, until: at });
    const source: decide.Shopper = {
      ...decide.suppress(decide.STRANGER, "email", "bounced", at + 5),
      email: "other@example.com",
      phone: "+491",
      wishes: [wish("dl_1"), wish("dl_2")],
      answered: { push: { deliveryId: "dl_0", at } },
    };
    const target: decide.Shopper = {
      ...decide.suppress(decide.STRANGER, "email", "unsubscribed", at),
      email: "ada@example.com",
      sends: [send("dl_2", "reserved")],
    };
    const united = decide.adopt(target, "v_a", source);
    expect(united).toMatchObject({
      email: "ada@example.com",
      phone: "+491",
      answered: source.answered,
      adopted: ["v_a"],
    });
    expect(united.wishes).toEqual([wish("dl_1")]);
    expect(united.suppressed.email?.reason).toBe("bounced");
  });

  it("a no that a visitor said before the shopper's own later yes is taken back, whichever is heard first", () => {
    const visitor = decide.consent(decide.STRANGER, { channel: "push", value: "denied", at, source: "shopper" });
    const yes = { channel: "push", value: "granted", at: at + 1, source: "shopper" } as const;
    expect(visitor.suppressed).toHaveProperty("push");
    expect(decide.adopt(decide.consent(decide.STRANGER, yes), "v_a", visitor).suppressed).toEqual({});
    expect(decide.consent(decide.adopt(decide.STRANGER, "v_a", visitor), yes).suppressed).toEqual({});
  });
});
