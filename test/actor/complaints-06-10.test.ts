/** What users of other tools complain about most, each complaint a test that would have caught it: shoppers, links and attribution. */
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it, test } from "vitest";
import { readLink, signLink } from "../../shared/auth/links.ts";
import { shopperIdOf } from "../../shared/ids.ts";
import { isHeldOut } from "../../shared/measure/assign.ts";
import { resultsOf } from "../../shared/measure/results.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../shared/time.ts";
import { add, event, identified, mug, ordered } from "../support/cart-life.ts";
import {
  deliveriesOf,
  fetchWorker,
  filled,
  hooks,
  LEFT,
  lines,
  mailStep,
  outboxOf,
  reasonsOf,
  restore,
  Shop,
  statusesOf,
  TWO_STEPS,
  tokenIn,
  viewOf,
} from "./complaints-support.ts";
import { env, setClock, T0, type TestCart, unique } from "./support.ts";

hooks();

describe("complaint 6: anonymous and known profiles never merge", () => {
  const PUSH_THEN_MAIL = { name: "Both", steps: [{ id: "push", channel: "push" }, mailStep("mail", 60)] };
  /** A cart of a browser that nobody knows, which takes push messages. */
  async function anonymous(shop: Shop, visitorId: string, productId: string): Promise<TestCart> {
    const cart = await shop.cart();
    const now = Date.now();
    const push = { kind: "fcm", token: `token-of-${visitorId}` } as const;
    await cart.beacon(
      add(now, { visitorId, item: mug({ productId, name: productId }) }),
      event("push_subscribed", now, { visitorId, push }),
    );
    return cart;
  }
  const identify = (cart: TestCart) => cart.beacon(identified(Date.now()));

  it("of a phone and a laptop of one person: one shopper, one cap, one consent, and both carts", async () => {
    const shop = await Shop.open({ frequencyCap: { max: 2, perHours: 24 } }, [PUSH_THEN_MAIL]);
    const [phone, laptop] = [await anonymous(shop, "v-phone", "mug"), await anonymous(shop, "v-laptop", "bowl")];
    await phone.beacon(event("consent_updated", T0, { consent: { email: "denied" }, consentText: "No mails" }));
    await shop.until(LEFT + MINUTE_MS);
    expect(await outboxOf(shop.id)).toHaveLength(2);
    expect((await shop.profile("v_v-phone")).sends).toHaveLength(1);

    setClock(LEFT + 2 * HOUR_MS);
    await identify(phone);
    setClock(Date.now() + 5 * MINUTE_MS);
    await identify(laptop);
    await shop.until(LEFT + 4 * HOUR_MS);
    const ada = await shop.profile(shopperIdOf(shop.id, "ada@example.com"));
    for (const visitor of ["v_v-phone", "v_v-laptop"]) expect(await shop.profile(visitor)).toEqual(ada);
    expect(ada).toMatchObject({ email: "ada@example.com", push: true, consent: { email: { value: "denied" } } });
    expect(ada.adopted.sort()).toEqual(["v_v-laptop", "v_v-phone"]);
    expect(ada.history).toMatchObject([{ channel: "email", value: "denied", text: "No mails" }]);
    expect(ada.sends).toHaveLength(2);
    // What was declined on the phone is not sent for the laptop's cart either.
    for (const cart of [phone, laptop]) {
      const [push, mail] = await deliveriesOf(cart);
      expect([push!.status, mail!.status, reasonsOf(mail).at(-1)]).toEqual(["sent", "suppressed", "no_consent"]);
    }
    // Two messages to two browsers were two messages to one person.
    const third = await anonymous(shop, "v-laptop", "plate");
    await identify(third);
    await shop.until(LEFT + 23 * HOUR_MS);
    const [held] = await deliveriesOf(third);
    expect([held!.status, reasonsOf(held).at(-1)]).toEqual(["scheduled", "frequency_cap"]);
    await shop.until(LEFT + 26 * HOUR_MS);
    expect((await deliveriesOf(third))[0]!.status).toBe("sent");
    expect(await outboxOf(shop.id)).toHaveLength(3);
    // Nothing of either cart was lost.
    const carts = await Promise.all([phone, laptop, third].map(viewOf));
    expect(carts.map((cart) => cart.items.map((item) => item.productId))).toEqual([["mug"], ["bowl"], ["plate"]]);
    expect(new Set(carts.map((cart) => cart.shopper.id))).toEqual(new Set([ada.id]));
    expect(shop.mails).toEqual([]);
  });

  it("and what was declined on one device counts on the other at once", async () => {
    const shop = await Shop.open({}, [PUSH_THEN_MAIL]);
    const [phone, laptop] = [await anonymous(shop, "v-phone", "mug"), await anonymous(shop, "v-laptop", "bowl")];
    await shop.until(LEFT + MINUTE_MS);
    setClock(LEFT + 2 * HOUR_MS);
    await identify(laptop);
    setClock(Date.now() + 5 * MINUTE_MS);
    await identify(phone);
    // Said on the phone before the laptop's mail is due, and it is the laptop's cart that asks the arbiter first.
    await phone.beacon(event("consent_updated", Date.now(), { consent: { email: "denied" } }));
    await shop.until(LEFT + DAY_MS);
    expect(await statusesOf(laptop)).toEqual(["sent", "suppressed"]);
    expect(shop.mails).toEqual([]);
  });
});

