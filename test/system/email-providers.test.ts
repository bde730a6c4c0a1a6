/** Stores with providers of their own: recovery mails by each, failover in order, and what is never sent again. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { CartDeliveryView, DeliveryStatus } from "../../shared/views.ts";
import { add, identify, Merchant, until } from "../support/merchant.ts";
import { unexpectedIn } from "../support/problems.ts";
import { PROVIDERS, type Provider } from "../support/providers/index.ts";
import type { ProviderServer } from "../support/providers/server.ts";
import { type System, startSystem } from "../support/system.ts";

interface ProviderView {
  id: string;
  kind: string;
  position: number;
  hint: string;
  version: number;
  enabled: boolean;
  settings: Record<string, unknown>;
}

/** The first retry of the ledger comes after this. */
const RETRY_MS = 30_000;
/** For so long a circuit is open at least. */
const OPEN_MS = 30_000;
const NOWHERE = "http://127.0.0.1:9";

vi.setConfig({ maxConcurrency: 20 });

let system: System;
const servers: ProviderServer[] = [];

beforeAll(async () => {
  system = await startSystem();
});
afterAll(async () => {
  await system?.stop();
  for (const server of servers) await server.stop();
});

const kindOf = (kind: string): Provider => PROVIDERS.find((provider) => provider.kind === kind)!;

async function serverOf(kind: string): Promise<ProviderServer> {
  const server = await kindOf(kind).server().start();
  servers.push(server);
  return server;
}

/** A store whose carts are left at once, with these providers in this order; an endpoint each. */
async function storeWith(...providers: [kind: string, endpoint: string][]): Promise<Merchant> {
  const merchant = await Merchant.register(system.url, { name: "Kiln & Co" });
  await merchant.settings({ abandonAfterMinutes: 0.005 });
  for (const [kind, endpoint] of providers) await added(merchant, kindOf(kind).setup(endpoint));
  return merchant;
}

async function added(merchant: Merchant, body: unknown): Promise<ProviderView> {
  const answer = await merchant.call<ProviderView>("POST", "/v1/providers", body);
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
}

async function leave(merchant: Merchant, cartId: string, to: string): Promise<string> {
  await merchant.accept([add(cartId, "mug", "12.30", 2), identify(cartId, to, "Ada")]);
  return cartId;
}

const deliveryOf = (merchant: Merchant, cartId: string, status: DeliveryStatus, within = 120_000) =>
  until<CartDeliveryView>(
    `${cartId}: ${status}`,
    async () => {
      const [delivery] = (await merchant.cart(cartId)).deliveries;
      return delivery?.status === status && delivery.statusHistory.length > 1 && delivery;
    },
    { within },
  );

const indexed = (merchant: Merchant, cartId: string, status: DeliveryStatus) =>
  until("it is indexed", async () => (await merchant.deliveries(`&cartId=${cartId}&status=${status}`))[0]);

