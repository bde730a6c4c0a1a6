import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { CartDeliveryView, DeliveryStatus } from "../../shared/views.ts";
import { add, http, identify, Merchant, order, until } from "../support/merchant.ts";
import { reservePort } from "../support/ports.ts";
import { unexpectedIn } from "../support/problems.ts";
import { MailServer } from "../support/smtp.ts";
import { type System, startSystem } from "../support/system.ts";

const STORE = "Käthes Töpferei 🏺";
/** The first retry of the ledger comes after this. */
const RETRY_MS = 30_000;

// Most of these only wait for the same half a minute.
vi.setConfig({ maxConcurrency: 20 });

let system: System;
let server: MailServer;
/** Each message in the store of the next: what fails here by design would open the circuit of a single store. */
let merchants: Merchant[];
const owners = new Map<string, Merchant>();
const ownerOf = (cartId: string): Merchant => owners.get(cartId)!;

beforeAll(async () => {
  server = new MailServer(await reservePort());
  system = await startSystem({ vars: { EMAIL_PROVIDER: "smtp", SMTP_URL: server.url } });
  merchants = await Promise.all([1, 2, 3].map(() => Merchant.register(system.url, { name: STORE })));
  for (const merchant of merchants) await merchant.settings({ abandonAfterMinutes: 0.005 });
});
afterAll(async () => {
  await system?.stop();
  await server?.stop();
});

/** A left cart of this shopper; answers its id. */
async function leave(recipient: string, name?: string): Promise<string> {
  const cartId = `cart-of-${recipient.split("@")[0]}`;
  const merchant = merchants[owners.size % merchants.length]!;
  owners.set(cartId, merchant);
  await merchant.accept([
    add(cartId, "mug", "12.30", 2, { name: "Blaue Schüssel" }),
    identify(cartId, recipient, name),
  ]);
  return cartId;
}

const deliveryOf = (
  cartId: string,
  status: DeliveryStatus,
  reason?: RegExp,
  within = 120_000,
): Promise<CartDeliveryView> =>
  until(
    `${cartId}: ${status} ${reason ?? ""}`,
    async () => {
      const [delivery] = (await ownerOf(cartId).cart(cartId)).deliveries;
      const last = delivery?.statusHistory.at(-1);
      return delivery?.status === status && (!reason || reason.test(last?.reason ?? "")) && delivery;
    },
    { within },
  );

/** Planned again, about `RETRY_MS` from the failure. */
async function retried(cartId: string, reason: RegExp): Promise<void> {
  const delivery = await deliveryOf(cartId, "scheduled", reason);
  const failedAt = Date.parse(delivery.statusHistory.at(-1)!.at);
  expect(delivery.statusHistory.map((s) => s.status)).toEqual(["scheduled", "claimed", "scheduled"]);
  expect(Date.parse(delivery.dueAt!) - failedAt).toBe(RETRY_MS);
  await alive();
}

async function sentOnce(cartId: string, recipient: string): Promise<void> {
  const delivery = await deliveryOf(cartId, "sent");
  expect(delivery.statusHistory.filter((s) => s.status === "sent")).toHaveLength(1);
  expect(server.to(recipient)).toHaveLength(1);
}

/** The isolate answers: nothing in it spins. */
async function alive(): Promise<void> {
  const answer = await http(`${system.url}/health`, { signal: AbortSignal.timeout(60_000) });
  expect(answer.status).toBe(200);
}

describe("SMTP before the server is there", () => {
  test("a refused connection and a wrong password are tried again later", async () => {
    const early = await leave("early@shopper.example");
    await retried(early, /connect|refused|network|socket|proxy/i);
    await server.start();
    const right = server.password;
    server.password = "changed meanwhile";
    const locked = await leave("locked@shopper.example");
    await retried(locked, /535/);
    expect(JSON.stringify(await deliveryOf(locked, "scheduled"))).not.toContain(
      Buffer.from(`\0${server.user}\0${right}`).toString("base64"),
    );
    server.password = right;
    expect(server.received).toEqual([]);
  });
});