test("complaint 7: the wrong time zone, and no quiet hours", async () => {
  const night = { from: "21:00", to: "08:00" };
  const shop = await Shop.open({ timezone: "Europe/Berlin", quietHours: night }, [TWO_STEPS]);
  const utc = (hour: number, minute = 0) => Date.UTC(2031, 4, 6, hour, minute);
  // 22:00 in Tokyo, an afternoon in Berlin.
  const tokyo = await filled(shop, "tokyo@example.com", utc(13));
  await tokyo.beacon(event("page_viewed", utc(13), { timezone: "Asia/Tokyo" }));
  // Six in the morning in Los Angeles.
  const angeles = await filled(shop, "la@example.com", utc(13));
  await angeles.beacon(event("page_viewed", utc(13), { timezone: "America/Los_Angeles" }));
  // Says no zone, or one that does not exist: the store's is the best guess.
  const [silent, odd] = [
    await filled(shop, "silent@example.com", utc(13)),
    await filled(shop, "odd@example.com", utc(13)),
  ];
  await odd.beacon(event("page_viewed", utc(13), { timezone: "Mars/Olympus" }));

  await shop.until(utc(14));
  expect(shop.mails.map(({ to }) => to).sort()).toEqual(["odd@example.com", "silent@example.com"]);
  const [held] = await deliveriesOf(tokyo);
  expect([held!.status, reasonsOf(held).at(-1), held!.dueAt]).toEqual([
    "scheduled",
    "quiet_hours",
    new Date(utc(23)).toISOString(),
  ]);
  // Whoever holds a message of the queue cannot wake anybody before.
  await shop.until(utc(22, 59));
  const { campaignId } = (await viewOf(tokyo)).journey!;
  const early = { storeId: shop.id, cartId: tokyo.id, effectId: `g1.${campaignId}.first`, traceparent: "" };
  expect(await shop.deliver([early, early])).toEqual(["ack", "ack"]);
  expect(shop.mailsOf(tokyo)).toEqual([]);
  await shop.until(utc(14) + 3 * DAY_MS);
  const times = (cart: TestCart) => shop.mailsOf(cart).map(({ at }) => at);
  for (const cart of [tokyo, angeles, silent, odd]) expect(await statusesOf(cart)).toEqual(["sent", "sent"]);
  // Held to the end of the night, sent then and once, and the next step keeps its distance from it.
  const within = (at: number | undefined, from: number) =>
    expect((at ?? 0) - from).toSatisfy((ms: number) => ms >= 0 && ms < 2 * MINUTE_MS);
  expect(times(tokyo)).toHaveLength(2);
  within(times(tokyo)[0], utc(23));
  within(times(tokyo)[1], utc(24));
  // In Los Angeles it was 06:31: held as well, to 08:00 there.
  within(times(angeles)[0], utc(15));
  within(times(angeles)[1], utc(16));
});

