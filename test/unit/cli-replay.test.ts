import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { type Clickstream, collect } from "../../workers/cli/replay/events.ts";
import { generated } from "../../workers/cli/replay/generated.ts";
import { readNdjson } from "../../workers/cli/replay/ndjson.ts";
import { parseTime, readRees46, splitCsv } from "../../workers/cli/replay/rees46.ts";
import { replay } from "../../workers/cli/replay/replay.ts";
import { schedule } from "../../workers/cli/replay/schedule.ts";
import { readRetryAfter } from "../../workers/cli/replay/send.ts";
import { percentile } from "../../workers/cli/replay/summary.ts";
import { readStream } from "../../workers/cli/simulate.ts";

const HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session";
const CSV = [
  HEADER,
  "2019-10-01 00:00:00 UTC,view,1004237,2053013555631882655,electronics.smartphone,apple,1081.98,535871217,s-1",
  "2019-10-01 00:00:00 UTC,cart,1004237,2053013555631882655,electronics.smartphone,apple,1081.98,535871217,s-1",
  "2019-10-01 00:00:00 UTC,cart,1004237,2053013555631882655,electronics.smartphone,apple,1081.98,535871217,s-1",
  "2019-10-01 00:01:00 UTC,purchase,1004237,2053013555631882655,electronics.smartphone,apple,1081.98,535871217,s-1",
  "2019-10-01 00:02:00 UTC,view,3900821,2053013552326770905,,,33.20,554748717,s-2",
  "2019-10-01 00:02:00 UTC,view,3900821,2053013552326770905,,,33.20,554748717,",
  "2019-10-01 00:02:00 UTC,wishlist,3900821,2053013552326770905,,,33.20,554748717,s-2",
  "2019-10-01 00:02:00 UTC,view,3900821,2053013552326770905,,,free,554748717,s-2",
  "today,view,3900821,2053013552326770905,,,33.20,554748717,s-2",
  "2019-10-01 00:02:00 UTC,view",
];

const ndjson = (...events: unknown[]): string[] => events.map((event) => JSON.stringify(event));
const event = (id: string | undefined, cartId: string, second: number) => ({
  id,
  type: "page_viewed",
  version: 1,
  occurredAt: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(),
  cartId,
  visitorId: "v",
  sessionId: "s",
  data: {},
});

describe("a REES46 file", () => {
  it("becomes API events: one session is one cart, one purchase row one order", async () => {
    const { events } = await collect(readRees46(CSV));
    expect(events.map(({ session, body }) => [session, body.type])).toEqual([
      ["s-1", "product_viewed"],
      ["s-1", "product_added_to_cart"],
      ["s-1", "product_added_to_cart"],
      ["s-1", "checkout_completed"],
      ["s-2", "product_viewed"],
    ]);
    const item = {
      productId: "1004237",
      name: "apple smartphone 1004237",
      price: "1081.98",
      currency: "USD",
      quantity: 1,
      category: "electronics.smartphone",
    };
    expect(events[1]!.body).toEqual({
      type: "product_added_to_cart",
      version: 1,
      cartId: "s-1",
      visitorId: "535871217",
      sessionId: "s-1",
      data: { item },
    });
    expect(events[3]!.body.data).toEqual({
      order: { id: expect.stringMatching(/^order_/), total: "1081.98", currency: "USD", items: [item] },
    });
  });

  it("counts every row that it cannot use, by reason", async () => {
    const { skipped } = await collect(readRees46(CSV));
    expect(skipped).toEqual({
      "no session": 1,
      "unknown event type wishlist": 1,
      "unreadable price": 1,
      "unreadable time": 1,
      "wrong number of columns": 1,
    });
  });

  it("gives the same ids at every reading, and equal rows ids of their own", async () => {
    const first = await collect(readRees46(CSV));
    const second = await collect(readRees46(CSV.map((line) => `${line}\r`)));
    expect(second.events.map(({ id }) => id)).toEqual(first.events.map(({ id }) => id));
    expect(new Set(first.events.map(({ id }) => id)).size).toBe(first.events.length);
  });

  it("without its columns is refused", async () => {
    await expect(collect(readRees46(["a,b", "1,2"]))).rejects.toThrow("not a REES46 file");
  });

  it.each([
    ["a,b,,c", ["a", "b", "", "c"]],
    ['"a,b",c', ["a,b", "c"]],
    ['a,"say ""hi""",', ["a", 'say "hi"', ""]],
    [',"x"', ["", "x"]],
  ])("splits %s", (line, fields) => expect(splitCsv(line)).toEqual(fields));

  it.each([
    ["2019-10-01 00:00:04 UTC", Date.UTC(2019, 9, 1, 0, 0, 4)],
    ["2019-10-01T00:00:04Z", Date.UTC(2019, 9, 1, 0, 0, 4)],
    ["2019-13-01 00:00:04 UTC", null],
    ["yesterday", null],
  ])("reads the time %s", (text, ms) => expect(parseTime(text)).toBe(ms));
});

