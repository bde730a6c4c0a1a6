/** The limits that API.md promises, at their boundary, under many callers at once. */
import { readdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Answer, http, Merchant } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

const CALLERS = 50;

let system: System;
beforeAll(async () => {
  system = await startSystem({ vars: { RATE_LIMITS: "global=1000 auth=10 api=600" } });
});
afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
afterAll(() => system?.stop());

/** `count` calls by `CALLERS` at once, each calling again as soon as it is answered. */
async function flood<T>(count: number, call: () => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  let left = count;
  const caller = async () => {
    while (left-- > 0) answers.push(await call());
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return answers;
}

const remaining = (answer: Answer<unknown>): number => Number(answer.headers.get("x-ratelimit-remaining"));

/** Exactly `limit` pass, each with its own place; who is refused is told when to come back. */
function expectBoundary(answers: Answer<unknown>[], limit: number, passes: number, began: number): void {
  const passed = answers.filter((answer) => answer.status !== 429);
  expect(passed.map((answer) => answer.status)).toEqual(passed.map(() => passes));
  expect(passed.map(remaining).sort((a, b) => a - b)).toEqual(Array.from({ length: limit }, (_, place) => place));
  for (const answer of answers) {
    expect(answer.headers.get("x-ratelimit-limit")).toBe(String(limit));
    expect(Number(answer.headers.get("x-ratelimit-reset")) * 1000).toBeGreaterThanOrEqual(began);
    expect(answer.headers.has("retry-after")).toBe(answer.status === 429);
    if (answer.status !== 429) continue;
    expectProblem(answer, "TOO_MANY_REQUESTS");
    const wait = Number(answer.headers.get("retry-after"));
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(wait).toBeLessThanOrEqual(60);
  }
}

const login = (email: string, password: string, address: string) =>
  http(`${system.url}/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json", "cf-connecting-ip": address },
    body: JSON.stringify({ email, password }),
  });

test("a user has 600 calls a minute: of 650 by 50 callers at once exactly 600 pass; another user is not concerned", async () => {
  const [one, other] = [await Merchant.register(system.url), await Merchant.register(system.url)];
  const began = Date.now();
  const answers = await flood(650, () => one.call("GET", "/auth/me"));
  expectBoundary(answers, 600, 200, began);
  const free = await other.call("GET", "/auth/me");
  expect([free.status, remaining(free)]).toEqual([200, 599]);
});

test("a store's own limit counts instead, for its keys as well", async () => {
  const merchant = await Merchant.register(system.url);
  await merchant.settings({ rateLimits: { apiPerMinute: 20 } });
  await merchant.useSecretKey();
  const began = Date.now();
  expectBoundary(await flood(60, () => merchant.call("GET", "/v1/stores")), 20, 200, began);
});

test("an address that does not say who it is has 1,000 calls a minute; nonsense for a credential is not saying it", async () => {
  const ask = (address: string, authorization?: string) =>
    http(`${system.url}${authorization ? "/v1/carts" : "/.well-known/jwks.json"}`, {
      headers: { "cf-connecting-ip": address, ...(authorization ? { authorization } : {}) },
    });
  const began = Date.now();
  expectBoundary(await flood(1_050, () => ask("203.0.113.1")), 1000, 200, began);
  expectBoundary(await flood(1_050, () => ask("203.0.113.2", "Bearer nonsense")), 1000, 401, began);
  expect((await ask("203.0.113.3")).status).toBe(200);
});

test("after ten attempts at an account its network is shut out of it for a quarter of an hour, even with the right password", async () => {
  const { email, password } = (await Merchant.register(system.url)).account;
  const from = "203.0.113.10";
  const began = Date.now();
  const answers = await flood(60, () => login(email, `${password}!`, from));
  const tried = answers.filter((answer) => answer.status !== 429);
  expect(tried.map((answer) => answer.status)).toEqual(Array.from({ length: 10 }, () => 401));
  for (const answer of answers.filter((a) => a.status === 429)) {
    expectProblem(answer, "TOO_MANY_REQUESTS");
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(900 - (Date.now() - began) / 1_000);
    expect(Number(answer.headers.get("retry-after"))).toBeLessThanOrEqual(900);
  }
  expectProblem(await login(email, password, from), "TOO_MANY_REQUESTS");
});

test("ten failures over many accounts shut a network out of all of them, and no other network", async () => {
  const { email, password } = (await Merchant.register(system.url)).account;
  const from = "203.0.113.20";
  for (let i = 0; i < 5; i++) expect((await login(email, password, from)).status).toBe(200);
  for (let i = 0; i < 10; i++)
    expectProblem(await login(`nobody-${i}@merchant.example`, "guess", from), "UNAUTHORIZED");
  expectProblem(await login("nobody-11@merchant.example", "guess", from), "TOO_MANY_REQUESTS");
  expectProblem(await login(email, password, from), "TOO_MANY_REQUESTS");
  expect((await login(email, password, "203.0.113.21")).status).toBe(200);
});

test("a network that is shut out makes no limiter for each account it thinks of", async () => {
  const from = "203.0.113.30";
  const limiters = () =>
    readdirSync(system.state, { recursive: true, encoding: "utf8" }).filter((file) => /limiter.*\.sqlite$/i.test(file));
  for (let i = 0; i < 11; i++) await login(`nobody-${i}@merchant.example`, "guess", from);
  const before = limiters().length;
  expect(before).toBeGreaterThan(10);
  for (let i = 0; i < 10; i++)
    expectProblem(await login(`somebody-${i}@merchant.example`, "guess", from), "TOO_MANY_REQUESTS");
  expect(limiters()).toHaveLength(before);
});

test("attempts at an account that is closed to the network do not close the others", async () => {
  const { email, password } = (await Merchant.register(system.url)).account;
  const closed = (await Merchant.register(system.url)).account;
  const from = "203.0.113.40";
  for (let i = 0; i < 10; i++) expect((await login(closed.email, closed.password, from)).status).toBe(200);
  for (let i = 0; i < 15; i++) expectProblem(await login(closed.email, "guess", from), "TOO_MANY_REQUESTS");
  expect((await login(email, password, from)).status).toBe(200);
});
