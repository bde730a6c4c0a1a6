/** An anonymous visitor who turns out to be somebody: the move between the two actors, and what happens when it dies. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { shopperStub } from "../../objects/stubs.ts";
import type { Prospect } from "../../shared/events/messages.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { random } from "../support/random.ts";
import { asked, PUSH, permitRules } from "../support/shopper-asks.ts";
import { env, failure, setClock, T0, unique } from "./support.ts";

/** The test tools know the namespace by its identity, so only its look-up is replaced. */
const namespace = env.SHOPPER;
const lookUp = namespace.getByName.bind(namespace);
const heal = (): void => {
  namespace.getByName = lookUp;
};

beforeEach(() => setClock(T0));
afterEach(() => {
  heal();
  vi.useRealTimers();
});

const rules = permitRules();
const yes = { granted: true, channel: "push", isFirst: true };
/** What an anonymous cart asks: it has a browser to push to, and no address. */
const ask = (deliveryId: string, over: Partial<Prospect> = {}) =>
  asked({ deliveryId, channels: ["push"], push: PUSH, email: null, ...over });

/** A store with two devices of one person, and the person. */
function people() {
  const storeId = unique("st");
  const [a, b, ada, bob] = [unique("v_a"), unique("v_b"), unique("sh_ada"), unique("sh_bob")];
  return {
    ids: { a, b, ada, bob },
    // A new stub each time: one breaks with the actor it spoke to.
    shopper: (id: string) => shopperStub(env, storeId, id),
    stub: (id: string) => lookUp(`${storeId}/${id}`),
  };
}

type Fault = "before" | "after";

/** What the next call of `adopt` is to suffer; `null`: nothing. Asked for each call. */
function disturbAdopting(next: () => Fault | null): void {
  namespace.getByName = (name: string) => {
    const target = lookUp(name);
    return new Proxy(target, {
      get: (_, method) => {
        const call = Reflect.get(target, method) as (...args: unknown[]) => Promise<unknown>;
        if (method !== "adopt") return call;
        return async (...args: unknown[]) => {
          const fault = next();
          if (fault === "before") throw new Error("the network is down");
          await call(...args);
          if (fault === "after") throw new Error("the answer was lost");
        };
      },
    });
  };
}

/** From now on a target does not hear (`before`) or is not heard (`after`); as often as said. */
function failAdopting(fault: Fault, times = Number.POSITIVE_INFINITY): { calls: number } {
  const seen = { calls: 0 };
  disturbAdopting(() => {
    seen.calls += 1;
    return seen.calls <= times ? fault : null;
  });
  return seen;
}

