import { expect, test, vi } from "vitest";
import manifest from "../../package.json";
import { newKey } from "../../shared/auth/api-keys.ts";
import { signLink } from "../../shared/auth/links.ts";
import { newId, sha256 } from "../../shared/ids.ts";
import { smsSegments } from "../../shared/sms-segments.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import type { TopicNews } from "../../shared/views.ts";
import { runSchedule } from "../../workers/jobs/cron.ts";
import wrangler from "../../wrangler.toml?raw";
import { add, event, identified, mug, ordered } from "../support/cart-life.ts";
import {
  deliveriesOf,
  fetchWorker,
  filled,
  hooks,
  intercepted,
  LEFT,
  lines,
  mailStep,
  ORIGIN,
  POLL,
  reasonsOf,
  restore,
  Shop,
  statusesOf,
  tokenIn,
  viewOf,
} from "./complaints-support.ts";
import { env, setClock, T0, type TestCart, unique } from "./support.ts";

hooks();

/** A publishable key of the shop, as a page has it. */
async function keyOf(shop: Shop): Promise<string> {
  const key = newKey("publishable");
  await env.DB.prepare(
    "INSERT INTO api_keys (id, store_id, kind, hash, shown, scopes, created_at) VALUES (?, ?, 'publishable', ?, ?, '[]', 0)",
  )
    .bind(newId("key"), shop.id, await sha256(key), key)
    .run();
  return key;
}

test("complaint 11: the guest's e-mail is never captured", async () => {
  const shop = await Shop.open();
  const key = await keyOf(shop);
  let count = 0;
  /** What a page of the shop sends, as `sendBeacon` does. */
  async function page(cart: TestCart, ...events: [type: string, data?: object][]): Promise<void> {
    const occurredAt = new Date(Date.now()).toISOString();
    const body = JSON.stringify({
      events: events.map(([type, data]) => ({
        id: `w${++count}`,
        type,
        occurredAt,
        cartId: cart.id,
        visitorId: "v-1",
        data,
      })),
    });
    const headers = { "content-type": "text/plain;charset=UTF-8" };
    const response = await fetchWorker(`/v1/events?key=${key}`, { method: "POST", headers, body });
    expect([response.status, await response.json()]).toMatchObject([202, { accepted: events.length }]);
  }
  const put: [string, object] = [
    "product_added_to_cart",
    { item: { productId: "mug", price: "12.50", currency: "EUR" } },
  ];
  const typed = (email: string): [string, object] => ["checkout_contact_info_submitted", { email }];

  // Typed into the first field of the checkout, and then the tab is closed. No account, no order, no form sent.
  const guest = await shop.cart();
  await page(guest, put, ["checkout_started"], typed("Guest@Example.com"));
  // Typed with a mistake, and then again.
  const careful = await shop.cart();
  await page(careful, put, ["checkout_started"], typed("typo@example.con"));
  await page(careful, typed("right@example.com"));
  // Left without an address: the message waits for one, which comes with the next visit, and is then not lost.
  const shy = await shop.cart();
  await page(shy, put);
  await shop.until(LEFT);
  expect(shop.mails.map(({ to }) => to).sort()).toEqual(["guest@example.com", "right@example.com"]);
  expect((await viewOf(guest)).shopper).toMatchObject({ email: "guest@example.com" });
  const [waiting] = await deliveriesOf(shy);
  expect([waiting!.status, reasonsOf(waiting).at(-1)]).toEqual(["scheduled", "no_address"]);
  setClock(T0 + DAY_MS);
  await page(shy, ["checkout_started"], typed("shy@example.com"));
  await shop.until(T0 + DAY_MS + 32 * MINUTE_MS);
  expect(shop.mailsOf(shy).map(({ to }) => to)).toEqual(["shy@example.com"]);
  expect(shop.mails).toHaveLength(3);
});