/** …left, and its mail sent. Returns the link's token. */
async function mailed(shop: Shop, cart: TestCart): Promise<string> {
  await shop.until(Date.now() + 32 * MINUTE_MS);
  const mail = shop.mailsOf(cart).at(-1);
  if (!mail) throw new Error("no mail");
  return tokenIn(mail.text, "r");
}

test("complaint 8: the recovery link opens an empty cart", async () => {
  const shop = await Shop.open({ url: "https://shop.example/cart" });
  const cart = await filled(shop);
  const bowl = mug({ productId: "bowl", variantId: "blue", priceMinor: 3_099, quantity: 2 });
  await cart.beacon(add(T0 + 1, { item: bowl }), add(T0 + 2), add(T0 + 3, { item: mug({ productId: "gone" }) }));
  await cart.beacon(event("product_removed_from_cart", T0 + 4, { item: mug({ productId: "gone" }), wholeLine: true }));
  const token = await mailed(shop, cart);
  const whole = [
    ["mug", null, 2, "12.50"],
    ["bowl", "blue", 2, "30.99"],
  ];
  // Followed on a device that has never seen the shop: to the shop, with what the snippet restores the cart by.
  const followed = await fetchWorker(`/r/${token}`);
  expect(followed.status).toBe(302);
  expect(followed.headers.get("location")).toBe(`https://shop.example/cart?cartwake=${token}`);
  expect(lines(await restore(token))).toEqual(whole);
  // That device's own basket is empty, and so is the shop's session on the first one: neither says anything of this cart.
  const other = await shop.cart();
  await other.beacon(event("cart_updated", Date.now(), { items: [] }), event("page_viewed", Date.now()));
  await evictDurableObject(cart.stub);
  expect(await restore(token)).toMatchObject({ status: 200, cartId: cart.id });
  expect(lines(await restore(token))).toEqual(whole);
  // A snapshot of the cart itself that is older than what is in it is history.
  await cart.beacon(event("cart_updated", T0 - HOUR_MS, { items: [] }));
  expect(lines(await restore(token))).toEqual(whole);
  // Weeks later, and with what was put in since.
  await shop.until(LEFT + 20 * DAY_MS);
  await cart.beacon(add(Date.now(), { item: mug({ productId: "plate" }) }));
  expect(lines(await restore(token))).toEqual([...whole, ["plate", null, 1, "12.50"]]);
  // A bought cart is not offered again, and the answer says why.
  await cart.beacon(ordered(Date.now()));
  expect(await restore(token)).toMatchObject({
    status: 404,
    code: "NOT_FOUND",
    detail: "This cart was already bought.",
  });
  // Who empties the cart themselves gets no link to nothing, even if the message was on its way already.
  const emptied = await filled(shop, "bob@example.com", Date.now());
  const commands = await shop.commandsAt(Date.now() + 31 * MINUTE_MS, emptied);
  await emptied.beacon(event("cart_updated", Date.now(), { items: [] }));
  await shop.deliver(commands);
  await shop.until(Date.now() + 2 * DAY_MS);
  expect([commands.length, shop.mailsOf(emptied)]).toEqual([1, []]);
  // What is put in afterwards is another purchase, not this link's.
  await cart.beacon(add(Date.now(), { item: mug({ productId: "later" }) }));
  expect(await restore(token)).toMatchObject({ status: 404, detail: "This cart was already bought." });
});

