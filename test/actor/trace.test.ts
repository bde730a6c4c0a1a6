/** A trace on its way: beacon → cart → queues. It costs no row. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { cartStub } from "../../objects/stubs.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { traceIdOf } from "../../shared/trace.ts";
import { add, event, identified } from "../support/cart-life.ts";
import { env, eventually, HeldQueues, newCart, setClock, T0, type TestCart, writesDuring } from "./support.ts";

const queues = new HeldQueues();
beforeAll(() => queues.hold());
afterAll(() => {
  queues.release();
  vi.useRealTimers();
});
beforeEach(() => setClock(T0));

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

const traced = (cart: TestCart, ...events: Parameters<TestCart["beacon"]>) =>
  cartStub(env, cart.storeId, cart.id).beacon(events, cart.rules, PARENT);

/** The trace ids of what the cart told, the next time it told anything. */
const told = (cart: TestCart) =>
  eventually(() => {
    const news = queues.take(cart.id);
    expect(news).not.toEqual([]);
    return [...new Set(news.map((n) => traceIdOf(n.traceparent)))];
  });

/** Leaves the cart; the trace of the command it hands over. */
async function leave(cart: TestCart): Promise<string | undefined> {
  setClock(T0 + 31 * MINUTE_MS);
  await runDurableObjectAlarm(cart.stub);
  const [command] = queues.takeCommands(cart.id);
  expect(command?.traceparent).not.toBe(PARENT);
  return traceIdOf(command?.traceparent);
}

describe("a beacon's trace", () => {
  it("reaches the news and the command, also through an eviction", async () => {
    const cart = await newCart();
    await traced(cart, add(T0), identified(T0));
    expect(await told(cart)).toEqual([TRACE]);
    await evictDurableObject(cart.stub);
    expect(await leave(cart)).toBe(TRACE);
    expect(await told(cart)).toEqual([TRACE]);
  });

  it("costs no row: a traced beacon writes what any other does", async () => {
    const rows: number[] = [];
    for (const send of [
      traced,
      (cart: TestCart, ...events: Parameters<TestCart["beacon"]>) => cart.beacon(...events),
    ]) {
      const cart = await newCart();
      await send(cart, add(T0));
      setClock(T0 + SECOND_MS);
      rows.push((await writesDuring(cart.stub, () => send(cart, event("cart_viewed", T0 + SECOND_MS)))).rows);
      setClock(T0);
    }
    expect(rows).toEqual([1, 1]);
  });

  it("is none where nobody began one", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    expect(await told(cart)).toEqual([undefined]);
  });

  it("leaves the replay of the log as it was", async () => {
    const cart = await newCart();
    await traced(cart, add(T0), identified(T0));
    await leave(cart);
    expect(await cart.cart.explain()).toMatchObject({ ok: true, value: { consistent: true } });
  });
});

describe("a wake-up without a trace", () => {
  it("begins one, and tells its news under it", async () => {
    const cart = await newCart();
    await cart.beacon(add(T0), identified(T0));
    await told(cart);
    const trace = await leave(cart);
    expect(trace).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    expect(await told(cart)).toEqual([trace]);
  });
});
