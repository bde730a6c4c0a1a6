/** What an operator sees of the running system: /metrics, /health, traces in the log; and that it survives kill -9. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import parsePrometheusTextFormat from "parse-prometheus-text-format";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { add, event, http, identify, Merchant, order, until } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type Exposition, readExposition, totalOf } from "../support/promlint.ts";
import { type System, startSystem } from "../support/system.ts";

const TOKEN = "a-token-for-the-scraper";
/** For so long the parts are not asked again. */
const KEPT_MS = 3_000;
let system: System;
let merchant: Merchant;
beforeAll(async () => {
  system = await startSystem({ vars: { METRICS_TOKEN: TOKEN } });
  merchant = await Merchant.register(system.url);
  await merchant.settings({ abandonAfterMinutes: 0.01 });
});
afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
afterAll(() => system?.stop());

const scrape = () => http(`${system.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });

async function metrics(): Promise<Exposition> {
  const { status, text, headers } = await scrape();
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const read = readExposition(text);
  expect(read.errors).toEqual([]);
  return read;
}

const accepted = (read: Exposition) => totalOf(read, "cartwake_beacon_events_total", { outcome: "accepted" });
/** The same, as the meter has it on the disk. */
function written(): number {
  const folder = join(system.state, "do/cartwake-Meter");
  const file = readdirSync(folder).find((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))!;
  const database = new DatabaseSync(join(folder, file), { readOnly: true });
  try {
    const row = database.prepare("SELECT data FROM saved").get() as { data: string } | undefined;
    const { counts } = JSON.parse(row?.data ?? '{"counts":{}}') as { counts: Record<string, number> };
    return counts['["cartwake_beacon_events_total","accepted"]'] ?? 0;
  } finally {
    database.close();
  }
}

interface Health {
  status: string;
  services: Record<
    string,
    { status: string; latencyMs: number; detail?: string; classes?: Record<string, { status: string }> }
  >;
  timestamp: string;
  version: string;
}
const health = (path = "/health") => http<Health>(system.url + path);

test("metrics are only for who has the token", async () => {
  for (const authorization of [undefined, "Bearer", "Bearer wrong", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
    const answer = await http(`${system.url}/metrics`, { headers: authorization ? { authorization } : {} });
    expectProblem(answer, "UNAUTHORIZED");
  }
  expect((await scrape()).status).toBe(200);
});

test("a cart's whole life is counted, each thing once", async () => {
  const before = await metrics();
  const life = [add("life", "mug", "12.30"), identify("life", "ada@shopper.example")];
  await merchant.accept(life);
  await merchant.beacon(life);
  await merchant.beacon([event("life", "page_viewed"), { id: "x", type: "nonsense", cartId: "life" }]);
  await until("the message is sent", async () => (await merchant.cart("life")).deliveries[0]?.status === "sent");
  await merchant.accept([order("life", "o-1", "12.30")]);
  const decisions = ["opened", "abandoned", "messaged", "ordered", "recovered"];
  const counts = (read: Exposition) =>
    decisions.map((decision) => totalOf(read, "cartwake_cart_decisions_total", { decision }));
  const after = await until("all of it is counted", async () => {
    const read = await metrics();
    return counts(read).every((n) => n >= 1) && read;
  });
  expect(counts(after)).toEqual([1, 1, 1, 1, 1]);
  const events = (outcome: string) =>
    totalOf(after, "cartwake_beacon_events_total", { outcome }) -
    totalOf(before, "cartwake_beacon_events_total", { outcome });
  expect([events("accepted"), events("duplicate"), events("rejected")]).toEqual([4, 2, 1]);
  expect(totalOf(after, "cartwake_sends_total", { channel: "email", provider: "outbox", outcome: "sent" })).toBe(1);
  expect(totalOf(after, "cartwake_send_duration_seconds_count", { provider: "outbox" })).toBe(1);
  expect(totalOf(after, "cartwake_queue_message_age_seconds_count", { queue: "events" })).toBeGreaterThan(0);
  expect(totalOf(after, "cartwake_queue_message_age_seconds_count", { queue: "interventions" })).toBeGreaterThan(0);
  expect(totalOf(after, "cartwake_build_info")).toBe(1);
});

test("labels are patterns and words of our own: no path, no id, nothing a client chose", async () => {
  const odd = `odd-${Date.now()}`;
  await Promise.all(
    [`/v1/carts/${odd}`, `/r/${odd}`, `/${odd}/a/b`, `/v1/deliveries/${odd}?x=${odd}`].map((path) =>
      merchant.call("GET", path),
    ),
  );
  await http(`${system.url}/v1/carts`, { method: "PROPFIND" });
  const { text } = await scrape();
  expect(readExposition(text).errors).toEqual([]);
  for (const secret of [odd, merchant.account.storeId, merchant.account.key, "PROPFIND", "ada@", "life"])
    expect(text).not.toContain(secret);
  const routes = parsePrometheusTextFormat(text)
    .find((f) => f.name === "cartwake_http_requests_total")
    ?.metrics.map((m) => m.labels?.route);
  expect(routes).toEqual(
    expect.arrayContaining(["/v1/carts/:id", "/r/:token", "/v1/deliveries/:id", "(none)", "/v1/events", "/metrics"]),
  );
});

test("requests are counted exactly, with their classes of status and their times", async () => {
  const hits = (read: Exposition, status: string) =>
    totalOf(read, "cartwake_http_requests_total", { route: "/v1/carts/:id", status });
  const before = await metrics();
  await Promise.all(Array.from({ length: 40 }, () => merchant.call("GET", "/v1/carts/life")));
  await Promise.all(Array.from({ length: 7 }, (_, i) => merchant.call("GET", `/v1/carts/none-${i}`)));
  const after = await metrics();
  expect([hits(after, "2xx") - hits(before, "2xx"), hits(after, "4xx") - hits(before, "4xx")]).toEqual([40, 7]);
  const timed = (read: Exposition) =>
    totalOf(read, "cartwake_http_request_duration_seconds_count", { route: "/v1/carts/:id" });
  expect(timed(after) - timed(before)).toBe(47);
});

test("health names every part, and asks it", async () => {
  const began = Date.now();
  const { status, body } = await health();
  expect([status, body.status, body.version]).toEqual([200, "healthy", "0.1.0"]);
  expect(Date.parse(body.timestamp)).toBeGreaterThanOrEqual(began - KEPT_MS);
  expect(Date.parse(body.timestamp)).toBeLessThanOrEqual(Date.now());
  expect(Object.keys(body.services).sort()).toEqual(
    ["actors", "aiEngine", "databases", "ingestion", "intervention", "prediction", "providers", "queues"].sort(),
  );
  for (const service of Object.values(body.services)) {
    expect(service.status).toBe("healthy");
    expect(service.latencyMs).toBeGreaterThanOrEqual(0);
  }
  expect(Object.keys(body.services.actors?.classes ?? {})).toEqual(
    expect.arrayContaining(["Cart", "Store", "Shopper", "Keyring", "Room", "Meter", "Breaker"]),
  );
  expect(body.services.aiEngine?.detail).toMatch(/not configured/);
  expect((await health("/health/ready")).status).toBe(200);
  expect((await health("/health/live")).body.status).toBe("healthy");
});

test("the queue is probed through its consumer", async () => {
  const seen = await until(
    "a probe came out",
    async () => {
      const { detail } = (await health()).body.services.queues ?? {};
      return detail?.includes("took") && detail;
    },
    { every: 500 },
  );
  expect(seen).toMatch(/took \d+ ms through events$/);
});

test("asking for health often asks nobody", async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => health()));
  const asked = [...new Set(answers.map((a) => Date.parse(a.body.timestamp)))].sort((a, b) => a - b);
  for (const [i, at] of asked.entries()) if (i > 0) expect(at - asked[i - 1]!).toBeGreaterThanOrEqual(KEPT_MS);
  expect(asked.length).toBeLessThan(answers.length / 5);
});

test("a trace is found in the log from the beacon to the provider", async () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";
  await http(`${system.url}/v1/events?key=${merchant.account.key}`, {
    method: "POST",
    headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` },
    body: JSON.stringify({ events: [add("traced", "mug", "1.00"), identify("traced", "grace@shopper.example")] }),
  });
  await until("the message is sent", async () => (await merchant.cart("traced")).deliveries[0]?.status === "sent");
  const lines = () =>
    system
      .logs()
      .split("\n")
      .filter((line) => line.includes(trace))
      .map((line) => (JSON.parse(line.slice(line.indexOf("{"))) as { event: string }).event);
  await until("all lines are there", async () => lines().includes("intervention") && lines().includes("news_applied"));
  expect(system.logs()).not.toContain("grace@shopper.example");
});

