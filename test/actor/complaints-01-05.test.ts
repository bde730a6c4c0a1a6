import { expect, test } from "vitest";
import { shopperIdOf } from "../../shared/ids.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../../workers/env.ts";
import { add, event, ordered } from "../support/cart-life.ts";
import {
  deliveriesOf,
  filled,
  hooks,
  intercepted,
  LEFT,
  mailStep,
  outboxOf,
  POLL,
  Shop,
  statusesOf,
  TWO_STEPS,
  viewOf,
} from "./complaints-support.ts";
import { env, setClock, T0, type TestCart } from "./support.ts";

hooks();

test("complaint 1: a mail after the purchase", async () => {
  const buys = (cart: TestCart) => cart.beacon(ordered(Date.now()));
  type Point = (shop: Shop, cart: TestCart) => Promise<void>;
  /** The sender, with an order in the middle of its way. */
  const during =
    (actor: "SHOPPER" | "CART" | "STORE", method: string, when: "before" | "after"): Point =>
    async (shop, cart) => {
      const commands = await shop.commandsAt(LEFT, cart);
      expect(commands).toHaveLength(1);
      let done = false;
      const order = async () => {
        if (!done) await buys(cart);
        done = true;
      };
      const namespace = intercepted(env[actor], async (called, call) => {
        if (called === method && when === "before") await order();
        const answer = await call();
        if (called === method && when === "after") await order();
        return answer;
      });
      await shop.deliver(commands, { ...shop.env, [actor]: namespace } as Env);
      expect(done).toBe(true);
    };
  const points: Record<string, [Point, mails: number, statuses: string[]]> = {
    "before the cart was left": [async (_, cart) => void (await buys(cart)), 0, []],
    "after it was left, before the alarm": [
      async (_, cart) => {
        setClock(LEFT + DAY_MS);
        await buys(cart);
      },
      0,
      [],
    ],
    "between the alarm and the sender": [
      async (shop, cart) => {
        const commands = await shop.commandsAt(LEFT, cart);
        await buys(cart);
        expect(await shop.deliver(commands)).toEqual(["ack"]);
      },
      0,
      ["cancelled", "cancelled"],
    ],
    "between the sender's question and the permit": [
      during("SHOPPER", "permit", "before"),
      0,
      ["cancelled", "cancelled"],
    ],
    "between the permit and the claim": [during("CART", "claim", "before"), 0, ["cancelled", "cancelled"]],
    "between the claim and the provider": [during("CART", "claim", "after"), 1, ["raced", "cancelled"]],
    "between the provider and the settling": [during("CART", "settle", "before"), 1, ["raced", "cancelled"]],
    "between two messages": [
      async (shop, cart) => {
        await shop.deliver(await shop.commandsAt(LEFT, cart));
        await buys(cart);
      },
      1,
      ["sent", "cancelled"],
    ],
  };
  for (const [name, [point, mails, statuses]] of Object.entries(points)) {
    const shop = await Shop.open({}, [TWO_STEPS]);
    const cart = await filled(shop);
    await point(shop, cart);
    await shop.until(Date.now() + 7 * DAY_MS);
    expect([shop.mails.length, await statusesOf(cart)], name).toEqual([mails, statuses]);
    const { status, shopper, attribution } = await viewOf(cart);
    // A raced message is shown as such, and gets no credit for the order that it came after.
    expect([status, attribution !== undefined], name).toEqual(
      statuses[0] === "sent" ? ["recovered", true] : ["purchased", false],
    );
    // What was not sent takes no place under the cap.
    expect((await shop.profile(shopper.id)).sends, name).toHaveLength(mails);
  }
});