describe("an NDJSON file", () => {
  it("keeps the ids it has and derives the others of the content", async () => {
    const lines = ndjson(event("e-1", "c-1", 1), event(undefined, "c-1", 2), event(undefined, "c-1", 2));
    const { events } = await collect(readNdjson(lines));
    expect(events[0]!.id).toBe("e-1");
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
    expect((await collect(readNdjson(lines))).events).toEqual(events);
  });

  it("counts lines that are no events", async () => {
    const lines = ["{", "[]", "", '{"cartId":"c"}', '{"occurredAt":"2026-01-01T00:00:00Z"}'];
    const { events, skipped } = await collect(readNdjson(lines));
    expect(events).toEqual([]);
    expect(skipped).toEqual({ "not a JSON object": 2, "no readable occurredAt": 1, "no cartId": 1 });
  });

  it("is read gzipped as well as plain, up to a limit", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cartwake-replay-"));
    try {
      const text = ndjson(event("e-1", "c-1", 1), event("e-2", "c-1", 2), event("e-3", "c-1", 3)).join("\n");
      writeFileSync(join(folder, "plain"), text);
      writeFileSync(join(folder, "packed"), gzipSync(text));
      const plain = await readStream({ file: join(folder, "plain") });
      expect(plain.events).toHaveLength(3);
      expect(await readStream({ file: join(folder, "packed") })).toEqual(plain);
      expect((await readStream({ file: join(folder, "packed") }, 2)).events).toHaveLength(2);
      writeFileSync(join(folder, "cut"), gzipSync(text).subarray(0, 40));
      await expect(readStream({ file: join(folder, "cut") })).rejects.toThrow("cannot read");
      await expect(readStream({ file: join(folder, "none") })).rejects.toThrow("there is no file");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the schedule", () => {
  const now = Date.UTC(2026, 10, 21);
  const stream = async () =>
    (
      await collect(
        readNdjson(
          ndjson(
            event("b1", "b", 5),
            event("a2", "a", 10),
            event("a1", "a", 0),
            event("a3", "a", 10),
            event("b2", "b", 20),
          ),
        ),
      )
    ).events;

  it("moves the last event to now, keeps the intervals, and the order of events of the same instant", async () => {
    const beacons = schedule(await stream(), { now, speedup: 1, live: false }, { batch: 10 });
    expect(beacons.map(({ events }) => events.map(({ id }) => id))).toEqual([
      ["a1", "a2", "a3"],
      ["b1", "b2"],
    ]);
    const at = Object.fromEntries(
      beacons.flatMap(({ events }) => events.map(({ id, occurredAt }) => [id, now - Date.parse(occurredAt as string)])),
    );
    expect(at).toEqual({ a1: 20_000, a2: 10_001, a3: 10_000, b1: 15_000, b2: 0 });
  });

  it("gathers at most a batch, and never two sessions, in a beacon", async () => {
    const beacons = schedule(await stream(), { now, speedup: 1, live: false }, { batch: 2 });
    expect(beacons.map(({ events }) => events.map(({ id }) => id))).toEqual([["a1", "a2"], ["b1", "b2"], ["a3"]]);
  });

  it("live, spreads the events over the time to come, faster by the speed-up", async () => {
    const beacons = schedule(await stream(), { now, speedup: 10, live: true }, { batch: 10 });
    expect(beacons.map(({ at, events }) => [at - now, events.map(({ id }) => id)])).toEqual([
      [0, ["a1"]],
      [500, ["b1"]],
      [1_001, ["a2", "a3"]],
      [2_000, ["b2"]],
    ]);
  });

  it("shuffled, is another order of the same events, the same for the same seed", async () => {
    const many = (await collect(generated(1, 20))).events;
    const timing = { now, speedup: 1, live: false };
    const plain = schedule(many, timing, { batch: 5 }).flatMap(({ events }) => events);
    const mixed = schedule(many, timing, { batch: 5, shuffle: 7 }).flatMap(({ events }) => events);
    expect(mixed).not.toEqual(plain);
    expect(schedule(many, timing, { batch: 5, shuffle: 7 }).flatMap(({ events }) => events)).toEqual(mixed);
    const byId = (a: Record<string, unknown>, b: Record<string, unknown>) => String(a.id).localeCompare(String(b.id));
    expect(mixed.toSorted(byId)).toEqual(plain.toSorted(byId));
  });
});

describe("a replay", () => {
  let server: Server | null = null;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = null;
  });

  interface Seen {
    ids: Set<string>;
    requests: { id: string; cartId: string; occurredAt: string }[][];
  }

  /** A server that deduplicates by id; `answer` may take a request over, by its number, counted from 0. */
  async function listen(answer: (n: number) => [number, string, Record<string, string>?] | "cut" | null) {
    const seen: Seen = { ids: new Set(), requests: [] };
    server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const { events } = JSON.parse(body) as { events: Seen["requests"][number] };
      const special = answer(seen.requests.push(events) - 1);
      const fresh = Array.isArray(special) ? [] : events.filter(({ id }) => !seen.ids.has(id));
      for (const { id } of fresh) seen.ids.add(id);
      if (special === "cut") return void response.destroy();
      if (special) return void response.writeHead(special[0], special[2]).end(special[1]);
      const counts = { accepted: fresh.length, duplicates: events.length - fresh.length, rejected: [] };
      response.writeHead(202).end(JSON.stringify(counts));
    });
    await new Promise<void>((ready) => server!.listen(0, "127.0.0.1", ready));
    return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  const stream = (): Promise<Clickstream> => collect(generated(3, 12));

  it("sends every event once, each session's in order; a second run is duplicates only", async () => {
    const { seen, url } = await listen(() => null);
    const clicks = await stream();
    const first = await replay(clicks, { url, key: "k", batch: 4 });
    expect(first).toMatchObject({ events: clicks.events.length, accepted: clicks.events.length, complete: true });
    expect(first).toMatchObject({ sessions: 12, duplicates: 0, rejected: 0, failed: 0, retries: 0 });
    for (const events of seen.requests) {
      expect(events.length).toBeLessThanOrEqual(4);
      expect(new Set(events.map(({ cartId }) => cartId)).size).toBe(1);
    }
    for (const cart of new Set(clicks.events.map(({ session }) => session))) {
      const times = seen.requests.flat().filter(({ cartId }) => cartId === cart);
      expect(times.map(({ occurredAt }) => occurredAt)).toEqual(times.map(({ occurredAt }) => occurredAt).toSorted());
    }
    expect(await replay(clicks, { url, key: "k" })).toMatchObject({ accepted: 0, duplicates: clicks.events.length });
  });

  it("tries again with the same ids after a 503, a 429, a cut connection and a passing rejection", async () => {
    const passing = { index: 0, id: null, code: "SERVICE_UNAVAILABLE", message: "later" };
    const { seen, url } = await listen((n) => {
      if (n === 0) return [503, "{}"];
      if (n === 1) return [429, "{}", { "retry-after": "0" }];
      if (n === 2) return "cut";
      if (n === 3) return [202, JSON.stringify({ accepted: 0, duplicates: 0, rejected: [passing] })];
      return null;
    });
    const clicks = { events: (await stream()).events.slice(0, 1), skipped: {} };
    const summary = await replay(clicks, { url, key: "k", concurrency: 1 });
    // The cut request had arrived: the try after it finds a duplicate.
    expect(summary).toMatchObject({ accepted: 0, duplicates: 1, rejected: 0, failed: 0, retries: 4, complete: true });
    expect(new Set(seen.requests.flat().map(({ id }) => id)).size).toBe(1);
  });

  it("reports what was rejected, and is incomplete when events get no answer", async () => {
    const rejected = [{ index: 0, id: "x", code: "VALIDATION_ERROR", message: "no" }];
    const { url } = await listen((n) =>
      n === 0 ? [202, JSON.stringify({ accepted: 0, duplicates: 0, rejected })] : [400, '{"code":"VALIDATION_ERROR"}'],
    );
    const clicks = { events: (await stream()).events.slice(0, 2), skipped: { why: 2 } };
    const summary = await replay(clicks, { url, key: "k", batch: 1, concurrency: 1 });
    expect(summary).toMatchObject({ rejected: 1, failed: 1, skipped: 2, complete: false });
    expect(summary.rejectedBy).toEqual({ "VALIDATION_ERROR no": 1 });
  });

  it("halves a beacon that is too large", async () => {
    const { seen, url } = await listen((n) => (n === 0 ? [413, "{}"] : null));
    const { events } = await stream();
    const clicks = { events: events.filter(({ session }) => session === events[0]!.session).slice(0, 4), skipped: {} };
    expect(await replay(clicks, { url, key: "k" })).toMatchObject({ accepted: clicks.events.length, complete: true });
    expect(seen.requests).toHaveLength(3);
  });

  it("stops at once when the key is refused", async () => {
    const { seen, url } = await listen(() => [401, "{}"]);
    await expect(replay(await stream(), { url, key: "bad", concurrency: 2 })).rejects.toThrow("refuses the key");
    expect(seen.requests.length).toBeLessThanOrEqual(3);
  });

  it("keeps to the rate", async () => {
    const { url } = await listen(() => null);
    const clicks = { events: (await stream()).events.slice(0, 30), skipped: {} };
    const { seconds } = await replay(clicks, { url, key: "k", batch: 1, rate: 100 });
    expect(seconds).toBeGreaterThan(0.25);
  });
});

it.each([
  [null, 0],
  ["2", 2_000],
  ["9999", 60_000],
  ["Thu, 01 Jan 2026 00:00:03 GMT", 3_000],
  ["soon", 0],
])("Retry-After %s is %i ms", (header, ms) => expect(readRetryAfter(header, Date.UTC(2026, 0, 1))).toBe(ms));

it("takes percentiles by the nearest rank", () => {
  const values = Array.from({ length: 100 }, (_, i) => i + 1);
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile([7], 0.5), percentile([], 0.5)]).toEqual([
    50, 99, 7, 0,
  ]);
});