test("what was written down survives kill -9, nothing is counted twice, and under load no more than the last is lost", async () => {
  const cart = `killed-${Date.now()}`;
  for (let i = 0; i < 10; i++) await merchant.accept([event(cart, "page_viewed"), event(cart, "page_viewed")]);
  const before = accepted(await metrics());
  await until("the meter wrote it", async () => written() === before);
  await system.kill9();
  await system.restart();
  expect(accepted(await metrics())).toBe(before);
  await merchant.accept([event(cart, "page_viewed")]);
  expect(accepted(await metrics())).toBe(before + 1);
  expect(totalOf(await metrics(), "cartwake_cart_decisions_total", { decision: "recovered" })).toBe(1);

  let sent = 0;
  let stopped = false;
  const load = (async () => {
    for (; !stopped; sent++) await merchant.accept([event(cart, "page_viewed")]);
  })();
  // Nobody reads the metrics meanwhile: isolates hand over, and the meter writes, by themselves.
  const old = await until("the meter wrote some of the load", async () => written() > before + 10 && written(), {
    every: 50,
  });
  stopped = true;
  await load;
  await system.kill9();
  await system.restart();
  const kept = accepted(await metrics()) - before - 1;
  console.log(JSON.stringify({ sent, kept, "written before": old - before - 1 }));
  expect(kept).toBeGreaterThanOrEqual(old - before - 1);
  expect(kept).toBeLessThanOrEqual(sent);
});
