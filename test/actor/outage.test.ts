/** A provider that is down: circuit breakers, and what becomes of the messages. The clock is the test's. */
import { applyD1Migrations, type D1Migration, evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { breakerStub } from "../../objects/stubs.ts";
import type { SendCommand } from "../../shared/events/messages.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../../workers/env.ts";
import { consumeInterventions, send } from "../../workers/interventions/sender.ts";
import { add, identified } from "../support/cart-life.ts";
import { cartOf, env, HeldQueues, newStore, rowsOf, setClock, T0, type TestCart, unique } from "./support.ts";

const queues = new HeldQueues();
beforeAll(async () => {
  queues.hold();
  await applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS);
});
afterAll(() => {
  queues.release();
  vi.useRealTimers();
});
beforeEach(() => setClock(T0));

/** A provider that can be told to fail, and remembers who got mail. */
class Provider {
  calls = 0;
  readonly sent: string[] = [];
  failure: Error | null = null;

  readonly env: Env = {
    ...env,
    EMAIL_PROVIDER: "send_email",
    EMAIL: { send: (mail: { to: string }) => this.#send(mail.to) } as unknown as SendEmail,
  };

  async #send(to: string): Promise<void> {
    this.calls += 1;
    if (this.failure) throw this.failure;
    this.sent.push(to);
  }
}

const down = Object.assign(new Error("down"), { code: "E_INTERNAL_SERVER_ERROR" });
const badAddress = Object.assign(new Error("no such address"), { code: "E_RECIPIENT_NOT_ALLOWED" });

interface Shop {
  storeId: string;
  carts: { cart: TestCart; email: string }[];
}

/** A store whose carts were all left at `T0`. */
async function shopOf(count: number, settings: Parameters<typeof newStore>[0] = {}): Promise<Shop> {
  const { id: storeId, store, rules } = await newStore(settings);
  const carts = [];
  for (let i = 0; i < count; i++) {
    const cart = cartOf(storeId, store, rules);
    const email = `${unique("shopper")}@example.com`;
    await cart.beacon(add(T0), identified(T0, email));
    carts.push({ cart, email });
  }
  return { storeId, carts };
}

/** Wakes every cart that is due and delivers what they hand over; how often the queue was asked to try again. */
async function tick(shop: Shop, provider: Provider, now: number): Promise<{ retries: number; next: number }> {
  setClock(now);
  const commands: SendCommand[] = [];
  for (const { cart } of shop.carts) {
    const { alarm } = await rowsOf(cart.stub);
    if (alarm !== null && alarm <= now) await runDurableObjectAlarm(cart.stub);
    commands.push(...queues.takeCommands(cart.id));
  }
  let retries = 0;
  const messages = commands.map((body) => ({
    body,
    attempts: 1,
    timestamp: new Date(now),
    ack: () => undefined,
    retry: () => void retries++,
  }));
  await consumeInterventions({ messages } as unknown as MessageBatch<SendCommand>, provider.env);
  const alarms = await Promise.all(shop.carts.map(async ({ cart }) => (await rowsOf(cart.stub)).alarm ?? Infinity));
  return { retries, next: Math.min(...alarms) };
}

/** Lets the clock run, alarm by alarm. */
async function live(shop: Shop, provider: Provider, from: number, until: number): Promise<number> {
  let retries = 0;
  for (let now = from; now < until; ) {
    const done = await tick(shop, provider, now);
    retries += done.retries;
    now = Math.max(now + SECOND_MS, done.next);
  }
  return retries;
}

async function statuses(shop: Shop): Promise<string[]> {
  const views = await Promise.all(shop.carts.map(({ cart }) => cart.cart.view()));
  return views.flatMap((view) => (view.ok ? view.value.deliveries.map((d) => d.status) : ["no cart"]));
}

