import { afterEach, describe, expect, it } from "vitest";
import { createQueue, LEASE_MS, MAX_AGE_MS, MAX_QUEUED } from "../../workers/storefront/snippet/queue.ts";
import type { OutgoingEvent } from "../../workers/storefront/snippet/types.ts";
import { FakeClock, FakeStorage, openPage, storeOver } from "./snippet-support.ts";

const clock = new FakeClock();

function event(id: string, type = "page_viewed", at = clock.now()): OutgoingEvent {
  const context = { url: "", referrer: "", locale: "", timezone: "", userAgent: "" };
  const ids = { cartId: "c", visitorId: "v", sessionId: "s" };
  return { id, type, version: 1, occurredAt: new Date(at).toISOString(), ...ids, data: {}, context };
}

const idsOf = (events: OutgoingEvent[]) => events.map((e) => e.id);
const all = (queue: ReturnType<typeof createQueue>) => idsOf(queue.batch(1_000, 1e9));

afterEach(() => {
  FakeStorage.broken = false;
});

describe("the queue", () => {
  it("keeps the newest events when full", () => {
    const queue = createQueue(storeOver(new FakeStorage()), "t", clock);
    for (let i = 0; i < MAX_QUEUED + 50; i++) queue.add(event(`e${i}`));
    expect(queue.size()).toBe(MAX_QUEUED);
    expect(all(queue)[0]).toBe("e50");
  });

  it("lets browsing go before an order", () => {
    const queue = createQueue(storeOver(new FakeStorage()), "t", clock);
    queue.add(event("order", "checkout_completed"));
    for (let i = 0; i < MAX_QUEUED * 2; i++) queue.add(event(`e${i}`));
    expect(queue.size()).toBe(MAX_QUEUED);
    expect(all(queue)[0]).toBe("order");
  });

  it("survives the page that filled it", () => {
    const storage = new FakeStorage();
    createQueue(storeOver(storage), "t", clock).add(event("a"));
    expect(all(createQueue(storeOver(storage), "t", clock))).toEqual(["a"]);
  });

  it("leaves a living tab's events alone and takes over a dead one's, once", () => {
    const storage = new FakeStorage();
    const time = new FakeClock();
    createQueue(storeOver(storage), "other", time).add(event("a", "page_viewed", time.now()));
    const mine = createQueue(storeOver(storage), "mine", time);
    expect(mine.size()).toBe(0);
    time.time += LEASE_MS;
    mine.adopt();
    mine.adopt();
    expect(all(mine)).toEqual(["a"]);
    expect(createQueue(storeOver(storage), "third", time).size()).toBe(0);
  });

  it("forgets what is too old to matter", () => {
    const storage = new FakeStorage();
    createQueue(storeOver(storage), "t", clock).add(event("old", "page_viewed", clock.now() - MAX_AGE_MS));
    expect(createQueue(storeOver(storage), "t", clock).size()).toBe(0);
  });

  it("shrugs at a mirror it cannot read", () => {
    const storage = new FakeStorage();
    storage.setItem("cartwake.queue.t", "{not json");
    storage.setItem("cartwake.queue.u", '{"at":0,"events":{}}');
    const queue = createQueue(storeOver(storage), "t", clock);
    queue.add(event("a"));
    expect(all(queue)).toEqual(["a"]);
  });

  it("works in memory when storage refuses", () => {
    FakeStorage.broken = true;
    const queue = createQueue(storeOver(new FakeStorage()), "t", clock);
    queue.add(event("a"));
    queue.add(event("b"));
    queue.drop((e) => e.id === "a");
    expect(all(queue)).toEqual(["b"]);
  });

  it("cuts batches by count and by bytes, and sends a giant alone", () => {
    const queue = createQueue(storeOver(new FakeStorage()), "t", clock);
    queue.add({ ...event("giant"), data: { text: "é".repeat(40_000) } });
    for (let i = 0; i < 5; i++) queue.add(event(`e${i}`));
    expect(idsOf(queue.batch(100, 60_000))).toEqual(["giant"]);
    expect(idsOf(queue.batch(2, 60_000, new Set(["giant"])))).toEqual(["e0", "e1"]);
    expect(queue.batch(100, 600, new Set(["giant"])).length).toBeLessThan(5);
  });
});

describe("identity", () => {
  it("keeps visitor and cart, and ends a session after 30 idle minutes", () => {
    const first = openPage();
    const [visitor, cart, session] = [first.identity.visitorId(), first.identity.cartId(), first.identity.sessionId()];
    first.clock.time += 29 * 60_000;
    const second = openPage({ local: first.local, clock: first.clock });
    expect([second.identity.visitorId(), second.identity.cartId()]).toEqual([visitor, cart]);
    expect(second.identity.sessionId()).toBe(session);
    first.clock.time += 30 * 60_000;
    expect(second.identity.sessionId()).not.toBe(session);
  });
});