describe("a move", () => {
  it("PEERS 6: takes everything along, and whatever is asked of the visitor is answered by the shopper", async () => {
    const { ids, shopper, stub } = people();
    const visitor = shopper(ids.a);
    await visitor.permit(
      ask("dl_1", { consent: { push: { value: "granted", at: T0 - 5, text: "Yes, please" } } }),
      rules,
    );
    await visitor.settle("dl_1", 1);
    await visitor.answered("push", "dl_1");
    await visitor.suppress("sms", "stop");
    await shopper(ids.ada).permit(ask("dl_2", { channels: ["email"], email: "ada@example.com" }), rules);
    expect(await visitor.mergeInto(ids.ada)).toEqual({ ok: true, value: "moved" });

    const profile = await shopper(ids.ada).profile();
    expect(profile).toMatchObject({ id: ids.ada, email: "ada@example.com", adopted: [ids.a], push: true });
    expect(profile.sends.map((s) => s.deliveryId).sort()).toEqual(["dl_1", "dl_2"]);
    expect(profile.history).toMatchObject([{ text: "Yes, please" }, { channel: "sms", value: "denied" }]);
    await evictDurableObject(stub(ids.a));
    expect(await shopper(ids.a).profile()).toEqual(profile);

    // The cap of two is the shopper's, whoever is asked.
    expect(await shopper(ids.a).permit(ask("dl_3"), rules)).toMatchObject({ reason: "frequency_cap" });
    await shopper(ids.a).release("dl_2");
    expect(await shopper(ids.a).permit(ask("dl_3"), rules)).toEqual({
      granted: true,
      channel: "push",
      consentedAt: T0 - 5,
    });
    await shopper(ids.a).settle("dl_3", 1);
    expect(await shopper(ids.ada).permit(ask("dl_4"), rules)).toMatchObject({ reason: "frequency_cap" });
    await shopper(ids.a).unsent("dl_3", 1);
    await shopper(ids.a).answered("email", "dl_2");
    await shopper(ids.a).consent("push", { value: "denied", at: T0, source: "shopper" });
    await shopper(ids.a).suppress("email", "bounced");
    expect(await shopper(ids.ada).profile()).toMatchObject({
      sends: [{ deliveryId: "dl_1" }],
      answered: { email: { deliveryId: "dl_2" }, push: { deliveryId: "dl_1" } },
      suppressed: { push: { reason: "unsubscribed" }, email: { reason: "bounced" }, sms: { reason: "stop" } },
    });
    expect(await shopper(ids.a).permit(ask("dl_5"), rules)).toMatchObject({ reason: "suppressed_unsubscribed" });
  });

  it("leaves one row behind, and of an empty visitor nothing else was ever written", async () => {
    const { ids, shopper, stub } = people();
    const rows = (id: string) =>
      runInDurableObject(stub(id), async (_, { storage }) => ({
        tables: storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'profile'").toArray().length,
        kept: [...storage.kv.list()],
        alarm: await storage.getAlarm(),
      }));
    const seen = failAdopting("before");
    for (let i = 0; i < 3; i++) expect(await shopper(ids.a).mergeInto(ids.ada)).toEqual({ ok: true, value: "moved" });
    expect(seen.calls).toBe(0);
    expect(await rows(ids.a)).toEqual({
      tables: 0,
      kept: [["moved", { to: ids.ada, done: true, tries: 0 }]],
      alarm: null,
    });
    expect((await shopper(ids.ada).profile()).isKnown).toBe(false);
    // A later anonymous cart of this visitor is the shopper's.
    expect(await shopper(ids.a).permit(ask("dl_1"), rules)).toEqual(yes);
    expect((await shopper(ids.ada).profile()).sends).toHaveLength(1);

    heal();
    await shopper(ids.b).permit(ask("dl_2"), rules);
    await shopper(ids.b).mergeInto(ids.ada);
    const left = await runInDurableObject(stub(ids.b), (_, { storage }) =>
      storage.sql.exec("SELECT count(*) AS n FROM profile").one(),
    );
    expect(left).toEqual({ n: 0 });
  });

  it("of two devices unites both, and the cap holds across them", async () => {
    const { ids, shopper } = people();
    for (const [id, delivery] of [
      [ids.a, "dl_a"],
      [ids.b, "dl_b"],
    ] as const) {
      expect(await shopper(id).permit(ask(delivery), rules)).toEqual(yes);
      await shopper(id).settle(delivery, 1);
    }
    const merges = [ids.a, ids.b, ids.b, ids.a].map((id) => shopper(id).mergeInto(ids.ada));
    expect(await Promise.all(merges)).toEqual(Array(4).fill({ ok: true, value: "moved" }));
    for (const id of [ids.a, ids.b, ids.ada])
      expect(await shopper(id).permit(ask(`dl_of_${id}`), rules)).toMatchObject({ reason: "frequency_cap" });
    expect((await shopper(ids.b).profile()).sends.map((s) => s.deliveryId).sort()).toEqual(["dl_a", "dl_b"]);
  });

  it("a shared device stays with the first, and nobody known or unheard of is moved", async () => {
    const { ids, shopper } = people();
    await shopper(ids.a).permit(ask("dl_1"), rules);
    await shopper(ids.a).mergeInto(ids.ada);
    const elsewhere = { ok: false, reason: "moved_elsewhere" };
    expect(await shopper(ids.a).mergeInto(ids.bob)).toEqual(elsewhere);
    expect((await shopper(ids.bob).profile()).isKnown).toBe(false);
    const refused = { ok: false, reason: "not_a_visitor" };
    expect(await shopper(ids.ada).mergeInto(ids.bob)).toEqual(refused);
    for (const target of [ids.b, "", "sh_x/y", "sh_"]) expect(await shopper(ids.b).mergeInto(target)).toEqual(refused);
  });
});

