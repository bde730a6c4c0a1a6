/** The breaker on the order signal, in its store: it pauses what may go out, says so, and lets go by itself. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { storeStub } from "../../objects/stubs.ts";
import type { Delta, Entry } from "../../shared/events/messages.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import type { TopicNews } from "../../shared/views.ts";
import { news } from "./measure-support.ts";
import { env, newStore, setClock, T0 } from "./support.ts";

beforeEach(() => setClock(T0));
afterAll(() => void vi.useRealTimers());

const pays = (n: number): Delta => ({ events: { payment_info_submitted: n } });

async function watched() {
  const { id } = await newStore();
  const store = () => storeStub(env, id);
  const said: string[] = [];
  const listen = () =>
    runInDurableObject(env.STORE.getByName(id), (instance) => {
      const actors = (instance as unknown as { env: typeof env }).env;
      const room = {
        publish: async (all: TopicNews[]) => {
          for (const one of all) if (one.topic === "system") said.push(one.message);
          return 1;
        },
      };
      actors.ROOM = { getByName: () => room } as unknown as typeof env.ROOM;
    });
  await listen();
  let seq = 0;
  /** One cart tells of it, at this moment. */
  const tell = async (...deltas: Delta[]): Promise<void> => {
    const entries: Entry[] = deltas.map((delta) => ({ seq: ++seq, at: Date.now(), delta }));
    await store().apply([{ ...news("cart", seq, {}), entries }]);
  };
  const paused = async () => (await store().rules()).paused;
  const evict = () => evictDurableObject(env.STORE.getByName(id));
  const signal = async () => (await store().realtime()).orderSignal;
  return { id, store, tell, paused, signal, evict, said };
}

describe("a store that loses its order signal", () => {
  it("is paused, over an eviction too, and says so once; the next order lets it go", async () => {
    const { store, tell, paused, signal, evict, said } = await watched();
    await tell({ orders: 1 });
    await tell(pays(19));
    expect([await paused(), await signal(), said]).toEqual([null, "ok", []]);
    await tell(pays(1));
    await tell(pays(5));
    expect([await paused(), await signal()]).toEqual(["signal_loss", "signal_loss"]);
    expect(await store().tenant()).toMatchObject({ value: { rules: { paused: "signal_loss" } } });
    expect(said).toEqual([expect.stringMatching(/^Messages are paused: shoppers pay/)]);
    await evict();
    setClock(T0 + 3 * DAY_MS);
    expect([await paused(), await signal()]).toEqual(["signal_loss", "signal_loss"]);
    expect(await store().orderSignal()).toMatchObject({
      signal: "signal_loss",
      why: "payments",
      since: new Date(T0).toISOString(),
    });
    await tell({ orders: 1 });
    expect([await paused(), await signal()]).toEqual([null, "ok"]);
    expect(said.at(-1)).toMatch(/Orders arrive again/);
  });

  it("is not one that never told of an order", async () => {
    const { tell, paused, signal } = await watched();
    await tell(pays(500));
    expect([await paused(), await signal()]).toEqual([null, "none_yet"]);
  });

  it("is let go for a day when a merchant says so, and paused again after it", async () => {
    const { store, id, tell, paused, evict } = await watched();
    await tell({ orders: 1 });
    await tell(pays(30));
    expect(await paused()).toBe("signal_loss");
    expect(await store().overrideSignal()).toEqual({
      signal: "ok",
      since: null,
      why: null,
      overriddenUntil: new Date(T0 + DAY_MS).toISOString(),
    });
    await tell(pays(30));
    await evict();
    expect(await paused()).toBeNull();
    setClock(T0 + DAY_MS - MINUTE_MS);
    await tell(pays(30));
    expect(await paused()).toBeNull();
    setClock(T0 + DAY_MS + 5 * MINUTE_MS);
    await runDurableObjectAlarm(env.STORE.getByName(id)); // nothing needs to be told: the watch looks by itself
    expect(await paused()).toBe("signal_loss");
  });

  it("is one that is visited as ever, but silent for an improbably long time", async () => {
    const { id, store, tell, paused, evict, said } = await watched();
    for (let hour = 0; hour < 21 * 24; hour++) {
      setClock(T0 + hour * HOUR_MS);
      await tell({ orders: 4, events: { page_viewed: 100 } });
    }
    const end = T0 + 21 * 24 * HOUR_MS;
    const visited = async (hour: number): Promise<void> => {
      setClock(end + hour * HOUR_MS + 30 * MINUTE_MS);
      await tell({ events: { page_viewed: 100 } });
    };
    await visited(0);
    await evict();
    await visited(1);
    expect(await paused()).toBeNull();
    // 12 orders in that hour of three weeks: 12 · ln(4/3) = 3.5 for each silent hour; 4 · 168 a week need 13.4.
    for (const hour of [2, 3, 4]) await visited(hour);
    expect(await paused()).toBe("signal_loss");
    expect(await store().orderSignal()).toMatchObject({ why: "silence" });
    expect(said).toEqual([expect.stringContaining("improbably long")]);
    await tell({ orders: 1 });
    expect([await paused(), (await storeStub(env, id).orderSignal()).signal]).toEqual([null, "ok"]);
  });
});