describe("a provider that is down for an hour", () => {
  const LEFT = T0 + 31 * MINUTE_MS;

  it.each([1, 3, 12])("gets every one of %i messages exactly once afterwards", { timeout: 60_000 }, async (count) => {
    const shop = await shopOf(count);
    const provider = new Provider();
    provider.failure = down;
    const retries = await live(shop, provider, LEFT, LEFT + HOUR_MS);
    expect(provider.sent).toEqual([]);
    expect(new Set(await statuses(shop))).toEqual(new Set(["scheduled"]));
    const calls = provider.calls;
    provider.failure = null;
    const later = await live(shop, provider, LEFT + HOUR_MS, LEFT + 3 * HOUR_MS);
    console.log(JSON.stringify({ messages: count, callsWhileDown: calls, queueRetries: retries + later }));
    expect(provider.sent.sort()).toEqual(shop.carts.map((c) => c.email).sort());
    expect(await statuses(shop)).toEqual(shop.carts.map(() => "sent"));
    // No message ever depended on the queue's patience.
    expect(retries + later).toBe(0);
    // With enough messages the circuit opens: first all of them, then one probe at a time.
    if (count >= 5) expect(calls).toBeLessThanOrEqual(count + 12);
  });

  it("uses none of the first messages that the store may send in the hour", async () => {
    const shop = await shopOf(2, { firstMessagesPerHour: { email: 2, push: 0, sms: 0 } });
    const provider = new Provider();
    provider.failure = down;
    await live(shop, provider, LEFT, LEFT + MINUTE_MS); // refused…
    setClock(LEFT + MINUTE_MS);
    for (let i = 0; i < 5; i++) await breakerStub(env, shop.storeId, "send_email").report("failure");
    await live(shop, provider, LEFT + MINUTE_MS, LEFT + 5 * MINUTE_MS); // …and held back
    provider.failure = null;
    await live(shop, provider, LEFT + 5 * MINUTE_MS, LEFT + 28 * MINUTE_MS);
    expect(await statuses(shop)).toEqual(shop.carts.map(() => "sent"));
  });

  it("uses neither the cap nor an attempt of a message that only waits", async () => {
    const shop = await shopOf(6);
    const provider = new Provider();
    provider.failure = down;
    const breaker = () => breakerStub(env, shop.storeId, "send_email");
    for (let i = 0; i < 5; i++) await breaker().report("failure");
    const { until } = await breaker().state();
    await tick(shop, provider, LEFT - 15 * SECOND_MS);
    await tick(shop, provider, LEFT);
    expect(await breaker().state()).toMatchObject({ phase: "open" });
    setClock(LEFT);
    expect(until).toBeLessThan(LEFT);
    const waiting = (await Promise.all(shop.carts.map(({ cart }) => cart.cart.view()))).flatMap((view) =>
      view.ok ? view.value.deliveries.filter((d) => d.statusHistory.at(-1)?.reason === "provider_unavailable") : [],
    );
    // One went ahead as the probe.
    expect(waiting).toHaveLength(5);
    expect(provider.calls).toBe(1);
    for (const delivery of waiting) expect(delivery.statusHistory.map((s) => s.status)).not.toContain("claimed");
  });
});