test("complaint 12: surprising re-entry into a journey", async () => {
  const steps = [mailStep("first"), mailStep("second", 60), mailStep("third", 600)];
  const shop = await Shop.open({ frequencyCap: { max: 100, perHours: 1 } }, [
    { name: "Original", steps },
    { name: "By time", trigger: "time_based", steps: [mailStep("timed", 5)] },
  ]);
  const original = (await shop.store.campaigns()).find(({ name }) => name === "Original")!;
  const cart = await filled(shop);
  const entered = async () => (await viewOf(cart)).journeys.map((j) => [j.campaignName, j.version]);
  const stepsOf = async () => (await deliveriesOf(cart)).map((d) => d.stepId);
  const once = ["timed", "first", "second", "third"];

  // Comes back and leaves again, five times.
  for (let visit = 1; visit <= 5; visit++) {
    await shop.until(T0 + visit * 45 * MINUTE_MS);
    await cart.beacon(event("cart_viewed", Date.now()));
  }
  // Meanwhile the merchant edits the campaign, twice, switches it off and on, and adds another of the same kind.
  const edited = [...steps, mailStep("fourth", 700)];
  await shop.change(original, { name: "Edited", steps: [mailStep("other"), ...edited.slice(1)] });
  await shop.change(original, { enabled: false });
  await shop.change(original, { name: "Edited", enabled: true, steps: edited, priority: 50 });
  await shop.campaign({ name: "Rival", priority: 100, steps: [mailStep("rival")] });
  await shop.until(T0 + 8 * HOUR_MS);
  await cart.beacon(event("cart_viewed", Date.now()));
  await shop.until(T0 + 3 * DAY_MS);
  expect(await entered()).toEqual([
    ["By time", 1],
    ["Original", 1],
  ]);
  expect(await stepsOf()).toEqual(once);
  expect(await statusesOf(cart)).toEqual(["sent", "sent", "sent", "sent"]);
  expect(shop.mails).toHaveLength(4);

  // Bought: over. Neither the echo of the order nor another look at the shop begins anything.
  await cart.beacon(ordered(Date.now()));
  setClock(Date.now() + 5 * MINUTE_MS);
  await cart.beacon(ordered(Date.now()), event("page_viewed", Date.now()), event("cart_viewed", Date.now()));
  await shop.until(T0 + 10 * DAY_MS);
  expect(shop.mails).toHaveLength(4);
  expect(await stepsOf()).toEqual(once);

  // Something new put in is another purchase in the making: journeys of its own, by the campaigns of today.
  await cart.beacon(add(Date.now()));
  await shop.until(T0 + 12 * DAY_MS);
  expect(await entered()).toEqual([
    ["By time", 1],
    ["Rival", 1],
  ]);
  expect(await stepsOf()).toEqual([...once, "timed", "rival"]);
  expect(shop.mails).toHaveLength(6);
  expect(new Set((await deliveriesOf(cart)).map(({ id }) => id)).size).toBe(6);
});

test("complaint 13: heavy installs that rot", async () => {
  const said = wrangler.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const sections = said.flatMap((line) => /^\[+([\w.]+)\]+$/.exec(line)?.[1] ?? []);
  // All of it is the platform's own: no database, broker or cache that somebody would have to run.
  const OWN = ["vars", "assets", "durable_objects.bindings", "migrations", "d1_databases", "queues.producers"];
  const MORE = [
    "queues.consumers",
    "analytics_engine_datasets",
    "ratelimits",
    "send_email",
    "r2_buckets",
    "workflows",
    "triggers",
    "observability",
  ];
  expect([...new Set(sections)].filter((name) => ![...OWN, ...MORE].includes(name))).toEqual([]);
  expect(said.filter((line) => /:\/\/|hyperdrive|containers|localhost|(\d+\.){3}\d+/i.test(line))).toEqual([]);
  expect(said).toContain('SMTP_URL = ""');
  expect(manifest.engines).toEqual({ node: ">=20" });
  const servers =
    /^(pg|postgres|mysql2?|mongo(db|ose)|redis|ioredis|bullmq|kafkajs|amqplib|@clickhouse.*|@temporalio.*|knex|prisma)$/;
  expect(Object.keys(manifest.dependencies).filter((name) => servers.test(name))).toEqual([]);

  // Nothing is bound but what stands there, and with that alone a cart is recovered; no other machine is spoken to.
  const bound = said.flatMap((line) => /^(?:binding|name) = "([A-Z_]+)"$/.exec(line)?.[1] ?? []);
  const vars = said.flatMap((line) => /^([A-Z_]+) = /.exec(line)?.[1] ?? []);
  const ofTests = ["MIGRATIONS", "FAKE_AI"];
  const given = Object.keys(env).filter((name) => !name.startsWith("__") && !ofTests.includes(name));
  expect(given.filter((name) => ![...bound, ...vars].includes(name))).toEqual([]);
  const outside = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("there is nobody out there"));
  try {
    const ready = await fetchWorker("/health/ready");
    expect([ready.status, await ready.json()]).toMatchObject([200, { services: { databases: { status: "healthy" } } }]);
    const shop = await Shop.open();
    const cart = await filled(shop);
    await shop.until(LEFT + MINUTE_MS, env);
    const kept = env.DB.prepare("SELECT recovery_url AS url FROM outbox WHERE store_id = ?").bind(shop.id);
    const url = (await kept.first<string>("url"))!;
    expect(lines(await restore(url.replace(`${ORIGIN}/r/`, "")))).toEqual([["mug", null, 1, "12.50"]]);
    await cart.beacon(ordered(Date.now()));
    await shop.tell();
    expect((await viewOf(cart)).status).toBe("recovered");
    expect(outside).not.toHaveBeenCalled();
  } finally {
    outside.mockRestore();
  }
});

