import { describe, expect, it } from "vitest";
import { toProblem } from "../../workers/dashboard/app/api/http.ts";
import { ago, countdown, formatMoney, sparkPath, sumMoney, webUrl, words } from "../../workers/dashboard/app/format.ts";
import { cartHref, outboxHref, parseRoute, settingsHref } from "../../workers/dashboard/app/route.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const at = (ms: number) => new Date(NOW + ms).toISOString();

describe("times", () => {
  it.each([
    [2_000, "just now"], // a server's clock ahead of ours
    [-4_999, "just now"],
    [-59_999, "59 s ago"],
    [-60_000, "1 min ago"],
    [-3_600_000, "1 h ago"],
    [-172_800_000, "2 d ago"],
  ])("%i ms away reads %s", (ms, text) => expect(ago(at(ms), NOW)).toBe(text));

  it.each([
    [0, "due"],
    [1, "0:01"],
    [61_000, "1:01"],
    [3_600_000, "1 h 0 min"],
    [90_000_000, "1 d 1 h"],
  ])("%i ms ahead counts %s", (ms, text) => expect(countdown(at(ms), NOW)).toBe(text));

  it("that are none read as nothing", () => {
    expect(ago("", NOW)).toBe("");
    expect(countdown("soon", NOW)).toBe("");
  });
});

describe("money", () => {
  it("keeps the digits of its currency", () => {
    expect(formatMoney({ amount: "1234.50", currency: "EUR" }, "en-GB")).toBe("€1,234.50");
    expect(formatMoney({ amount: "1200", currency: "JPY" }, "en-GB")).toBe("JP¥1,200");
    expect(formatMoney({ amount: "1.00", currency: "?" }, "en-GB")).toBe("1.00 ?");
  });

  it("sums without the errors of floating point, and only one currency", () => {
    const eur = (amount: string) => ({ amount, currency: "EUR" });
    expect(sumMoney([eur("0.10"), eur("0.20"), null])).toEqual(eur("0.30"));
    expect(sumMoney([eur("1.00"), { amount: "1.00", currency: "USD" }])).toBeNull();
    expect(sumMoney([null])).toBeNull();
  });
});

describe("text", () => {
  it("of codes becomes words", () => {
    expect(["checkout_started", "itemCount", "step:second-look", ""].map(words)).toEqual([
      "Checkout started",
      "Item count",
      "Step second look",
      "",
    ]);
  });

  it("from a shop is a link only when it is a web address", () => {
    expect(webUrl("https://shop.example/p")).toBe("https://shop.example/p");
    for (const url of ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "/p", "", null, undefined]) {
      expect(webUrl(url)).toBeNull();
    }
  });
});

describe("the spark line", () => {
  it("stays within its box", () => {
    const path = sparkPath([0, 10, 5], 100, 20);
    expect(path).toBe("M0 20C25 20 25 0 50 0C75 0 75 10 100 10");
    expect(sparkPath([3], 100, 20)).toBe("");
    expect(sparkPath([0, 0], 100, 20)).toBe("M0 20C50 20 50 20 100 20");
  });
});

describe("addresses", () => {
  it("name a view, and survive any id", () => {
    expect(parseRoute("")).toEqual({ name: "board" });
    expect(parseRoute("#/")).toEqual({ name: "board" });
    expect(parseRoute(cartHref("a/b %"))).toEqual({ name: "cart", id: "a/b %" });
    expect(parseRoute(outboxHref())).toEqual({ name: "outbox", id: null });
    expect(parseRoute(outboxHref("d1"))).toEqual({ name: "outbox", id: "d1" });
    expect(parseRoute("#/settings")).toEqual({ name: "settings", section: "profile" });
    expect(parseRoute(settingsHref("audit"))).toEqual({ name: "settings", section: "audit" });
    expect(parseRoute("#/forgot")).toEqual({ name: "forgot" });
    expect(parseRoute("#/reset/am_1.a-b_c")).toEqual({ name: "reset", token: "am_1.a-b_c" });
    expect(parseRoute("#/invitation/inv_1.x")).toEqual({ name: "invitation", token: "inv_1.x" });
    for (const hash of [
      ...["#/carts", "#/carts/a/b", "#/else", "#//x"],
      ...["#/settings/else", "#/settings/audit/x", "#/forgot/me", "#/reset", "#/invitation/", "#/invitation/a/b"],
    ])
      expect(parseRoute(hash)).toEqual({ name: "missing" });
    expect(parseRoute("#/carts/%")).toEqual({ name: "cart", id: "%" });
  });
});

describe("problems", () => {
  it("carry the server's words", () => {
    const body = {
      title: "Invalid",
      detail: "Two fields.",
      code: "VALIDATION_ERROR",
      requestId: "r1",
      errors: [{ field: "email", message: "is missing" }, 5],
    };
    const problem = toProblem(400, JSON.stringify(body));
    expect(problem).toMatchObject({
      status: 400,
      code: "VALIDATION_ERROR",
      title: "Invalid",
      message: "Two fields.",
      requestId: "r1",
    });
    expect(problem.fields).toEqual([{ field: "email", message: "is missing" }]);
  });

  it("are readable even when the answer is not", () => {
    for (const text of ["", "<html>", "[]", "null"])
      expect(toProblem(502, text)).toMatchObject({ code: "UNEXPECTED", title: "The server answered 502" });
  });

  it("say how long to wait", () => {
    expect(toProblem(429, '{"title":"Too fast"}', "7")).toMatchObject({ message: "Too fast", retryAfter: 7 });
    for (const header of [null, "", "soon", "-1", "Sat, 21 Nov 2026 10:00:00 GMT"])
      expect(toProblem(429, "{}", header).retryAfter).toBeNull();
  });
});