describe.concurrent("SMTP", () => {
  test("what could not be connected is sent once when the server is back", () =>
    sentOnce("cart-of-early", "early@shopper.example"));

  test("what a wrong password held up is sent once when it is right again", () =>
    sentOnce("cart-of-locked", "locked@shopper.example"));

  test("a mail arrives whole: sender, recipient, subject, both parts, one-click unsubscribing", async () => {
    const began = Date.now();
    const cartId = await leave("zoe@shopper.example", "Zoë O’Hara-Łukasiewicz");
    await deliveryOf(cartId, "sent");
    const { raw, mail, from, to } = server.to("zoe@shopper.example")[0]!;
    const delivery = await until("it is indexed", async () => {
      const [found] = await ownerOf(cartId).deliveries(`&cartId=${cartId}&status=sent`);
      return found;
    });
    expect(delivery.provider).toBe("smtp");
    expect([from, to]).toEqual(["shop@cartwake.example", ["zoe@shopper.example"]]);
    expect(mail.from).toMatchObject({ name: STORE, address: "shop@cartwake.example" });
    expect(mail.to).toMatchObject([{ address: "zoe@shopper.example" }]);
    expect(mail.subject).toBe(`Zoë, your cart at ${STORE} is waiting`);
    const header = (name: string) => mail.headers.find((h) => h.key === name)?.value;
    const link = /^<(http:\/\/127\.0\.0\.1:\d+\/u\/[\w.-]+)>$/.exec(header("list-unsubscribe")!)?.[1];
    expect(header("list-unsubscribe-post")).toBe("List-Unsubscribe=One-Click");
    expect(mail.messageId).toBe(`<${delivery.id}@cartwake.example>`);
    // It is written in whole seconds.
    expect(Date.parse(mail.date!)).toBeGreaterThan(began - 1_000);
    expect(Date.parse(mail.date!)).toBeLessThanOrEqual(Date.now());
    for (const part of [mail.html!, mail.text!]) {
      expect(part).toContain("Blaue Schüssel");
      expect(part).toContain("24.60");
      expect(part).toContain(link);
    }
    // What gateways between us and the shopper insist on: RFC 5322 lines, RFC 2047 words, plain ASCII.
    const [head = ""] = raw.split("\r\n\r\n");
    expect(Math.max(...raw.split("\r\n").map((l) => l.length))).toBeLessThanOrEqual(998);
    expect(raw).toMatch(/^[\t\r\n -~]*$/);
    expect(head).not.toMatch(/"[^"\r\n]*=\?UTF-8/i);
    for (const word of head.match(/=\?[^?]+\?[BQ]\?[^?]*\?=/gi) ?? []) expect(word.length).toBeLessThanOrEqual(75);
    const clicked = await http(link!, { method: "POST", body: "List-Unsubscribe=One-Click" });
    expect(clicked.status).toBe(200);
    owners.set("zoe-2", ownerOf(cartId));
    await ownerOf(cartId).accept([add("zoe-2", "mug", "1.00"), identify("zoe-2", "zoe@shopper.example")]);
    await deliveryOf("zoe-2", "suppressed");
  });

  for (const reply of [421, 450])
    test(`${reply} is tried again later, then sent once`, async () => {
      const to = server.fail(`busy-${reply}@shopper.example`, { at: "rcpt", reply });
      const cartId = await leave(to);
      await retried(cartId, new RegExp(String(reply)));
      await sentOnce(cartId, to);
      expect(server.attempts.get(to)).toBe(2);
    });

  test("a temporary refusal of the whole message is tried again later, then sent once", async () => {
    const to = server.fail("greylisted@shopper.example", { at: "data", reply: 451 });
    const cartId = await leave(to);
    await retried(cartId, /451/);
    await sentOnce(cartId, to);
  });

  for (const at of ["rcpt", "data"] as const)
    test(`550 at ${at} fails for good, and tells nobody the address`, async () => {
      const to = server.fail(`nobody-${at}@shopper.example`, { at, reply: 550 }, { at, reply: 550 });
      const delivery = await deliveryOf(await leave(to), "failed", /550/);
      expect(delivery.dueAt).toBeNull();
      expect(JSON.stringify(delivery)).not.toContain(to);
      await alive();
    });

  test("a connection lost before the message was handed over is tried again, then sent once", async () => {
    const to = server.fail("dropped@shopper.example", { at: "rcpt", drop: true });
    const cartId = await leave(to);
    await retried(cartId, /closed|lost|network/i);
    await sentOnce(cartId, to);
  });

  test("a connection lost after the message was handed over is unknown, and never sent again", async () => {
    const to = server.fail("perhaps@shopper.example", { at: "data", drop: true });
    const cartId = await leave(to);
    const delivery = await deliveryOf(cartId, "unknown");
    expect(delivery.dueAt).toBeNull();
    await alive();
    await ownerOf(cartId).accept([order(cartId, "order-perhaps", "24.60")]);
    expect((await ownerOf(cartId).cart(cartId)).deliveries[0]!.status).toBe("unknown");
  });

  test("a server that stops answering is given up in time: planned again, or unknown once it has the message", async () => {
    const before = server.fail("hanging-rcpt@shopper.example", { at: "rcpt", hang: true });
    const after = server.fail("hanging-data@shopper.example", { at: "data", hang: true });
    const carts = await Promise.all([before, after].map((to) => leave(to)));
    // Locally one batch of the queue is sent at a time: the second message may wait for the first to be given up.
    const bothHang = async () => server.attempts.has(before) && server.attempts.has(after);
    await until("both hang", bothHang);
    await alive();
    const quick = await leave("quick@shopper.example");
    await Promise.all([retried(carts[0]!, /timeout/i), deliveryOf(carts[1]!, "unknown", /timeout/i)]);
    await deliveryOf(quick, "sent");
    await alive();
  });
});

