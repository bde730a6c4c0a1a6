import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TIMERS_TABLE, Timers } from "../../objects/kit/timers.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { env, setClock, T0, unique } from "./support.ts";

beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

interface Kit {
  timers: Timers;
  rows: () => { key: string; due: number; tries: number }[];
  alarm: () => Promise<number | null>;
}

/** Timers of its own in the storage of an actor nobody else uses. */
const within = <T>(work: (kit: Kit) => Promise<T>): Promise<T> =>
  runInDurableObject(env.SHOPPER.getByName(`${unique("st")}/x`), (_, state) => {
    const { sql } = state.storage;
    sql.exec(TIMERS_TABLE); // a shopper nobody spoke to has no tables
    return work({
      timers: new Timers(state),
      rows: () => sql.exec<{ key: string; due: number; tries: number }>("SELECT key, due, tries FROM timers").toArray(),
      alarm: () => state.storage.getAlarm(),
    });
  });

describe("law 7: many timers over one alarm", () => {
  it("the alarm is the earliest row; setting one later leaves it alone", () =>
    within(async ({ timers, alarm }) => {
      timers.set("a", T0 + 10 * MINUTE_MS);
      timers.set("b", T0 + 20 * MINUTE_MS);
      expect(await alarm()).toBe(T0 + 10 * MINUTE_MS);
      timers.set("c", T0 + MINUTE_MS);
      expect(await alarm()).toBe(T0 + MINUTE_MS);
      timers.set("c", T0 + HOUR_MS);
      expect(await alarm()).toBe(T0 + MINUTE_MS);
    }));

  it("runs what is due, once, and arms for what comes next", () =>
    within(async ({ timers, rows, alarm }) => {
      timers.set("a", T0 + 1);
      timers.set("b", T0 + 2);
      timers.set("c", T0 + HOUR_MS);
      const ran: string[] = [];
      await timers.run(T0 + 2, (key) => void ran.push(key));
      await timers.run(T0 + 2, (key) => void ran.push(key));
      expect(ran).toEqual(["a", "b"]);
      expect(rows()).toMatchObject([{ key: "c" }]);
      expect(await alarm()).toBe(T0 + HOUR_MS);
    }));

  it("an alarm that comes too early finds nothing due and is armed again", () =>
    within(async ({ timers, alarm }) => {
      timers.set("a", T0 + MINUTE_MS);
      timers.set("a", T0 + HOUR_MS);
      await timers.run(T0 + MINUTE_MS, () => expect.unreachable());
      expect(await alarm()).toBe(T0 + HOUR_MS);
    }));

  it("a row that its own handler re-armed is spared", () =>
    within(async ({ timers, rows }) => {
      timers.set("a", T0);
      await timers.run(T0, () => timers.set("a", T0 + HOUR_MS));
      expect(rows()).toMatchObject([{ key: "a", due: T0 + HOUR_MS, tries: 0 }]);
    }));

  it("a row that its own handler re-armed before it failed keeps the new time", () =>
    within(async ({ timers, rows }) => {
      timers.set("a", T0);
      await timers.run(T0, () => {
        timers.set("a", T0 + HOUR_MS);
        throw new Error("after all");
      });
      expect(rows()).toMatchObject([{ key: "a", due: T0 + HOUR_MS, tries: 0 }]);
    }));

  it("a failing row backs off, stops no other, and is parked in the end, not deleted", () =>
    within(async ({ timers, rows, alarm }) => {
      timers.set("bad", T0);
      timers.set("good", T0);
      let now = T0;
      const waits: number[] = [];
      let good = 0;
      for (let i = 0; i < 10; i++) {
        await timers.run(now, (key) => {
          if (key === "bad") throw new Error("no");
          good += 1;
        });
        const [row] = rows();
        waits.push((row!.due - now) / SECOND_MS);
        now = row!.due;
      }
      expect(good).toBe(1);
      expect(waits.slice(0, 4)).toEqual([2, 4, 8, 16]);
      expect(rows()).toMatchObject([{ key: "bad", tries: 10 }]);
      await timers.run(now + HOUR_MS, () => expect.unreachable());
      expect(await alarm()).not.toBe(now + HOUR_MS);
    }));

  it("a parked row runs again when somebody sets it anew", () =>
    within(async ({ timers, rows }) => {
      timers.set("a", T0);
      let now = T0;
      for (let i = 0; i < 10; i++) {
        await timers.run(now, () => Promise.reject(new Error("no")));
        now = rows()[0]!.due;
      }
      timers.setEarliest("a", now + MINUTE_MS);
      const ran: string[] = [];
      await timers.run(now + MINUTE_MS, (key) => void ran.push(key));
      expect(ran).toEqual(["a"]);
    }));

  it("the earlier of two wishes counts when only the earliest is asked for", () =>
    within(async ({ timers, rows }) => {
      timers.setEarliest("a", T0 + MINUTE_MS);
      timers.setEarliest("a", T0 + HOUR_MS);
      expect(rows()[0]?.due).toBe(T0 + MINUTE_MS);
      timers.setEarliest("a", T0 + 1);
      expect(rows()[0]?.due).toBe(T0 + 1);
    }));
});
