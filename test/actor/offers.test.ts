/** From what a cart says is due to what the page shows: words, languages, coupons, and what a failure costs. */
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { CouponAsk, IssuedCoupon, OfferDue } from "../../shared/events/messages.ts";
import { offerView } from "../../shared/offers.ts";
import { no, ok } from "../../shared/result.ts";
import { HOUR_MS, SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../../workers/env.ts";
import { type IssueCoupon, offerOf, offersOf } from "../../workers/ingest/offers.ts";
import { env, newStore, setClock, T0, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));
afterAll(() => {
  vi.useRealTimers();
});
beforeEach(() => setClock(T0));

const COUPON = { kind: "percent", amount: 10, expiresHours: 24, budget: 1 } as const;
const ISSUED: IssuedCoupon = { code: "YOURS-1", kind: "percent", amount: 10, expiresAt: T0 + 24 * HOUR_MS };
const item = {
  productId: "p1",
  variantId: null,
  name: "Mug",
  priceMinor: 1230,
  quantity: 2,
  url: null,
  imageUrl: "https://cdn.shop.example/mug.png",
  category: null,
};

const due = (over: Partial<OfferDue> = {}, locale: string | null = null): OfferDue => ({
  deliveryId: unique("dl"),
  campaignId: "ca",
  stepId: "s1",
  trigger: "exit_intent",
  templateId: "default",
  generation: 1,
  shopperId: "sh",
  coupon: null,
  contents: {
    email: null,
    name: "Ada Lovelace",
    timezone: null,
    locale,
    items: [item],
    totalMinor: 2460,
    currency: "EUR",
    coupons: [],
    createdAt: T0,
  },
  expiresAt: T0 + HOUR_MS,
  ...over,
});

const asked: CouponAsk[] = [];
const give: IssueCoupon = async (ask) => {
  asked.push(ask);
  return ok(ISSUED);
};
const spent: IssueCoupon = async () => no("budget_spent");

async function saved(storeId: string, subject: string, text: string, translations = {}): Promise<string> {
  const id = unique("tpl");
  await env.DB.prepare(
    "INSERT INTO templates (store_id, id, name, channel, locale, subject, html, text, translations, version, updated_at) VALUES (?, ?, 'T', 'onsite', 'en', ?, '', ?, ?, 1, 0)",
  )
    .bind(storeId, id, subject, text, JSON.stringify(translations))
    .run();
  return id;
}

/** Counts what is asked of D1. */
function counted(): { env: Env; reads: () => number } {
  let reads = 0;
  const DB = {
    prepare(sql: string) {
      reads += 1;
      return env.DB.prepare(sql);
    },
  } as unknown as D1Database;
  return { env: { ...env, DB }, reads: () => reads };
}