test("complaint 9: the recovery link opens somebody else's cart, or lets a forger in", {
  timeout: 60_000,
}, async () => {
  const [shop, rival] = [await Shop.open(), await Shop.open()];
  const id = unique("same");
  const cart = await filled(shop, "ada@example.com", T0, id);
  const foreign = await filled(rival, "eve@example.com", T0, id);
  await foreign.beacon(add(T0 + 1, { item: mug({ productId: "secret-of-eve" }) }));
  const token = await mailed(shop, cart);
  const now = Date.now();
  const claims = (await readLink(token, "r", env.LINK_SECRET, now))!;
  expect(claims).toMatchObject({ store: shop.id, cart: cart.id });
  const [body = "", mac = ""] = token.split(".");
  const resigned = (over: object) => signLink({ ...claims, ...over }, "a-secret-of-the-forger");
  const encoded = (given: object) =>
    btoa(JSON.stringify(given)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const forged: Record<string, string> = {
    "signed by somebody else": await resigned({}),
    "another store's cart, signed by somebody else": await resigned({ store: rival.id }),
    "altered to another store": `${encoded({ ...claims, store: rival.id })}.${mac}`,
    "altered to another cart": `${encoded({ ...claims, cart: "c-2" })}.${mac}`,
    "altered to another generation": `${encoded({ ...claims, generation: 2 })}.${mac}`,
    "without a signature": body,
    "with an empty signature": `${body}.`,
    "with a signature cut off": `${body}.${mac.slice(0, -4)}`,
    "with something behind it": `${token}.x`,
    "a link to unsubscribe": tokenIn(shop.mails[0]!.text, "u"),
    nothing: "x",
    // Genuine, but not of anything that is there.
    "of a cart that never was": await signLink({ ...claims, cart: "c-unknown" }, env.LINK_SECRET),
    "of a generation to come": await signLink({ ...claims, generation: 2 }, env.LINK_SECRET),
    "of before the cart was born": await signLink({ ...claims, at: T0 - 1 }, env.LINK_SECRET),
  };
  for (const [name, each] of Object.entries(forged)) {
    const answer = await restore(each);
    expect([answer.status, answer.code, answer.items], name).toEqual([404, "NOT_FOUND", undefined]);
    expect(JSON.stringify(answer), name).not.toMatch(/mug|secret-of-eve|example\.com/);
  }
  // A link to the cart is none to unsubscribe either.
  expect((await fetchWorker(`/u/${token}`)).status).toBe(404);
  // A forged link leads nowhere, and is no click.
  expect((await fetchWorker(`/r/${forged["altered to another store"]}`)).status).toBe(404);
  expect([...(await statusesOf(cart)), ...(await statusesOf(foreign))]).not.toContain("clicked");
  // Each store's own link opens its own cart, though both go by the same id.
  expect(lines(await restore(token)).map(([product]) => product)).toEqual(["mug"]);
  const theirs = await mailed(rival, foreign);
  expect(lines(await restore(theirs)).map(([product]) => product)).toEqual(["mug", "secret-of-eve"]);
  // Revoked, an old link is dead for good, also where it was open already; the next mail's is good, and the rival's untouched.
  setClock(Date.now() + MINUTE_MS);
  expect((await cart.cart.revokeLinks()).ok).toBe(true);
  for (let i = 0; i < 2; i++) expect(await restore(token)).toMatchObject({ status: 404, code: "NOT_FOUND" });
  await evictDurableObject(cart.stub);
  expect((await restore(token)).status).toBe(404);
  expect((await restore(theirs)).status).toBe(200);
  const fresh = await signLink({ ...claims, at: Date.now() }, env.LINK_SECRET);
  expect((await restore(fresh)).status).toBe(200);
  // Who finds an old mail finds a dead link.
  setClock(Date.now() + 31 * DAY_MS);
  expect((await restore(fresh)).status).toBe(404);
});

test("complaint 10: attribution that nobody trusts", async () => {
  const shop = await Shop.open({}, [
    { name: "Measured", holdout: 0.5, goal: { attributionHours: 24 }, steps: [mailStep("first")] },
  ]);
  const [campaign] = await shop.store.campaigns();
  const named = (held: boolean, n: number): string[] => {
    const found: string[] = [];
    for (let i = 0; found.length < n; i++)
      if (isHeldOut(shop.id, campaign!.id, shopperIdOf(shop.id, `p${i}@example.com`), 0.5) === held)
        found.push(`p${i}@example.com`);
    return found;
  };
  const [clicks, reads, late, leaves] = await Promise.all(named(false, 4).map((email) => filled(shop, email)));
  const [buys, waits] = await Promise.all(named(true, 2).map((email) => filled(shop, email)));
  const all = [clicks!, reads!, late!, leaves!, buys!, waits!];
  await shop.until(LEFT + HOUR_MS);
  // Who is held out gets the same journey and no message.
  expect(await Promise.all(all.map(async (cart) => (await statusesOf(cart))[0]))).toEqual([
    ...["sent", "sent", "sent", "sent"],
    ...["suppressed", "suppressed"],
  ]);
  expect((await deliveriesOf(buys!))[0]!.statusHistory.at(-1)).toMatchObject({ reason: "holdout" });

  const link = tokenIn(shop.mailsOf(clicks!)[0]!.text, "r");
  expect((await fetchWorker(`/r/${link}`, { headers: { "user-agent": "Mozilla/5.0 Firefox/140.0" } })).status).toBe(
    302,
  );
  const order = async (cart: TestCart, id: string) => {
    const now = Date.now();
    // The thank-you page, the same one reloaded, and the webhook of the same order: one order.
    await cart.beacon(ordered(now, id));
    await cart.beacon(ordered(now, id), ordered(now - 1, id));
    setClock(now + 5 * MINUTE_MS);
    await cart.beacon(ordered(now + 5 * MINUTE_MS, id));
    await shop.tell();
  };
  await order(clicks!, "o-clicked");
  await order(reads!, "o-read");
  await order(buys!, "o-held-out");
  await shop.until(LEFT + 26 * HOUR_MS);
  await order(late!, "o-late");
  await shop.until(LEFT + 3 * DAY_MS);
  await shop.tell();

  const shown = await Promise.all(
    all.map(async (cart) => [(await viewOf(cart)).status, (await viewOf(cart)).attribution]),
  );
  const credited = async (cart: TestCart, model: string) => {
    return { campaignId: campaign!.id, deliveryId: (await deliveriesOf(cart))[0]!.id, model };
  };
  expect(shown).toEqual([
    ["recovered", await credited(clicks!, "last_click")],
    ["recovered", await credited(reads!, "last_touch")],
    ["purchased", undefined],
    ["abandoned", undefined].map((v) => (v === "abandoned" ? "recovering" : v)),
    ["purchased", undefined],
    ["abandoned", undefined],
  ]);
  // What the merchant reads: both arms, the model and its window stated, each order once, nothing credited to silence.
  const results = await shop.store.results(campaign!.id);
  if (!results.ok) throw new Error(results.reason);
  const { arms, attribution, tooLittleData, incremental } = resultsOf(results.value);
  expect(attribution).toEqual({ window: 24, rule: "last" });
  const money = (amount: string) => ({ amount, currency: "EUR" });
  expect(arms).toMatchObject([
    {
      ...{ arm: "treated", shoppers: 4, buyers: 2, orders: 2, revenue: money("25.00") },
      attributed: { orders: 2, revenue: money("25.00"), byClick: 1, byOpen: 0, byTouch: 1, none: 0 },
    },
    {
      ...{ arm: "held_out", shoppers: 2, buyers: 1, orders: 1, revenue: money("12.50") },
      attributed: { orders: 0, revenue: money("0.00"), byClick: 0, byTouch: 0, none: 1 },
    },
  ]);
  // Of six shoppers nothing is concluded, and that is said.
  expect([incremental, tooLittleData]).toEqual([null, expect.stringContaining("at least")]);
  const usage = await shop.store.usage();
  expect(usage.orders).toBe(4);
  const [hours] = [await shop.store.rollups("day", T0 - DAY_MS, T0 + 9 * DAY_MS)];
  const sum = (of: (delta: (typeof hours)[number]["delta"]) => number | undefined) =>
    hours.reduce((total, { delta }) => total + (of(delta) ?? 0), 0);
  expect([sum((d) => d.recovered), sum((d) => d.recoveredRevenue?.EUR), sum((d) => d.revenue?.EUR)]).toEqual([
    2, 2_500, 5_000,
  ]);
});

test("complaint 10: an order that two carts tell of is credited once", async () => {
  const shop = await Shop.open({}, [{ name: "Measured", holdout: 0, steps: [mailStep("first")] }]);
  const carts = [await filled(shop), await filled(shop)];
  await shop.until(LEFT + HOUR_MS);
  const { campaignId } = (await viewOf(carts[0]!)).journey!;
  for (const cart of carts) await cart.beacon(ordered(Date.now(), "o-1"));
  await shop.tell();
  const counted = await shop.store.results(campaignId);
  expect(counted.ok && counted.value.arms).toMatchObject([{ arm: "treated", shoppers: 1, buyers: 1, orders: 1 }]);
});