describe("the breaker of a store's provider", () => {
  const left = T0 + 31 * MINUTE_MS;

  async function commandOf(shop: Shop, index = 0): Promise<SendCommand> {
    const { cart } = shop.carts[index]!;
    setClock(left);
    await runDurableObjectAlarm(cart.stub);
    return queues.takeCommands(cart.id)[0]!;
  }

  it("is another one for each store", async () => {
    const [a, b] = [unique("st"), unique("st")];
    for (let i = 0; i < 5; i++) await breakerStub(env, a, "smtp").report("failure");
    expect(await breakerStub(env, a, "smtp").enter()).toMatchObject({ allowed: false });
    expect(await breakerStub(env, b, "smtp").enter()).toMatchObject({ allowed: true });
    expect(await breakerStub(env, a, "outbox").enter()).toMatchObject({ allowed: true });
  });

  it("stays open, doubled, when its actor is evicted", async () => {
    const name = unique("st");
    const breaker = () => breakerStub(env, name, "smtp");
    for (let i = 0; i < 5; i++) {
      await breaker().report("failure");
      await evictDurableObject(env.BREAKER.getByName(`${name}/smtp`));
    }
    const { until } = await breaker().state();
    expect(until).toBeGreaterThan(T0);
    setClock(until);
    const entry = await breaker().enter();
    expect(entry).toMatchObject({ allowed: true, quiet: false });
    await evictDurableObject(env.BREAKER.getByName(`${name}/smtp`));
    expect(await breaker().enter()).toMatchObject({ allowed: false });
    await breaker().report("failure", entry.probe);
    expect(await breaker().state()).toMatchObject({ phase: "open", trips: 2 });
  });

  it("lets exactly one of many through when it is half-open", async () => {
    const name = unique("st");
    const breaker = () => breakerStub(env, name, "smtp");
    for (let i = 0; i < 5; i++) await breaker().report("failure");
    setClock((await breaker().state()).until);
    const entries = await Promise.all(Array.from({ length: 50 }, () => breaker().enter()));
    expect(entries.filter((e) => e.allowed)).toHaveLength(1);
  });

  it("is not opened by addresses that are wrong", async () => {
    const shop = await shopOf(8);
    const provider = new Provider();
    provider.failure = badAddress;
    await live(shop, provider, left, left + MINUTE_MS);
    expect(await statuses(shop)).toEqual(shop.carts.map(() => "failed"));
    expect(await breakerStub(env, shop.storeId, "send_email").state()).toMatchObject({ phase: "closed" });
  });

  it("is opened by answers that were lost", async () => {
    const shop = await shopOf(8);
    const provider = new Provider();
    provider.failure = new Error("connection lost");
    await live(shop, provider, left, left + 15 * SECOND_MS);
    expect(await breakerStub(env, shop.storeId, "send_email").state()).toMatchObject({ phase: "open" });
    provider.failure = null;
    await live(shop, provider, left + MINUTE_MS, left + 10 * MINUTE_MS);
    const found = await statuses(shop);
    // What nobody knows is parked and never sent again; what had not been tried goes out.
    expect(found.filter((s) => s === "unknown").length + provider.sent.length).toBe(8);
    expect(found.filter((s) => s === "sent").length).toBe(provider.sent.length);
    expect(new Set(provider.sent).size).toBe(provider.sent.length);
  });

  it("gives the probe's place back when the message is no longer wanted", async () => {
    const shop = await shopOf(1);
    const command = await commandOf(shop);
    const breaker = () => breakerStub(env, shop.storeId, "send_email");
    for (let i = 0; i < 5; i++) await breaker().report("failure");
    setClock((await breaker().state()).until);
    const { cart } = shop.carts[0]!;
    // The shopper changes their mind after the arbiter's yes: the circuit was entered, and the claim is refused.
    const SHOPPER = {
      getByName: (name: string) => {
        const real = env.SHOPPER.getByName(name);
        const permit = async (...asked: Parameters<typeof real.permit>) => {
          const answer = await real.permit(...asked);
          await cart.beacon({ ...add(Date.now()), type: "consent_updated", consent: { email: "denied" } });
          return answer;
        };
        return { permit, release: (id: string) => real.release(id) };
      },
    } as unknown as Env["SHOPPER"];
    const provider = new Provider();
    expect(await send(command, { ...provider.env, SHOPPER })).toBe("no_consent");
    expect(provider.calls).toBe(0);
    expect(await breaker().enter()).toMatchObject({ allowed: true, probe: 2 });
  });

  it("stops nobody when it cannot be asked", async () => {
    const shop = await shopOf(1);
    const command = await commandOf(shop);
    const provider = new Provider();
    const away = () => Promise.reject(new Error("away"));
    const BREAKER = { getByName: () => ({ enter: away, report: away }) } as unknown as Env["BREAKER"];
    expect(await send(command, { ...provider.env, BREAKER })).toBe("sent");
  });

  it("is asked once for a message that is sent while all is well, and told nothing", async () => {
    const shop = await shopOf(1);
    const command = await commandOf(shop);
    const calls: string[] = [];
    const real = env.BREAKER.getByName(`${shop.storeId}/send_email`);
    const BREAKER = {
      getByName: () => ({
        enter: () => {
          calls.push("enter");
          return real.enter();
        },
        report: () => calls.push("report"),
      }),
    } as unknown as Env["BREAKER"];
    expect(await send(command, { ...new Provider().env, BREAKER })).toBe("sent");
    expect(calls).toEqual(["enter"]);
  });
});