describe("an offer", () => {
  it("is the documented shape, in the shopper's language, with the first item's picture", async () => {
    const { id } = await newStore();
    const one = due({}, "de-AT");
    const offer = await offerOf(env, id, { cartId: "c", due: one }, T0, give);
    expect(offerView.parse(offer)).toEqual(offer);
    expect(offer).toMatchObject({
      id: one.deliveryId,
      cartId: "c",
      locale: "de-AT",
      headline: "Bevor Sie gehen, Ada",
      button: "Zur Kasse",
      dismiss: "Nein, danke",
      imageUrl: "https://cdn.shop.example/mug.png",
      coupon: null,
      expiresAt: new Date(T0 + HOUR_MS).toISOString(),
    });
    const failed = await offerOf(env, id, { cartId: "c", due: due({ trigger: "payment_failed" }) }, T0, give);
    expect(failed).toMatchObject({ button: "Try again", headline: "That payment did not go through" });
    expect(asked).toEqual([]);
  });

  it("is the merchant's own words, as text and cut to what a page shows", async () => {
    const { id } = await newStore();
    const templateId = await saved(id, "<b>{{ cart.items.first.name }}</b>", "{{ cart.items.first.name }} ".repeat(20));
    const named = due({ templateId });
    named.contents.items = [{ ...item, name: "M".repeat(100) }];
    const offer = await offerOf(env, id, { cartId: "c", due: named }, T0, give);
    expect(offer?.headline).toBe(`<b>${"M".repeat(100)}</b>`);
    expect(offer?.text).toHaveLength(600);
    expect(offer?.text.endsWith("…")).toBe(true);
  });

  it("is read from D1 once, and again after a while", async () => {
    const { id } = await newStore();
    const on = counted();
    const templateId = await saved(id, "Before", "t");
    const headline = async (now: number) =>
      (await offerOf(on.env, id, { cartId: "c", due: due({ templateId, expiresAt: T0 * 2 }) }, now, give))?.headline;
    expect(await headline(T0)).toBe("Before");
    await env.DB.prepare("UPDATE templates SET subject = 'After' WHERE id = ?").bind(templateId).run();
    expect([await headline(T0 + 29 * SECOND_MS), on.reads()]).toEqual(["Before", 1]);
    expect([await headline(T0 + 31 * SECOND_MS), on.reads()]).toEqual(["After", 2]);
    await offerOf(on.env, id, { cartId: "c", due: due() }, T0, give);
    expect(on.reads()).toBe(2);
  });

  it("that is over is not shown", async () => {
    const { id } = await newStore();
    expect(await offerOf(env, id, { cartId: "c", due: due({ expiresAt: T0 }) }, T0, give)).toBeNull();
  });
});

describe("a coupon", () => {
  it("is asked of the store for this cart, generation and step, and stands in the words", async () => {
    const { id } = await newStore();
    const templateId = await saved(id, "{{ coupon.amount }} off", "Use {{ coupon.code }}");
    const offer = await offerOf(env, id, { cartId: "c", due: due({ templateId, coupon: COUPON }) }, T0, give);
    expect(offer).toMatchObject({ headline: "10 off", text: "Use YOURS-1" });
    expect(offer?.coupon).toMatchObject({ code: "YOURS-1", kind: "percent", amount: 10, copy: "Copy code" });
    expect(asked.at(-1)).toEqual({
      campaignId: "ca",
      stepId: "s1",
      cartId: "c",
      generation: 1,
      shopperId: "sh",
      coupon: COUPON,
    });
  });

  it("is asked for once, however often the reply carries it", async () => {
    const { id } = await newStore();
    const one = due({ coupon: COUPON });
    const before = asked.length;
    for (let i = 0; i < 5; i++)
      expect((await offerOf(env, id, { cartId: "c", due: one }, T0 + i * SECOND_MS, give))?.coupon?.code).toBe(
        "YOURS-1",
      );
    expect(asked.length - before).toBe(1);
    await offerOf(env, id, { cartId: "other", due: one }, T0, give);
    expect(asked.length - before).toBe(2);
  });

  it("of which none is left leaves words that do not speak of it, and no others", async () => {
    const { id } = await newStore();
    const silent = await offerOf(env, id, { cartId: "c", due: due({ coupon: COUPON }) }, T0, spent);
    expect(silent).toMatchObject({ headline: "Before you go, Ada", coupon: null });
    const templateId = await saved(id, "Yours", "{% if coupon %}{{ coupon.code }}{% endif %}");
    expect(await offerOf(env, id, { cartId: "c", due: due({ templateId, coupon: COUPON }) }, T0, spent)).toBeNull();
  });
});

it("an offer that cannot be made is left out, and the others are there", async () => {
  const { id } = await newStore();
  const broken = await saved(id, "{{ cart.total | explode }}", "t");
  const good = due();
  const offers = await offersOf(
    env,
    id,
    [
      { cartId: "a", due: due({ templateId: broken }) },
      { cartId: "b", due: good },
    ],
    T0,
  );
  expect(offers.map((offer) => offer.id)).toEqual([good.deliveryId]);
  expect(await offersOf(env, unique("st"), [{ cartId: "a", due: due() }], T0)).toEqual([]);
});