test("complaint 2: a race in an outside queue that already loaded the job", async () => {
  const shop = await Shop.open({}, [TWO_STEPS]);
  const cart = await filled(shop);
  const [loaded] = await shop.commandsAt(LEFT, cart);
  await cart.beacon(ordered(LEFT + SECOND_MS));
  // Hours and days later, to many workers, together and again.
  for (const later of [SECOND_MS, HOUR_MS, DAY_MS, 7 * DAY_MS]) {
    setClock(LEFT + later);
    expect(await shop.deliver([loaded!, loaded!, loaded!])).toEqual(["ack", "ack", "ack"]);
  }
  expect(shop.mails).toEqual([]);
  expect(await statusesOf(cart)).toEqual(["cancelled", "cancelled"]);

  // The job of the bought cart is not one of what is put in afterwards.
  const again = LEFT + 8 * DAY_MS;
  setClock(again);
  await cart.beacon(add(again));
  expect(await shop.deliver([loaded!])).toEqual(["ack"]);
  const [own] = await shop.commandsAt(again + 31 * MINUTE_MS, cart);
  await shop.deliver([loaded!, own!, loaded!, own!]);
  expect(shop.mails).toHaveLength(1);
  await cart.beacon(ordered(Date.now(), "o2"));

  // Nor is there anything to send once the cart has forgotten itself.
  await shop.until(again + 120 * DAY_MS);
  expect((await cart.cart.view()).ok).toBe(false);
  expect(await shop.deliver([loaded!, own!])).toEqual(["ack", "ack"]);
  expect(shop.mails).toHaveLength(1);
});

test("complaint 3: duplicate sends, by two workers or with the others of a batch", async () => {
  const shop = await Shop.open();
  const cart = await filled(shop);
  const commands = await shop.commandsAt(LEFT, cart);
  // The first worker is still at the provider when the second takes the same message, a second later.
  let answer: (() => void) | null = null;
  shop.atProvider = async () => {
    if (answer === null)
      await new Promise<void>((done) => {
        answer = done;
      });
  };
  const first = shop.deliver(commands);
  await expect.poll(() => shop.mails.length, POLL).toBe(1);
  setClock(LEFT + SECOND_MS);
  expect(await shop.deliver(commands)).toEqual(["ack"]);
  (answer as (() => void) | null)?.();
  expect(await first).toEqual(["ack"]);
  shop.atProvider = async () => undefined;
  await Promise.all([1, 2, 3, 4].map(() => shop.deliver([...commands, ...commands])));
  await shop.until(LEFT + DAY_MS);
  expect([shop.mails.length, await statusesOf(cart)]).toEqual([1, ["sent"]]);

  // Many workers at the very same moment.
  const crowd = await filled(shop, "bob@example.com", Date.now());
  const [one] = await shop.commandsAt(Date.now() + 31 * MINUTE_MS, crowd);
  await Promise.all([1, 2, 3, 4, 5, 6].map(() => shop.deliver([one!])));
  expect(shop.mailsOf(crowd)).toHaveLength(1);

  // One recipient of a batch fails at the provider, another before it; the batch comes again as a whole.
  const now = Date.now();
  const emails = ["c@example.com", "d@example.com", "e@example.com", "f@example.com"];
  const carts = await Promise.all(emails.map((email) => filled(shop, email, now)));
  const batch = [];
  for (const each of carts) batch.push(...(await shop.commandsAt(now + 31 * MINUTE_MS, each)));
  expect(batch).toHaveLength(4);
  const refusal = Object.assign(new Error("slow down"), { code: "E_RATE_LIMIT_EXCEEDED" });
  shop.atProvider = async ({ to }) => {
    if (to === "d@example.com") throw refusal;
  };
  const away = shopperIdOf(shop.id, "e@example.com");
  const SHOPPER = intercepted(env.SHOPPER, (_, call, name) =>
    name.endsWith(away) ? Promise.reject(new Error("unreachable")) : call(),
  );
  expect(await shop.deliver(batch, { ...shop.env, SHOPPER })).toEqual(["ack", "ack", "retry", "ack"]);
  const mailedTo = () => shop.mails.slice(2).map(({ to }) => to);
  expect(mailedTo().sort()).toEqual(["c@example.com", "d@example.com", "f@example.com"]);
  shop.atProvider = async () => undefined;
  await shop.deliver(batch);
  await shop.until(now + DAY_MS);
  await shop.deliver(batch);
  // The one that was refused was asked again, and that once; nobody else was.
  expect(mailedTo().sort()).toEqual([
    "c@example.com",
    "d@example.com",
    "d@example.com",
    "e@example.com",
    "f@example.com",
  ]);
  for (const each of carts) expect(await statusesOf(each)).toEqual(["sent"]);
});