test("complaint 14: link scanners unsubscribe people", async () => {
  const shop = await Shop.open({}, [{ name: "Three", steps: [mailStep("a"), mailStep("b", 60), mailStep("c", 120)] }]);
  const cart = await filled(shop);
  await shop.until(LEFT + MINUTE_MS);
  const [first] = shop.mails;
  // What a mail program needs to do it with one click, and everybody else to do it on a page.
  const url = /^<(.+)>$/.exec(first!.headers["List-Unsubscribe"] ?? "")?.[1] ?? "";
  expect(first!.headers["List-Unsubscribe-Post"]).toBe("List-Unsubscribe=One-Click");
  const path = url.slice(ORIGIN.length);
  expect(path).toBe(`/u/${tokenIn(first!.text, "u")}`);
  const { shopper } = await viewOf(cart);
  const word = async () => {
    const { suppressed, consent, history } = await shop.profile(shopper.id);
    return { suppressed, consent, history };
  };

  const before = await word();
  const scans: RequestInit[] = [
    {},
    { method: "HEAD" },
    { method: "OPTIONS" },
    { headers: { purpose: "prefetch" } },
    { headers: { "sec-purpose": "prefetch;prerender" } },
    { headers: { "x-moz": "prefetch" } },
    { headers: { "user-agent": "Mozilla/5.0 (compatible; Microsoft Safe Links scanner)" } },
    { headers: { "user-agent": "GoogleImageProxy", accept: "*/*" } },
  ];
  const ways = ["", "?choice=none", "?List-Unsubscribe=One-Click", "?choice=these"];
  for (const scan of scans)
    for (const way of ways) {
      const answer = await fetchWorker(path + way, scan);
      if (scan.method === undefined) {
        expect(answer.status).toBe(200);
        // Nor does the page do it by itself, for a scanner that runs it.
        expect(await answer.text()).not.toMatch(/<script|http-equiv="refresh"|onload=/i);
      }
    }
  for (const link of [tokenIn(first!.text, "r")]) await fetchWorker(`/r/${link}`, { method: "HEAD" });
  expect(await word()).toEqual(before);
  await shop.until(LEFT + HOUR_MS + MINUTE_MS);
  expect(shop.mails).toHaveLength(2);
  // HEAD of the recovery link is no click either.
  expect(await statusesOf(cart)).toEqual(["sent", "sent", "scheduled"]);

  // The mail program's one click does it, at once.
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const post = { method: "POST", headers, body: "List-Unsubscribe=One-Click" };
  expect((await fetchWorker(path, post)).status).toBe(200);
  expect(await word()).toMatchObject({ suppressed: { email: { reason: "unsubscribed" } } });
  await shop.until(LEFT + DAY_MS);
  expect(shop.mails).toHaveLength(2);
  expect(reasonsOf((await deliveriesOf(cart))[2]).at(-1)).toBe("suppressed_unsubscribed");
});