describe.concurrent("a recovery mail", () => {
  test.each(PROVIDERS)("goes by $kind, whole, with one-click unsubscribing", async ({ kind }) => {
    const server = await serverOf(kind);
    const merchant = await storeWith([kind, server.url]);
    const to = `ada@${kind}.example`;
    const cartId = await leave(merchant, `by-${kind}`, to);
    const { id } = await deliveryOf(merchant, cartId, "sent");
    expect((await indexed(merchant, cartId, "sent")).provider).toBe(kind);
    expect(server.misused).toEqual([]);
    const [mail, ...more] = server.to(to);
    expect(more).toEqual([]);
    expect(mail).toMatchObject({ deliveryId: id, from: expect.stringContaining("Kiln & Co") });
    const link = /^<(http:\/\/127\.0\.0\.1:\d+\/u\/[\w.-]+)>$/.exec(mail?.headers["list-unsubscribe"] ?? "")?.[1];
    expect(mail?.headers["list-unsubscribe-post"]).toBe("List-Unsubscribe=One-Click");
    for (const part of [mail?.html, mail?.text]) expect(part).toContain(link);
    expect(mail?.asked.headers.traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-\d\d$/);
    const { items } = await merchant.timeline(cartId);
    expect(JSON.stringify(items)).toMatch(new RegExp(`Sent by ${kind} as <?${mail?.id}`));
  });

  test("goes no faster than its provider takes: the rest waits, or goes by the next one", async () => {
    const [slow, next] = [await serverOf("postmark"), await serverOf("resend")];
    const paced = (server: ProviderServer, maxPerMinute: number) => {
      const setup = kindOf("postmark").setup(server.url);
      return { ...setup, settings: { ...setup.settings, maxPerMinute } };
    };
    const waits = await storeWith();
    await added(waits, paced(slow, 30));
    const carts = await Promise.all([1, 2, 3].map((n) => leave(waits, `paced-${n}`, `paced-${n}@shopper.example`)));
    for (const cart of carts) await deliveryOf(waits, cart, "sent");
    const histories = (await Promise.all(carts.map((cart) => waits.cart(cart)))).map(
      (c) => c.deliveries[0]!.statusHistory,
    );
    const timesOf = (status: DeliveryStatus) =>
      histories.map((h) => Date.parse(h.find((e) => e.status === status)!.at)).sort((a, b) => a - b);
    // Calls begin two seconds apart; what is told is their end, and the first of them may take long.
    const [first] = timesOf("scheduled");
    for (const [i, at] of timesOf("sent").entries()) expect(at - first!).toBeGreaterThanOrEqual(2_000 * i);
    expect(histories.flat().filter((h) => h.reason === "provider_rate").length).toBeGreaterThanOrEqual(2);

    const overflows = await storeWith();
    await added(overflows, paced(slow, 1));
    await added(overflows, kindOf("resend").setup(next.url));
    const two = await Promise.all([1, 2].map((n) => leave(overflows, `over-${n}`, `over-${n}@shopper.example`)));
    for (const cart of two) await deliveryOf(overflows, cart, "sent");
    const by = async (cart: string) => (await indexed(overflows, cart, "sent"))?.provider;
    expect((await Promise.all(two.map(by))).sort()).toEqual(["postmark", "resend"]);
  });

  test("is tried out by the provider that will send it", async () => {
    const server = await serverOf("postmark");
    const merchant = await storeWith(["postmark", server.url]);
    const { body } = await merchant.call<{ id: string }>("POST", "/v1/templates", { from: "reminder" });
    const tested = await merchant.call("POST", `/v1/templates/${body.id}/test`, { to: "me@merchant.example" });
    expect(tested.status, tested.text).toBe(202);
    const mail = await until("the test mail", async () => server.to("me@merchant.example")[0]);
    expect(mail.from).toContain("Kiln & Co");
    expect(mail.subject).toMatch(/^\[Test\] /);
    expect(server.misused).toEqual([]);
  });

  test("goes by the deployment's own provider while the store's are not enabled", async () => {
    const merchant = await storeWith();
    await added(merchant, { ...kindOf("sendgrid").setup(NOWHERE), enabled: false });
    const cartId = await leave(merchant, "none", "none@shopper.example");
    await deliveryOf(merchant, cartId, "sent");
    expect((await indexed(merchant, cartId, "sent")).provider).toBe("outbox");
  });
});