test("what is unknown was never sent again, and everything else once", () => {
  const attempts = (name: string) => server.attempts.get(`${name}@shopper.example`);
  expect([attempts("perhaps"), attempts("hanging-data"), attempts("nobody-rcpt"), attempts("nobody-data")]).toEqual([
    1, 1, 1, 1,
  ]);
  const recipients = server.received.flatMap((r) => r.to);
  expect(recipients).toEqual([...new Set(recipients)]);
});

describe("the send_email binding", () => {
  let local: System;
  let folder: string;
  beforeAll(async () => {
    // The local runtime writes what the binding is given into its temporary folder.
    folder = mkdtempSync(join(tmpdir(), "cartwake-mail-"));
    const before = process.env.TMPDIR;
    process.env.TMPDIR = folder;
    mkdirSync(join(folder, "state"));
    try {
      local = await startSystem({ state: join(folder, "state"), vars: { EMAIL_PROVIDER: "send_email" } });
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
  });
  afterAll(async () => {
    await local?.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const written = (extension: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => /email-(text|html)/.test(file) && file.endsWith(extension))
      .map((file) => readFileSync(join(folder, file), "utf8"));

  test("is handed the mail with both parts", async () => {
    const shop = await Merchant.register(local.url, { name: STORE });
    await shop.settings({ abandonAfterMinutes: 0.005 });
    await shop.accept([add("bound", "mug", "12.30"), identify("bound", "ada@shopper.example")]);
    const delivery = await until("sent by the binding", async () => {
      const [found] = await shop.deliveries("&cartId=bound");
      return found?.status === "sent" && found;
    });
    expect(delivery.provider).toBe("send_email");
    const html = await until("the mail's html", async () => written(".html")[0]);
    const text = await until("the mail's text", async () => written(".txt")[0]);
    for (const part of [html, text]) {
      expect(part).toContain(STORE);
      expect(part).toContain("12.30");
      expect(part).toMatch(/http:\/\/127\.0\.0\.1:\d+\/r\/[\w.-]+/);
    }
    expect(written(".html")).toHaveLength(1);
    expect(unexpectedIn(local.logs() + system.logs())).toEqual([]);
  });
});

test("a store's own SMTP server takes its mails, from its own address, with its own password", async () => {
  const own = new MailServer(await reservePort());
  own.password = "another p@ss";
  await own.start();
  try {
    const merchant = await Merchant.register(system.url, { name: STORE });
    const setup = (password: string) => ({
      kind: "smtp",
      from: { email: "hello@kiln.example", name: "Kiln" },
      settings: { host: "127.0.0.1", port: own.port },
      credentials: { username: own.user, password },
    });
    const refused = await merchant.call("POST", "/v1/providers", setup(own.password)); // a space is in no credential
    expect(refused.status).toBe(400);
    own.password = "another-p@ss";
    const { status, body } = await merchant.call<{ id: string }>("POST", "/v1/providers", setup("wrong-password"));
    expect(status).toBe(201);
    const tried = () =>
      merchant.call<{ outcome: string }>("POST", `/v1/providers/${body.id}/test`, { to: "me@merchant.example" });
    expect((await tried()).body).toMatchObject({ outcome: "refused" });
    await merchant.call("PATCH", `/v1/providers/${body.id}`, { credentials: { password: own.password } });
    expect((await tried()).body).toMatchObject({ outcome: "sent" });

    await merchant.settings({ abandonAfterMinutes: 0.005 });
    await merchant.accept([add("c-own", "mug", "12.30"), identify("c-own", "own@shopper.example")]);
    const [mail] = await until(
      "the mail",
      async () => own.to("own@shopper.example").length === 1 && own.to("own@shopper.example"),
    );
    expect(mail!.from).toBe("hello@kiln.example");
    expect(server.to("own@shopper.example")).toEqual([]);
  } finally {
    await own.stop();
  }
});