test("complaint 15: the wrong definition of abandoned, and silence when the snippet is gone", {
  timeout: 60_000,
}, async () => {
  const shop = await Shop.open();
  const status = async (cart: TestCart) => (await viewOf(cart)).status;
  const minutes = (n: number) => T0 + n * MINUTE_MS;
  // A shopper who adds something every twenty minutes has not gone, however long it takes …
  const busy = await filled(shop, "busy@example.com");
  // … a tab that reports page views with nobody at it is not the shopper …
  const tab = await filled(shop, "tab@example.com");
  // … who is at the payment provider has not gone after half an hour, but after an hour …
  const paying = await filled(shop, "paying@example.com");
  await paying.beacon(event("payment_info_submitted", T0));
  // … nobody leaves a cart with nothing in it, nor one that was bought.
  const emptied = await filled(shop, "emptied@example.com");
  await emptied.beacon(event("product_removed_from_cart", T0 + 1, { wholeLine: true }));
  const looked = await shop.cart();
  await looked.beacon(identified(T0, "looked@example.com"), event("product_viewed", T0));
  const bought = await filled(shop, "bought@example.com");
  await bought.beacon(ordered(T0 + 2));
  const all = [busy, tab, paying, emptied, looked, bought];
  const statuses = () => Promise.all(all.map(status));
  for (let minute = 10; minute <= 50; minute += 10) {
    await shop.until(minutes(minute));
    if (minute % 20 === 0) await busy.beacon(add(Date.now()));
    await tab.beacon(event("page_viewed", Date.now()), event("exit_intent_detected", Date.now()));
  }
  expect(await statuses()).toEqual(["active", "recovering", "active", "active", "active", "purchased"]);
  await shop.until(minutes(65));
  expect(await statuses()).toEqual(["active", "recovering", "recovering", "active", "active", "purchased"]);
  await shop.until(T0 + 3 * DAY_MS);
  expect(await statuses()).toEqual(["recovering", "recovering", "recovering", "active", "active", "purchased"]);
  expect(shop.mails.map(({ to }) => to)).toEqual(["tab@example.com", "paying@example.com", "busy@example.com"]);

  // The thank-you page loses its snippet: shoppers pay as ever, and no order is told.
  const told: string[] = [];
  const { ROOM } = env;
  env.ROOM = intercepted(ROOM, async (method, call, _, args) => {
    if (method !== "publish") return call();
    for (const news of args[0] as TopicNews[]) if (news.topic === "system") told.push(news.message);
    return 1; // the merchant looks at the board
  });
  await shop.store.watched();
  try {
    const start = Date.now();
    const shoppers = await Promise.all(Array.from({ length: 5 }, (_, i) => filled(shop, `s${i}@example.com`, start)));
    for (const cart of shoppers) await cart.beacon(...[1, 2, 3, 4].map(() => event("payment_info_submitted", start)));
    await shop.tell();
    const sentBefore = shop.mails.length;
    await shop.until(start + 2 * HOUR_MS);
    // All of them have bought: not one hears that they forgot something.
    expect(shop.mails).toHaveLength(sentBefore);
    for (const cart of shoppers) {
      const [held] = await deliveriesOf(cart);
      expect([held!.status, reasonsOf(held).at(-1)]).toEqual(["scheduled", "signal_loss"]);
    }
    // The merchant is told, on the board and when they ask.
    await expect.poll(() => told, POLL).toEqual([expect.stringMatching(/^Messages are paused: shoppers pay/)]);
    expect((await shop.store.realtime()).orderSignal).toBe("signal_loss");
    expect(await shop.store.orderSignal()).toMatchObject({ signal: "signal_loss", why: "payments" });
    // Repaired, the shop tells of orders again: of those that were missed, and of the carts that really were left the mails go out, once.
    for (const [i, cart] of shoppers.slice(0, 3).entries()) await cart.beacon(ordered(Date.now(), `o-${i}`));
    await shop.tell();
    expect((await shop.store.realtime()).orderSignal).toBe("ok");
    await shop.until(start + DAY_MS);
    const late = shop.mails.slice(sentBefore).map(({ to }) => to);
    expect(late.sort()).toEqual(["s3@example.com", "s4@example.com"]);
    await expect.poll(() => told.at(-1), POLL).toMatch(/^Orders arrive again/);
  } finally {
    env.ROOM = ROOM;
  }
});