describe.concurrent("failover", () => {
  test.each([
    ["cannot be reached", null],
    ["says 503", { status: 503 }],
    ["says 429", { status: 429, headers: { "retry-after": "3600" } }],
    ["refuses the account", { status: 401 }],
  ] as const)("when the first %s, the second sends at once", async (what, answer) => {
    const [first, second] = [await serverOf("sendgrid"), await serverOf("postmark")];
    const to = `${what.replaceAll(" ", "-")}@shopper.example`;
    if (answer) first.fail(to, answer);
    else await first.stop();
    const merchant = await storeWith(["sendgrid", first.url], ["postmark", second.url]);
    const cartId = await leave(merchant, "over", to);
    const { statusHistory } = await deliveryOf(merchant, cartId, "sent");
    expect(statusHistory.map((entry) => entry.status)).toEqual(["scheduled", "claimed", "sent"]);
    expect((await indexed(merchant, cartId, "sent")).provider).toBe("postmark");
    expect([first.to(to).length, second.to(to).length]).toEqual([0, 1]);
  });

  test("when all refuse for now it is planned again, not before the longest wish to be left alone", async () => {
    const [first, second] = [await serverOf("ses"), await serverOf("mailgun")];
    const to = "later@shopper.example";
    first.fail(to, { status: 429, headers: { "retry-after": "300" }, body: { message: "slow down" } });
    second.fail(to, { status: 503, headers: { "retry-after": "60" }, body: { message: "maintenance" } });
    const merchant = await storeWith(["ses", first.url], ["mailgun", second.url]);
    const cartId = await leave(merchant, "later", to);
    const { dueAt, statusHistory } = await deliveryOf(merchant, cartId, "scheduled");
    const last = statusHistory.at(-1)!;
    expect(last.reason).toBe("503 maintenance");
    expect(Date.parse(dueAt!) - Date.parse(last.at)).toBe(300_000);
    expect([first.attempts.get(to), second.attempts.get(to)]).toEqual([1, 1]);
  });

  test("when one refuses for now and the next its account, it is planned again for the first", async () => {
    const [first, second] = [await serverOf("sendgrid"), await serverOf("mailgun")];
    const to = first.fail("mixed@shopper.example", { status: 503 });
    second.fail(to, { status: 401, body: { message: "Forbidden" } });
    const merchant = await storeWith(["sendgrid", first.url], ["mailgun", second.url]);
    const cartId = await leave(merchant, "mixed", to);
    await deliveryOf(merchant, cartId, "scheduled");
    await deliveryOf(merchant, cartId, "sent");
    expect([first.to(to).length, second.attempts.get(to)]).toEqual([1, 1]);
  });

  test("an account that is refused, alone, is no reason to try again", async () => {
    const server = await serverOf("postmark");
    const to = server.fail("alone@shopper.example", {
      status: 401,
      body: { ErrorCode: 10, Message: "No valid token" },
    });
    const merchant = await storeWith(["postmark", server.url]);
    const cartId = await leave(merchant, "alone", to);
    const { dueAt, statusHistory } = await deliveryOf(merchant, cartId, "failed");
    expect([dueAt, statusHistory.at(-1)?.reason]).toEqual([null, "401 10 No valid token"]);
  });

  test("a refusal of the message itself is for good: nobody else is asked", async () => {
    const [first, second] = [await serverOf("postmark"), await serverOf("sendgrid")];
    const to = "nobody@shopper.example";
    first.fail(to, { status: 422, body: { ErrorCode: 406, Message: `Inactive recipient ${to}` } });
    const merchant = await storeWith(["postmark", first.url], ["sendgrid", second.url]);
    const cartId = await leave(merchant, "nobody", to);
    const { statusHistory } = await deliveryOf(merchant, cartId, "failed");
    expect(statusHistory.at(-1)?.reason).toBe("422 406 Inactive recipient …");
    expect(second.attempts.size).toBe(0);
  });

  test("an open circuit is passed by without asking", async () => {
    const second = await serverOf("mailgun");
    const merchant = await storeWith(["sendgrid", NOWHERE], ["mailgun", second.url]);
    const carts = Array.from({ length: 8 }, (_, i) => `open-${i}`);
    for (const cartId of carts) {
      await leave(merchant, cartId, `${cartId}@shopper.example`);
      await deliveryOf(merchant, cartId, "sent");
    }
    const passed = system
      .logs()
      .split("\n")
      .filter((line) => line.includes('"failover"') && line.includes("sendgrid/"));
    const own = (await merchant.get<{ items: ProviderView[] }>("/v1/providers")).items[0]?.id ?? "-";
    // Five failures open it; the others never tried, but for a probe where the machine took half a minute for them.
    const failures = passed
      .filter((line) => line.includes(own))
      .map((line) => Date.parse(/"at":"([^"]+)"/.exec(line)![1]!));
    expect(failures.length).toBeGreaterThanOrEqual(5);
    for (const probe of failures.slice(5)) expect(probe - failures[4]!).toBeGreaterThanOrEqual(OPEN_MS);
    expect(failures.length).toBeLessThan(8);
    expect(second.taken).toHaveLength(8);
  });
});

describe.concurrent("an unknown outcome", () => {
  test.each(PROVIDERS.filter(({ kind }) => kind !== "resend"))(
    "of $kind is parked, by no other provider and never again",
    async ({ kind }) => {
      const [first, second] = [await serverOf(kind), await serverOf("resend")];
      const to = first.fail("perhaps@shopper.example", { drop: true, taken: true });
      const merchant = await storeWith([kind, first.url], ["resend", second.url]);
      const cartId = await leave(merchant, "perhaps", to);
      const { dueAt } = await deliveryOf(merchant, cartId, "unknown");
      expect(dueAt).toBeNull();
      expect((await indexed(merchant, cartId, "unknown")).provider).toBe(kind);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS + 5_000));
      expect([first.attempts.get(to), second.attempts.get(to)]).toEqual([1, undefined]);
    },
  );

  test.each([
    ["taken", 1],
    ["not taken", 2],
  ] as const)("of Resend, alone, is asked again under the same key: it was %s", async (what, attempts) => {
    const server = await serverOf("resend");
    const to = `${what.replace(" ", "-")}@shopper.example`;
    server.fail(to, { drop: true, ...(what === "taken" ? { taken: true } : {}) });
    const merchant = await storeWith(["resend", server.url]);
    const cartId = await leave(merchant, "keyed", to);
    await deliveryOf(merchant, cartId, "sent");
    expect(server.to(to)).toHaveLength(1);
    expect(server.attempts.get(to)).toBe(attempts);
  });

  test("of Resend before another provider is parked: the other knows nothing of the key", async () => {
    const [first, second] = [await serverOf("resend"), await serverOf("ses")];
    const to = first.fail("both@shopper.example", { drop: true });
    const merchant = await storeWith(["resend", first.url], ["ses", second.url]);
    const cartId = await leave(merchant, "both", to);
    await deliveryOf(merchant, cartId, "unknown");
    expect(second.attempts.size).toBe(0);
  });
});

