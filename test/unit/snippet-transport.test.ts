import { describe, expect, it } from "vitest";
import { backoffMs, retryAfterMs } from "../../workers/storefront/snippet/reply.ts";
import { accepted, mug, openPage, reply } from "./snippet-support.ts";

const HOUR = 3_600_000;

function pageWithAdds(count: number) {
  const page = openPage();
  for (let i = 0; i < count; i++) page.cartwake("add", { ...mug, productId: `p${i}` });
  return page;
}

describe("when the endpoint cannot", () => {
  it("keeps the events and waits longer each time", async () => {
    const page = pageWithAdds(1);
    page.answer = () => reply(503, {});
    await page.clock.advance(60_000);
    const gaps = page.sent.slice(1).map((request, i) => request.at - page.sent[i]!.at);
    expect(gaps).toEqual([750, 1_500, 3_000, 6_000, 12_000, 24_000]);
    page.answer = accepted;
    await page.clock.advance(HOUR);
    expect(page.queue.size()).toBe(0);
    const ids = new Set(page.sent.map((request) => request.events[0]!.id));
    expect(ids.size).toBe(1); // the same id each time: the server counts it once
  });

  it("obeys Retry-After, whatever else happens meanwhile", async () => {
    const page = pageWithAdds(1);
    page.answer = () => reply(429, {}, { "retry-after": "30" });
    await page.clock.advance(50);
    page.answer = accepted;
    page.cartwake("add", mug);
    page.transport.online();
    page.transport.hide();
    await page.clock.advance(29_000);
    expect([page.sent.length, page.beacons.length]).toEqual([1, 0]);
    await page.clock.advance(2_000);
    expect(page.sent[1]!.events).toHaveLength(2);
  });

  it("sends as soon as the network is back", async () => {
    const page = pageWithAdds(1);
    page.answer = () => Promise.reject(new TypeError("Failed to fetch"));
    await page.clock.advance(10 * 60_000);
    const tries = page.sent.length;
    page.answer = accepted;
    page.transport.online();
    await page.clock.advance(0);
    expect(page.sent).toHaveLength(tries + 1);
    expect(page.queue.size()).toBe(0);
  });

  it("gives up on an answer that never comes", async () => {
    const page = pageWithAdds(1);
    page.answer = () => new Promise<Response>((_, fail) => page.sent[0]!.init.signal!.addEventListener("abort", fail));
    await page.clock.advance(19_000);
    expect(page.sent).toHaveLength(1);
    page.answer = accepted;
    await page.clock.advance(5_000);
    expect(page.queue.size()).toBe(0);
  });

  it("keeps one request in flight", async () => {
    const page = pageWithAdds(1);
    let free = () => {};
    page.answer = (events) => new Promise((done) => (free = () => done(accepted(events))));
    await page.clock.advance(50);
    page.cartwake("add", mug);
    await page.clock.advance(1_000);
    expect(page.sent).toHaveLength(1);
    page.answer = accepted;
    free();
    await page.clock.advance(1_000);
    expect(page.sent.map((request) => request.events.length)).toEqual([1, 1]);
  });
});