test("complaint 9, by SMS: its link is short, and as hard to abuse as a long one", { timeout: 60_000 }, async () => {
  const texted = {
    name: "Text",
    steps: [{ id: "text", delayMinutes: 0, channel: "sms", variants: [{ id: "a", templateId: "default" }] }],
  };
  const open = () => Shop.open({ requireConsent: [] }, [texted]);
  const [shop, rival] = [await open(), await open()];
  const id = unique("same");
  const [cart, theirs] = [await shop.cart(id), await rival.cart(id)];
  for (const each of [cart, theirs])
    await each.beacon(add(T0), event("shopper_identified", T0, { name: "Ada Lovelace", phone: "+491510000042" }));
  await theirs.beacon(add(T0 + 1, { item: mug({ productId: "secret-of-the-rival" }) }));
  for (const each of [shop, rival]) await each.until(LEFT, env);
  const textOf = async (of: Shop): Promise<string> =>
    (await env.DB.prepare("SELECT text FROM outbox WHERE store_id = ?").bind(of.id).first<string>("text"))!;
  const text = await textOf(shop);
  const token = tokenIn(text, "r");
  expect(token).toMatch(/^[0-9a-z]{20}$/);
  expect(tokenIn(await textOf(rival), "r")).not.toBe(token);

  // What it saves: the default template with a long link, of ids as they are.
  const [delivery] = await deliveriesOf(cart);
  const ids = { store: newId("st"), cart: crypto.randomUUID(), generation: 1, delivery: delivery!.id, at: Date.now() };
  const long = text.replace(token, await signLink({ kind: "r", ...ids }, env.LINK_SECRET));
  expect([smsSegments(long).segments, smsSegments(text).segments]).toEqual([3, 1]);

  // Nobody but its reader has it: not the database, and no other letters will do.
  const { results } = await env.DB.prepare("SELECT * FROM short_links").all();
  expect(results).toHaveLength(2);
  expect(JSON.stringify(results)).not.toContain(token);
  const other = token.slice(0, -1) + (token.endsWith("0") ? "1" : "0");
  for (const guess of [other, token.slice(1), `${token}0`, token.toUpperCase(), `${token}.`, "' OR 1=1 --", "%00"]) {
    expect(await restore(encodeURIComponent(guess)), guess).toMatchObject({ status: 404, code: "NOT_FOUND" });
    expect((await fetchWorker(`/r/${encodeURIComponent(guess)}`)).status, guess).toBe(404);
  }

  // Scanners change nothing; a person comes to the shop with the token, and the snippet gets this cart.
  const person = { headers: { "user-agent": "Mozilla/5.0 Firefox/140.0" } };
  await fetchWorker(`/r/${token}`, { method: "HEAD" });
  await fetchWorker(`/r/${token}`, { headers: { "user-agent": "Safe Links scanner" } });
  expect(await statusesOf(cart)).toEqual(["sent"]);
  const followed = await fetchWorker(`/r/${token}`, person);
  expect([followed.status, new URL(followed.headers.get("location")!).searchParams.get("cartwake")]).toEqual([
    302,
    token,
  ]);
  expect([...(await statusesOf(cart)), ...(await statusesOf(theirs))]).toEqual(["clicked", "sent"]);
  expect(await restore(token)).toMatchObject({ status: 200, cartId: cart.id, deliveryId: delivery!.id });
  expect(lines(await restore(token)).map(([product]) => product)).toEqual(["mug"]);

  // It ends as the long one does: by a revocation, by its age, and its row with it.
  setClock(Date.now() + MINUTE_MS);
  expect((await cart.cart.revokeLinks()).ok).toBe(true);
  expect((await restore(token)).status).toBe(404);
  const rivals = tokenIn(await textOf(rival), "r");
  expect((await restore(rivals)).status).toBe(200);
  setClock(LEFT + 30 * DAY_MS + HOUR_MS);
  expect((await fetchWorker(`/r/${rivals}`, person)).status).toBe(404);
  await runSchedule("", env, Date.now());
  expect(await env.DB.prepare("SELECT count(*) AS n FROM short_links").first("n")).toBe(0);
});