/** What all databases hold, their logs too. Those of an actor that falls asleep go: then all is read again. */
function databases(state: string): Buffer[] {
  const names = readdirSync(state, { recursive: true, encoding: "utf8" }).filter((name) => /\.sqlite/.test(name));
  try {
    return names.map((name) => readFileSync(join(state, name)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return databases(state);
  }
}

describe("a store's providers", () => {
  test("are tried in the order of their positions, and can be changed", async () => {
    const merchant = await storeWith(["sendgrid", NOWHERE], ["postmark", NOWHERE]);
    const list = async () => (await merchant.get<{ items: ProviderView[] }>("/v1/providers")).items;
    const [first, second] = await list();
    expect([first?.kind, first?.position, second?.kind, second?.position]).toEqual(["sendgrid", 0, "postmark", 1]);
    const patch = (body: unknown, headers = {}) =>
      merchant.call<ProviderView>("PATCH", `/v1/providers/${first?.id}`, body, headers);
    const moved = await patch({ position: 5, settings: { region: "eu" } }, { "if-match": '"1"' });
    expect(moved.body).toMatchObject({ version: 2, settings: { region: "eu", endpoint: NOWHERE } });
    expect((await list()).map(({ kind }) => kind)).toEqual(["postmark", "sendgrid"]);
    expect((await patch({ position: 0 }, { "if-match": '"1"' })).status).toBe(409);
    expect((await patch({ credentials: { apiKey: "SG.the-next-one-z9y8" } })).body.hint).toBe("z9y8");
    for (const body of [{ settings: { region: "moon" } }, { credentials: { apiKey: null } }, { kind: "ses" }])
      expect((await patch(body)).status).toBe(400);
    const stranger = await storeWith();
    for (const method of ["GET", "PATCH", "DELETE"])
      expect(
        (await stranger.call(method, `/v1/providers/${first?.id}`, method === "PATCH" ? {} : undefined)).status,
      ).toBe(404);
    expect((await stranger.call("POST", `/v1/providers/${first?.id}/test`, { to: "a@b.example" })).status).toBe(404);
  });

  test("keep their credentials sealed: in no answer, no log line and no file", async () => {
    const merchant = await storeWith();
    const secrets = PROVIDERS.flatMap(({ setup }) => Object.values(setup(NOWHERE).credentials) as string[]);
    const answers: string[] = [];
    for (const { setup } of PROVIDERS) {
      const created = await merchant.call<ProviderView>("POST", "/v1/providers", setup(NOWHERE));
      const path = `/v1/providers/${created.body.id}`;
      const patched = await merchant.call("PATCH", path, { credentials: setup(NOWHERE).credentials });
      const tested = await merchant.call("POST", `${path}/test`, { to: "ada@shopper.example" });
      answers.push(created.text, patched.text, tested.text, JSON.stringify(await merchant.get(path)));
      expect(created.body.hint).toMatch(/^\S{4}$/);
    }
    answers.push(JSON.stringify(await merchant.get("/v1/audit?limit=50")), system.logs());
    const stored = databases(system.state);
    expect(stored.length).toBeGreaterThan(3);
    expect(stored.some((bytes) => bytes.includes("hello@kiln.example"))).toBe(true);
    for (const secret of secrets) {
      expect(answers.filter((text) => text.includes(secret))).toEqual([]);
      expect(stored.filter((bytes) => bytes.includes(secret))).toEqual([]);
    }
  });

  test("are at most ten", async () => {
    const merchant = await storeWith(...Array.from({ length: 10 }, () => ["resend", NOWHERE] as [string, string]));
    expect((await merchant.call("POST", "/v1/providers", kindOf("ses").setup(NOWHERE))).status).toBe(409);
    expect(unexpectedIn(system.logs())).toEqual([]);
  });
});