describe("when the endpoint refuses", () => {
  it("drops the events that a 400 names and sends the rest", async () => {
    const page = pageWithAdds(3);
    page.answer = (events) => {
      page.answer = accepted;
      return reply(400, {
        code: "VALIDATION_ERROR",
        rejected: [
          { index: 0, id: null, code: "VALIDATION_ERROR" },
          { index: 2, id: events[2]!.id, code: "VALIDATION_ERROR" },
        ],
      });
    };
    await page.clock.advance(1_000);
    expect(page.sent).toHaveLength(2);
    expect(page.sent[1]!.events.map((e) => (e.data.item as typeof mug).productId)).toEqual(["p1"]);
    expect(page.queue.size()).toBe(0);
  });

  it.each([
    ["no word", {}],
    ["events it was not sent", { rejected: [{ index: 99, id: "other", code: "VALIDATION_ERROR" }] }],
    ["no list", { rejected: "all" }],
  ])("never loops on a 400 with %s", async (_, body) => {
    const page = pageWithAdds(3);
    page.answer = () => reply(400, body);
    await page.clock.advance(24 * HOUR);
    expect(page.sent).toHaveLength(1);
    expect(page.queue.size()).toBe(0);
  });

  it("does not send again what a 202 rejected, unless the server was at fault", async () => {
    const page = pageWithAdds(3);
    page.answer = (events) => {
      page.answer = accepted;
      return reply(202, {
        accepted: 1,
        rejected: [
          { index: 0, id: events[0]!.id, code: "VALIDATION_ERROR" },
          { index: 1, id: events[1]!.id, code: "SERVICE_UNAVAILABLE" },
        ],
      });
    };
    await page.clock.advance(10_000);
    expect(page.sent.map((request) => request.events.length)).toEqual([3, 1]);
    expect(page.sent[1]!.events[0]!.id).toBe(page.sent[0]!.events[1]!.id);
  });

  it("halves a batch that is too large, down to the one event", async () => {
    const page = pageWithAdds(8);
    const big = page.queue.batch(8, 1e9)[5]!.id;
    page.answer = (events) => (events.some((e) => e.id === big) ? reply(413, {}) : accepted(events));
    await page.clock.advance(HOUR);
    expect(page.queue.size()).toBe(0);
    expect(page.sent.length).toBeLessThan(12);
  });

  it("waits, and does not hammer, when the key is wrong", async () => {
    const page = pageWithAdds(1);
    page.answer = () => reply(401, {});
    await page.clock.advance(HOUR);
    expect(page.queue.size()).toBe(1);
    expect(page.sent.length).toBeLessThan(30);
  });
});

describe("when the page goes", () => {
  it("hands what is waiting to a beacon once, and confirms it when the page comes back", async () => {
    const page = openPage();
    page.cartwake("view", mug);
    page.transport.hide(); // visibilitychange
    page.transport.hide(); // pagehide
    expect(page.beacons).toHaveLength(1);
    expect(page.queue.size()).toBe(1);
    page.transport.show();
    await page.clock.advance(1_000);
    expect(page.sent[0]!.events[0]!.id).toBe(JSON.parse(page.beacons[0]!).events[0].id);
    expect(page.queue.size()).toBe(0);
  });

  it("does not beacon what a fetch already carries", async () => {
    const page = pageWithAdds(1);
    page.answer = () => new Promise(() => {});
    await page.clock.advance(50);
    page.transport.hide();
    expect(page.beacons).toHaveLength(0);
    page.cartwake("view", mug);
    page.transport.hide();
    expect(JSON.parse(page.beacons[0]!).events).toHaveLength(1);
  });

  it("the next page of the tab sends what the last one could not", async () => {
    const first = openPage();
    first.cartwake("add", mug);
    first.beaconTaken = false;
    first.transport.hide();
    const next = openPage({ local: first.local, session: first.session });
    next.transport.show();
    await next.clock.advance(1_000);
    expect(next.types()).toEqual(["product_added_to_cart"]);
  });

  it("another tab does not send it too", async () => {
    const first = openPage();
    first.cartwake("add", mug);
    const other = openPage({ local: first.local, clock: first.clock });
    other.transport.show();
    await first.clock.advance(5_000);
    expect([first.sent.length, other.sent.length]).toEqual([1, 0]);
  });
});

it("backoff is jittered and bounded", () => {
  expect(backoffMs(1, 0)).toBe(500);
  expect(backoffMs(1, 1)).toBe(1_000);
  expect(backoffMs(1_000, 1)).toBe(300_000);
});

it("Retry-After is read as seconds or as a date, within an hour", () => {
  const now = Date.parse("2026-11-21T10:00:00Z");
  expect(retryAfterMs("120", now)).toBe(120_000);
  expect(retryAfterMs("Sat, 21 Nov 2026 10:00:30 GMT", now)).toBe(30_000);
  expect(retryAfterMs("999999", now)).toBe(HOUR);
  expect(retryAfterMs("soon", now)).toBe(0);
  expect(retryAfterMs(null, now)).toBe(0);
});
