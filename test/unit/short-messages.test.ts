/** SMS, push messages and offers: as short as their channels want them, and with the code that was given. */
import { describe, expect, it } from "vitest";
import { BUILT_INS, builtInFor, GALLERY, galleryTemplate } from "../../shared/gallery/index.ts";
import { fitted } from "../../shared/message-limits.ts";
import { smsSegments } from "../../shared/sms-segments.ts";
import { SAMPLE_CART, SAMPLE_STORE, sampleContext } from "../../shared/template-check.ts";
import { contextOf, inLocale, needsCoupon, render, usesCoupon } from "../../shared/templates.ts";

const LINKS = {
  recovery: "https://api.cartwake.example/r/abcdefgh12abcdefgh12",
  unsubscribe: "https://shop.example/u/abcdefgh",
};
const ISSUED = { code: "YOURS-7F3K", kind: "percent", amount: 15, expiresAt: Date.UTC(2026, 10, 24) } as const;
const gallery = (id: string) => galleryTemplate(id)!;
const made = async (id: string, locale: string, coupon: Parameters<typeof contextOf>[4] = null) => {
  const found = inLocale(gallery(id), locale);
  return render(found.parts, contextOf({ ...SAMPLE_CART, coupons: [] }, SAMPLE_STORE, LINKS, found.locale, coupon));
};

describe("the gallery", () => {
  const sms = GALLERY.filter(({ channel }) => channel === "sms").flatMap(({ id }) => [
    [id, "en"],
    [id, "de"],
  ]);
  it.each(sms)("%s in %s is one SMS with a typical link", async (id, locale) => {
    const { parts, locale: written } = inLocale(gallery(id!), locale!);
    const context = { ...sampleContext(written), recovery_url: LINKS.recovery };
    const { text } = fitted("sms", await render(parts, context));
    expect(smsSegments(text)).toMatchObject({ segments: 1, encoding: "GSM-7" });
    expect(text).toContain("STOP");
  });

  it("has a built-in template for each channel, and words about most triggers", () => {
    expect(BUILT_INS.map(({ channel }) => channel)).toEqual(["email", "sms", "push", "onsite"]);
    expect(builtInFor("onsite", "exit_intent").id).toBe("default-onsite");
    expect(builtInFor("onsite", "checkout_hesitation").id).toBe("onsite-hesitation");
    expect(builtInFor("push", "checkout_hesitation").id).toBe("default-push");
    expect(builtInFor("email", "price_drop").id).toBe("price-drop");
    expect(builtInFor("email").id).toBe("default");
  });

  it("says what the code is worth, as far as that is known", async () => {
    const headline = async (locale: string, coupon: Parameters<typeof contextOf>[4]) =>
      (await made("onsite-exit-coupon", locale, coupon)).subject.replaceAll("\u00a0", " ");
    expect(await headline("en", ISSUED)).toBe("15% off your order");
    expect(await headline("de", { ...ISSUED, kind: "amount", amount: 5 })).toBe("5,00 € auf Ihre Bestellung");
    expect(await headline("en", { ...ISSUED, kind: "free_shipping" })).toBe("Delivery is on us");
    expect(await headline("de", { ...ISSUED, kind: "pool" })).toBe("Ein Code für Ihre Bestellung");
  });
});

it("a code given with the message goes before one that the cart has", () => {
  const cart = { ...SAMPLE_CART, coupons: ["OLD"] };
  expect(contextOf(cart, SAMPLE_STORE, LINKS, "en").coupon).toEqual({
    code: "OLD",
    expires_at: null,
    kind: null,
    amount: null,
  });
  expect(contextOf(cart, SAMPLE_STORE, LINKS, "en", ISSUED).coupon).toEqual({
    code: "YOURS-7F3K",
    expires_at: "2026-11-24T00:00:00.000Z",
    kind: "percent",
    amount: 15,
  });
});

it("a template speaks of the coupon where it names it, not where it says the word", () => {
  const parts = (text: string) => ({ subject: "s", html: "", text });
  for (const text of ["{{ coupon.code }}", "{% if coupon %}x{% endif %}", "{{ coupon['code'] | upcase }}"])
    expect(usesCoupon(parts(text)), text).toBe(true);
  for (const text of ["coupon", "{% raw %}{{ coupon }}{% endraw %}", "{{ cart.total }}"])
    expect(usesCoupon(parts(text)), text).toBe(false);
});

it("a template needs the coupon unless it asks whether there is one", () => {
  const parts = (text: string) => ({ subject: "s", html: "", text });
  expect(needsCoupon(parts("{{ coupon.code }}"))).toBe(true);
  expect(needsCoupon(parts("{%- if coupon -%}{{ coupon.code }}{% endif %}"))).toBe(false);
  expect(needsCoupon(parts("coupon"))).toBe(false);
});

describe("what became too long with a real cart", () => {
  const parts = { subject: "h".repeat(130), html: "", text: `${"t".repeat(398)}😀😀` };
  it("is cut, never within a character", () => {
    const push = fitted("push", parts);
    expect([push.subject, push.text]).toEqual([`${"h".repeat(119)}…`, `${"t".repeat(398)}…`]);
    expect(fitted("onsite", parts).text).toBe(parts.text);
    expect(fitted("email", parts)).toBe(parts);
  });

  it("and an SMS has no title and no space that makes it dear", () => {
    const sms = fitted("sms", { subject: "s", html: "", text: "49,80\u00a0€" });
    expect([sms.subject, sms.text]).toEqual(["", "49,80 €"]);
  });
});