describe("a move that dies", () => {
  it.each<[string, Fault]>([
    ["before the other heard", "before"],
    ["after the other heard", "after"],
  ])("%s is taken up by the next call", async (_, fault) => {
    const { ids, shopper, stub } = people();
    await shopper(ids.a).permit(ask("dl_1"), rules);
    failAdopting(fault);
    expect(await shopper(ids.a).mergeInto(ids.ada)).toEqual({ ok: true, value: "moving" });
    // While the other cannot be told, nothing is decided here: the caller asks again.
    expect(await failure(() => shopper(ids.a).permit(ask("dl_2"), rules))).toMatch(/down|lost/);
    expect(await shopper(ids.a).mergeInto(ids.bob)).toEqual({ ok: false, reason: "moved_elsewhere" });
    await evictDurableObject(stub(ids.a));
    heal();
    await shopper(ids.ada).release("dl_1"); // frees the place where it was heard of, and only there
    expect(await shopper(ids.a).permit(ask("dl_2"), rules)).toEqual(yes);
    const sends = (await shopper(ids.ada).profile()).sends.map((s) => s.deliveryId);
    expect(sends.sort()).toEqual(fault === "before" ? ["dl_1", "dl_2"] : ["dl_2"]);
    expect(await shopper(ids.a).mergeInto(ids.ada)).toEqual({ ok: true, value: "moved" });
  });

  it("is taken up by its own timer, however often it fails, and then the timer is quiet", async () => {
    const { ids, shopper, stub } = people();
    await shopper(ids.a).permit(ask("dl_1"), rules);
    const seen = failAdopting("before", 15);
    await shopper(ids.a).mergeInto(ids.ada);
    const alarm = () => runInDurableObject(stub(ids.a), (_, { storage }) => storage.getAlarm());
    expect(await alarm()).toBe(T0 + 30 * SECOND_MS);
    for (let i = 0; i < 14; i++) {
      setClock(Math.max((await alarm())!, Date.now()));
      const before = Date.now();
      await runDurableObjectAlarm(stub(ids.a));
      await evictDurableObject(stub(ids.a));
      expect((await alarm())! - before).toBeLessThanOrEqual(HOUR_MS);
    }
    expect([seen.calls, (await shopper(ids.ada).profile()).isKnown]).toEqual([15, false]);
    setClock(Date.now() + HOUR_MS);
    await runDurableObjectAlarm(stub(ids.a));
    expect(seen.calls).toBe(16);
    expect((await shopper(ids.ada).profile()).adopted).toEqual([ids.a]);
    for (let day = 1; day < 4 && (await alarm()) !== null; day++) {
      setClock(Math.max((await alarm())!, Date.now()) + MINUTE_MS);
      await runDurableObjectAlarm(stub(ids.a));
    }
    expect([seen.calls, await alarm()]).toEqual([16, null]);
  });

  it("right after its tombstone, with the call never made, goes on from there", async () => {
    const { ids, shopper, stub } = people();
    await shopper(ids.a).permit(ask("dl_1"), rules);
    await runInDurableObject(stub(ids.a), (_, { storage }) => {
      storage.kv.put("moved", { to: ids.ada, done: false, tries: 0 });
    });
    await evictDurableObject(stub(ids.a));
    expect((await shopper(ids.a).profile()).sends).toMatchObject([{ deliveryId: "dl_1" }]);
    expect((await shopper(ids.ada).profile()).adopted).toEqual([ids.a]);
  });

  it("many who ask meanwhile wait for one and the same move", async () => {
    const { ids, shopper } = people();
    await shopper(ids.a).permit(ask("dl_1"), rules);
    const seen = failAdopting("before", 0);
    const [, ...answers] = await Promise.all([
      shopper(ids.a).mergeInto(ids.ada),
      ...Array.from({ length: 6 }, (_, i) => shopper(ids.a).permit(ask(`dl_more_${i}`), rules)),
    ]);
    expect(answers.filter((answer) => answer.granted)).toHaveLength(1);
    expect(seen.calls).toBe(1);
  });
});

