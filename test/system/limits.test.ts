/** Limits of beacons: by network, and by the store's quota. A refused beacon may be sent again, and then counts once. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { event, http, Merchant, type Receipt, until } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

/** What wrangler.toml says of BEACON_RATE. */
const PER_NETWORK = 600;
const QUOTA = 300;

let system: System;
beforeAll(async () => {
  system = await startSystem({ vars: { STORE_EVENTS_PER_MINUTE: String(QUOTA) } });
});
afterAll(async () => {
  expect(unexpectedIn(system.logs())).toEqual([]);
  await system.stop();
});

const post = (merchant: Merchant, address: string | null, events: unknown[]) =>
  http<Receipt>(`${system.url}/v1/events?key=${merchant.account.key}`, {
    method: "POST",
    headers: {
      "content-type": "text/plain",
      origin: "https://shop.example",
      ...(address ? { "cf-connecting-ip": address } : {}),
    },
    body: JSON.stringify({ events }),
  });

interface Answers {
  /** How many of each status. */
  counts: Map<number, number>;
  /** One of the answers that told to wait. */
  refused: Awaited<ReturnType<typeof post>> | undefined;
}

/** How many minutes of the platform's clock have begun by now. */
const minutes = (): number => Math.floor(Date.now() / 60_000);

/**
 * Sends until somebody is told to wait, or `most` were sent within one minute. Empty batches are refused for their content,
 * so whoever sees a 400 was not limited, and nothing is counted.
 */
async function answers(merchant: Merchant, address: string | null, most: number): Promise<Answers> {
  const seen: Answers = { counts: new Map(), refused: undefined };
  let minute = minutes();
  for (let sent = 0; sent < most && !seen.refused; sent += 50) {
    const batch = await Promise.all(Array.from({ length: 50 }, () => post(merchant, address, [])));
    for (const answer of batch) {
      seen.counts.set(answer.status, (seen.counts.get(answer.status) ?? 0) + 1);
      if (answer.status === 429) seen.refused = answer;
    }
    // The count begins anew with each minute.
    if (minutes() !== minute) {
      minute = minutes();
      sent = 0;
    }
  }
  return seen;
}

test.concurrent("a network that sends too many beacons is told to wait; other networks and stores are not", async () => {
  const [one, other] = [await Merchant.register(system.url), await Merchant.register(system.url)];
  const began = minutes();
  const { counts, refused } = await answers(one, "203.0.113.7", 2 * PER_NETWORK);
  const turns = minutes() - began;
  expect([...counts.keys()].sort()).toEqual([400, 429]);
  expect(counts.get(400)).toBeGreaterThanOrEqual(PER_NETWORK);
  expect(counts.get(400)).toBeLessThanOrEqual((1 + turns) * PER_NETWORK);

  if (!refused) throw new Error("nobody was told to wait");
  expectProblem(refused, "TOO_MANY_REQUESTS");
  expect(refused.headers.get("retry-after")).toBe("60");
  expect(refused.headers.get("access-control-allow-origin")).toBe("https://shop.example");
  expect(refused.headers.get("access-control-expose-headers")).toContain("retry-after");
  expect((await post(one, "203.0.113.8", [])).status).toBe(400);
  expect((await post(other, "203.0.113.7", [])).status).toBe(400);
});

test.concurrent("without an edge in front no network is known, and none is limited", async () => {
  const merchant = await Merchant.register(system.url);
  const { counts, refused } = await answers(merchant, null, PER_NETWORK + 100);
  expect([...counts.keys(), refused]).toEqual([400, undefined]);
  expect(counts.get(400)).toBeGreaterThanOrEqual(PER_NETWORK + 100);
});

test.concurrent("a store over its quota is told when to come again, and what was refused counts once when it is resent", async () => {
  const batch = (cart: string, n: number) => Array.from({ length: n }, () => event(cart, "page_viewed"));
  /** Somebody who used up all of the quota within one minute. */
  const greedy = async (): Promise<Merchant> => {
    const merchant = await Merchant.register(system.url);
    const left = 60_000 - (Date.now() % 60_000);
    if (left < 5_000) await new Promise((resolve) => setTimeout(resolve, left + 100));
    const minute = minutes();
    for (let i = 0; i < QUOTA / 100; i++) await merchant.accept(batch(`c-${i}`, 100));
    return minutes() === minute ? merchant : greedy();
  };
  const merchant = await greedy();

  const waiting = batch("c-late", 10);
  const refused = await until("the quota to be noticed", async () => {
    const answer = await post(merchant, null, [waiting[0]]);
    return answer.status === 429 && answer;
  });
  expectProblem(refused, "TOO_MANY_REQUESTS");
  const seconds = Number(refused.headers.get("retry-after"));
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(120);
  expect((await merchant.beacon(waiting)).status).toBe(429);
  // The merchant's own surface is not the shoppers'.
  expect((await merchant.usage()).events.rejected).toBe(0);
  const patched = await merchant.call("PATCH", `/v1/stores/${merchant.account.storeId}`, {
    quota: { eventsPerMinute: 1e9 },
    rateLimits: { apiPerMinute: 50 },
  });
  expect(patched.body).toMatchObject({ rateLimits: { apiPerMinute: 50 } });
  expect(patched.body).not.toHaveProperty("quota");

  await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1_000));
  const accepted = await until(
    "the store to be let in again",
    async () => {
      const answer = await merchant.beacon(waiting);
      return answer.status === 202 && answer.body;
    },
    { within: 150_000, every: 500 },
  );
  expect(accepted.accepted + accepted.duplicates).toBe(10);
  const usage = await until("all of it to be counted", async () => {
    const { events } = await merchant.usage();
    return events.accepted >= QUOTA + 10 && events;
  });
  expect(usage).toMatchObject({ accepted: QUOTA + 10, rejected: 0 });
});