test("complaint 4: five mails in thirty minutes for one cart", async () => {
  const cap = { max: 2, perHours: 24 };
  const eager = (trigger: string, over = {}) => ({
    ...{ name: trigger, trigger, steps: [mailStep("now"), mailStep("soon", 3)] },
    ...over,
  });
  const shop = await Shop.open({ abandonAfterMinutes: 1, frequencyCap: cap }, [
    eager("cart_abandoned"),
    eager("cart_abandoned", { name: "another of the kind" }),
    eager("time_based", { priority: 5 }),
    eager("exit_intent"),
  ]);
  // Left and returned to, again and again; and the same shopper has another cart on the phone.
  const carts = [await filled(shop), await filled(shop)];
  for (let minute = 2; minute <= 30; minute += 2) {
    await shop.until(T0 + minute * MINUTE_MS);
    const now = Date.now();
    for (const cart of carts) {
      await cart.beacon(event("exit_intent_detected", now));
      await cart.beacon(event("cart_viewed", now + 1));
    }
  }
  expect(shop.mails).toHaveLength(cap.max);
  await shop.until(T0 + 8 * DAY_MS);
  const times = shop.mails.map(({ at }) => at).sort((a, b) => a - b);
  for (const at of times)
    expect(times.filter((t) => t >= at && t < at + cap.perHours * HOUR_MS).length).toBeLessThanOrEqual(cap.max);
  // Each step of each journey at most once, none for ever in between, and what was held back was not lost on the way.
  expect(new Set(shop.mails.map(({ deliveryId }) => deliveryId)).size).toBe(shop.mails.length);
  const all = (await Promise.all(carts.map(deliveriesOf))).flat();
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  expect(all).toHaveLength(2 * 3 * 2);
  expect(all.filter(({ status }) => status === "sent").length).toBe(shop.mails.length);
  expect(all.filter(({ status }) => !["sent", "cancelled"].includes(status))).toEqual([]);
  expect(shop.mails.length).toBe(12);
});

test("complaint 5: a crashed sender duplicates or goes silent for ever", async () => {
  const never = new Promise<never>(() => undefined);
  /** The deployment whose process dies at its n-th call of an actor, before it is heard or after. */
  const dying = (by: Env, at: number, when: "before" | "after") => {
    const process = { calls: 0, at: "", died: (): void => undefined };
    const dead = new Promise<boolean>((resolve) => {
      process.died = () => resolve(true);
    });
    const around = async (method: string, call: () => Promise<unknown>): Promise<unknown> => {
      process.calls += 1;
      if (process.calls < at) return call();
      if (process.calls > at) return never;
      process.at = method;
      if (when === "after") await call();
      process.died();
      return never;
    };
    const actors = Object.fromEntries(
      (["CART", "SHOPPER", "STORE", "BREAKER"] as const).map((name) => [name, intercepted(env[name], around)]),
    );
    return { env: { ...by, ...actors } as Env, process, dead };
  };
  const outcomes: Record<string, string[]> = { send_email: [], outbox: [] };
  for (const provider of ["send_email", "outbox"])
    for (const when of ["before", "after"] as const)
      for (let at = 1, died = true; died; at++) {
        const shop = await Shop.open({}, [TWO_STEPS]);
        const by = { ...shop.env, EMAIL_PROVIDER: provider };
        const cart = await filled(shop);
        const commands = await shop.commandsAt(LEFT, cart);
        const doomed = dying(by, at, when);
        died = await Promise.race([doomed.dead, shop.deliver(commands, doomed.env).then(() => false)]);
        // The queue delivers it again to another process, and so do the cart's own timers.
        await shop.deliver(commands, by);
        await shop.until(LEFT + DAY_MS, by);
        const [first, second] = await deliveriesOf(cart);
        const name = `${provider}, dead ${when} call ${at} (${doomed.process.at})`;
        const sent = provider === "outbox" ? await outboxOf(shop.id) : shop.mails.map((m) => m.deliveryId);
        const times = (id: string) => sent.filter((given) => given === id).length;
        outcomes[provider]!.push(`${first!.status}:${times(first!.id)}`);
        // One message; or, where nobody can know whether it went out, none more, and that is shown.
        if (first!.status === "sent") expect(times(first!.id), name).toBe(1);
        else {
          expect(first!.status, name).toBe("unknown");
          expect(provider, name).toBe("send_email");
          expect(times(first!.id), name).toBeLessThanOrEqual(1);
        }
        expect([second!.status, times(second!.id)], name).toEqual(["sent", 1]);
      }
  // A provider that honours the key leaves nothing unknown; another one does where the claim was made.
  expect(new Set(outcomes.outbox)).toEqual(new Set(["sent:1"]));
  expect(new Set(outcomes.send_email)).toEqual(new Set(["sent:1", "unknown:0", "unknown:1"]));
});