describe("many lives of two devices and a shopper", () => {
  const counted = { sent: 0, capped: 0, errors: 0, evictions: 0 };

  /** Whatever fails is asked again by nobody: what was answered must hold all the same. */
  async function live(seed: number): Promise<void> {
    const dice = random(seed);
    const { ids, shopper, stub } = people();
    const names = [ids.a, ids.b, ids.ada];
    const sent = new Set<string>();
    const awake = new Set<string>();
    const words: { channel: "email" | "push"; at: number; value: "granted" | "denied" }[] = [];
    disturbAdopting(() => (dice.chance(0.5) ? dice.pick(["before", "after"] as const) : null));
    for (let step = 0; step < 25; step++) {
      setClock(T0 + step * MINUTE_MS);
      const id = dice.pick(names);
      const deliveryId = `dl_${step}`;
      if (awake.has(id) && dice.chance(0.2)) {
        await evictDurableObject(stub(id));
        counted.evictions += 1;
      }
      awake.add(id);
      const merges = [dice.chance(0.15) ? shopper(dice.pick([ids.a, ids.b])).mergeInto(ids.ada) : null];
      try {
        if (dice.chance(0.3)) {
          const word = { channel: dice.pick(["email", "push"] as const), at: Date.now(), value: "granted" as const };
          await shopper(id).consent(word.channel, { value: word.value, at: word.at, source: "merchant" });
          words.push(word);
        } else {
          const answer = await shopper(id).permit(
            ask(deliveryId),
            permitRules({ frequencyCap: { max: 3, perHours: 24 } }),
          );
          if (answer.granted) {
            sent.add(deliveryId); // before it is sure: what may have gone out must count
            await shopper(id).settle(deliveryId, 1);
          } else {
            expect(answer.reason).toMatch(/frequency_cap|outranked/);
            counted.capped += 1;
          }
        }
      } catch (error) {
        expect(String(error)).toMatch(/network is down|answer was lost/);
        counted.errors += 1;
      }
      await Promise.all(merges);
    }
    heal();
    for (const id of [ids.a, ids.b])
      expect(await shopper(id).mergeInto(ids.ada), `seed ${seed}`).toEqual({ ok: true, value: "moved" });
    const { sends, history } = await shopper(ids.ada).profile();
    const used = sends.map((s) => s.deliveryId);
    expect(used.toSorted(), `seed ${seed}`).toEqual([...sent].toSorted());
    expect(
      history.map(({ channel, at, value }) => ({ channel, at, value })),
      `seed ${seed}`,
    ).toEqual(words);
    expect(
      await shopper(ids.a).permit(
        ask("dl_last"),
        permitRules({ frequencyCap: { max: used.length || 1, perHours: 24 } }),
      ),
    ).toMatchObject({ granted: used.length === 0 });
    counted.sent += sent.size;
  }

  it("lose and double nothing, wherever the calls between the actors fail and whoever is evicted", async () => {
    for (let seed = 0; seed < 25; seed++) await live(seed);
    process.stdout.write(`shopper moves: 25 lives, ${JSON.stringify(counted)}\n`);
    expect(Math.min(...Object.values(counted))).toBeGreaterThan(5);
  });
});
