/** An SMTP server that is down while carts are left: nothing is lost, nothing is sent twice. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { add, http, identify, Merchant, until } from "../support/merchant.ts";
import { reservePort } from "../support/ports.ts";
import { unexpectedIn } from "../support/problems.ts";
import { readExposition, totalOf } from "../support/promlint.ts";
import { MailServer } from "../support/smtp.ts";
import { type System, startSystem } from "../support/system.ts";

const CARTS = 12;
/** For so long a circuit is open at least. */
const OPEN_MS = 30_000;

let system: System;
let server: MailServer;
let merchant: Merchant;
beforeAll(async () => {
  server = new MailServer(await reservePort());
  system = await startSystem({ vars: { EMAIL_PROVIDER: "smtp", SMTP_URL: server.url } });
  merchant = await Merchant.register(system.url);
  await merchant.settings({ abandonAfterMinutes: 0.005 });
});
afterAll(async () => {
  await system?.stop();
  await server?.stop();
});

const shopper = (i: number): string => `shopper-${i}@shopper.example`;
const deliveriesOf = async (i: number) => (await merchant.cart(`cart-${i}`)).deliveries;
const all = <T>(work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: CARTS }, (_, i) => work(i)));

test("the circuit opens, health says so, and the provider's return sends every message once", async () => {
  const began = Date.now();
  for (let i = 0; i < CARTS; i++) {
    await merchant.accept([add(`cart-${i}`, "mug", "12.30"), identify(`cart-${i}`, shopper(i))]);
    // One after another: what comes after the fifth failure finds the circuit open.
    await until(`cart ${i} was tried or held`, async () => (await deliveriesOf(i))[0]?.statusHistory.at(-1)?.reason);
  }
  const waiting = (await all(deliveriesOf)).flat();
  expect(waiting).toHaveLength(CARTS);
  for (const { status } of waiting) expect(["scheduled", "claimed"]).toContain(status);
  // Five failures open the circuit; then one probe at most is tried in half a minute.
  const held = waiting.filter((d) => d.statusHistory.every(({ status }) => status !== "claimed"));
  expect(held.length).toBeGreaterThanOrEqual(CARTS - 6 - Math.floor((Date.now() - began) / OPEN_MS));
  expect(held.length).toBeGreaterThan(0);
  for (const { statusHistory } of held) expect(statusHistory.at(-1)?.reason).toBe("provider_unavailable");
  const ill = await until("health knows", async () => {
    const answer = await http<{ status: string; services: { providers: { detail: string } } }>(`${system.url}/health`);
    return answer.body.status === "degraded" && answer;
  });
  expect([ill.status, ill.body.services.providers.detail]).toEqual([200, expect.stringMatching(/^smtp: 1 /)]);
  expect((await http(`${system.url}/health/ready`)).status).toBe(200);

  await server.start();
  await all((i) =>
    until(`cart ${i} got its mail`, async () => (await deliveriesOf(i))[0]?.status === "sent", { within: 240_000 }),
  );
  expect(server.received.flatMap((r) => r.to).sort()).toEqual(
    Array.from({ length: CARTS }, (_, i) => shopper(i)).sort(),
  );
  const { text } = await http(`${system.url}/metrics`);
  const read = readExposition(text);
  expect(read.errors).toEqual([]);
  const moved = (to: string) => totalOf(read, "cartwake_breaker_transitions_total", { provider: "smtp", to });
  expect([moved("open") >= 1, moved("half_open") >= 1, moved("closed")]).toEqual([true, true, 1]);
  expect(totalOf(read, "cartwake_breakers")).toBe(0);
  expect(totalOf(read, "cartwake_sends_total", { provider: "smtp", outcome: "sent" })).toBe(CARTS);
  expect(totalOf(read, "cartwake_dead_letters_total")).toBe(0);
  expect(unexpectedIn(system.logs())).toEqual([]);
});
