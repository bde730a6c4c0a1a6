/** Pools, coupons and the order signal over HTTP, as a merchant and the dashboard meet them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CouponPoolView, CouponView } from "../../shared/coupons.ts";
import type { OrderSignalView } from "../../shared/views.ts";
import { LiveSocket } from "../support/live.ts";
import { add, event, identify, Merchant, order, until } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system?.stop());

const pools = async (merchant: Merchant) => (await merchant.get<{ items: CouponPoolView[] }>("/v1/coupon-pools")).items;

const csv = (merchant: Merchant, id: string, text: string, type = "text/csv; charset=utf-8") =>
  fetch(`${system.url}/v1/coupon-pools/${id}/codes`, {
    method: "POST",
    headers: { authorization: `Bearer ${merchant.credential}`, "content-type": type },
    body: text,
  }).then(async (answer) => {
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) as Record<string, unknown> };
  });

test("codes are imported from CSV and JSON: the good ones kept, the others named by line", async () => {
  const merchant = await Merchant.register(system.url);
  const made = await merchant.call<CouponPoolView>("POST", "/v1/coupon-pools", { name: "Spring" });
  expect([made.status, made.body]).toMatchObject([201, { name: "Spring", added: 0, taken: 0, left: 0 }]);
  const { id } = made.body;
  const first = await csv(
    merchant,
    id,
    '\ufeffCode,Note\r\nAAA-1,"for, friends"\r\nno\r\n\r\n"BBB-2"\r\n"broken\r\naaa-1\r\n=1+1,x\r\n',
  );
  expect([first.status, first.body]).toMatchObject([
    200,
    {
      added: 3,
      duplicates: 1,
      rejectedCount: 2,
      rejected: [{ line: 3 }, { line: 6, message: "the quotes do not fit" }],
    },
  ]);
  const second = await merchant.call("POST", `/v1/coupon-pools/${id}/codes`, { codes: ["bbb-2", "CCC 3", "CCC-3"] });
  expect(second.body).toMatchObject({ added: 1, duplicates: 1, rejected: [{ line: 2 }] });
  expect(await pools(merchant)).toMatchObject([{ id, added: 4, taken: 0, left: 4 }]);

  const many = Array.from({ length: 20_000 }, (_, i) => `BULK-${i}-${"x".repeat(30)}`);
  expect((await csv(merchant, id, many.join("\n"))).body).toMatchObject({ added: 20_000 });
  expectProblem(await csv(merchant, id, `${many.join("\n")}\nmore-1`), "VALIDATION_ERROR");
  expectProblem(await csv(merchant, id, "x".repeat(1024 * 1024 + 1)), "PAYLOAD_TOO_LARGE");
  expectProblem(await csv(merchant, id, "AAA", "text/html"), "UNSUPPORTED_MEDIA_TYPE");
  expectProblem(await merchant.call("POST", `/v1/coupon-pools/${id}/codes`, { codes: [1, 2] }), "VALIDATION_ERROR");
  expectProblem(await merchant.call("POST", `/v1/coupon-pools/${id}/codes`, { codes: [] }), "VALIDATION_ERROR");
  const stranger = await Merchant.register(system.url);
  expectProblem(await csv(stranger, id, "AAA-9"), "NOT_FOUND");
});

test("a campaign draws only from a pool that is there, and holds it while it is enabled", async () => {
  const merchant = await Merchant.register(system.url);
  const { body: pool } = await merchant.call<CouponPoolView>("POST", "/v1/coupon-pools", { name: "P" });
  const steps = (poolId: string) => [{ id: "a" }, { id: "b", coupon: { kind: "pool", budget: 10, poolId } }];
  const refused = await merchant.call("POST", "/v1/campaigns", { name: "C", steps: steps("none") });
  expect(expectProblem(refused, "VALIDATION_ERROR").errors).toMatchObject([{ field: "steps.1.coupon.poolId" }]);
  const { body: campaign, status } = await merchant.call<{ id: string }>("POST", "/v1/campaigns", {
    name: "C",
    steps: steps(pool.id),
  });
  expect(status).toBe(201);
  expectProblem(await merchant.call("DELETE", `/v1/coupon-pools/${pool.id}`), "CONFLICT");
  expect(await merchant.get(`/v1/campaigns/${campaign.id}/coupons`)).toEqual({
    steps: [{ stepId: "b", budget: 10, issued: 0, redeemed: 0, expired: 0, left: 10 }],
  });
  expect((await merchant.call("PATCH", `/v1/campaigns/${campaign.id}`, { enabled: false })).status).toBe(200);
  expect((await merchant.call("DELETE", `/v1/coupon-pools/${pool.id}`)).status).toBe(204);
  expectProblem(await merchant.call("PATCH", `/v1/campaigns/${campaign.id}`, { enabled: true }), "VALIDATION_ERROR");
  expect(await merchant.get("/v1/coupons?status=issued")).toEqual({ items: [], nextCursor: null });
  for (const cursor of ["x", "W10", "%00", "eyJhIjoxfQ"])
    expectProblem(await merchant.call("GET", `/v1/coupons?cursor=${cursor}`), "VALIDATION_ERROR");
});

test("a coupon goes out with the message and comes back with the order; a cancelled order gives it back", async () => {
  const merchant = await Merchant.register(system.url);
  await merchant.settings({ abandonAfterMinutes: 0.01 });
  const coupon = { kind: "percent", amount: 10, budget: 1 };
  const { body: template } = await merchant.call<{ id: string }>("POST", "/v1/templates", {
    name: "With a code",
    subject: "{{ coupon.code }}",
    html: "{{ coupon.code }} until {{ coupon.expires_at | date }} {{ recovery_url }} {{ unsubscribe_url }}",
  });
  const made = await merchant.call<{ id: string }>("POST", "/v1/campaigns", {
    name: "C",
    steps: [{ id: "s", coupon, variants: [{ id: "a", templateId: template.id }] }],
  });
  const steps = () => merchant.get<{ steps: unknown[] }>(`/v1/campaigns/${made.body.id}/coupons`);
  const list = async (query: string) => (await merchant.get<{ items: CouponView[] }>(`/v1/coupons?${query}`)).items;
  await merchant.accept([add("left", "mug", "10.00"), identify("left", "ada@example.com")]);
  const [given] = await until("a coupon was given out", async () => {
    const found = await list(`campaignId=${made.body.id}`);
    return found.length > 0 && found;
  });
  expect(given).toMatchObject({
    cartId: "left",
    stepId: "s",
    kind: "percent",
    amount: 10,
    status: "issued",
    redeemed: null,
  });
  const code = given!.code.toLowerCase();
  await merchant.accept([event("left", "coupon_applied", { code }), order("left", "o-9", "9.00")]);
  const status = (wanted: string) =>
    until(`it is ${wanted}`, async () => (await list(`code=${code}`))[0]?.status === wanted);
  await status("redeemed");
  expect((await list("status=redeemed"))[0]?.redeemed).toMatchObject({ orderId: "o-9" });
  expect(await steps()).toEqual({ steps: [{ stepId: "s", budget: 1, issued: 1, redeemed: 1, expired: 0, left: 0 }] });
  await merchant.accept([event("left", "order_cancelled", { order: { id: "o-9" } })]);
  await status("issued");
});

test("a store that loses its order signal is paused, its dashboards are told, and orders let it go", async () => {
  const merchant = await Merchant.register(system.url);
  const path = `/v1/stores/${merchant.account.storeId}/order-signal`;
  const signal = () => merchant.get<OrderSignalView>(path);
  const live = await LiveSocket.listen(system.url, merchant.account.accessToken, "frame", ["system", "metrics"]);
  const becomes = (wanted: string) =>
    until(
      `the signal is ${wanted}`,
      async () => (await signal()).signal === wanted && (await merchant.realtime()).orderSignal === wanted,
    );
  expect(await signal()).toEqual({ signal: "none_yet", since: null, why: null, overriddenUntil: null });
  await merchant.accept([add("first", "mug", "10.00"), order("first", "o-1", "10.00")]);
  await becomes("ok");
  for (let i = 0; i < 20; i++)
    await merchant.accept([add(`c${i}`, "mug", "10.00"), event(`c${i}`, "payment_info_submitted")]);
  await becomes("signal_loss");
  expect(await signal()).toMatchObject({ why: "payments", overriddenUntil: null });
  await until("the dashboard was told", async () =>
    live.news("system").some((n) => n.message.startsWith("Messages are paused")),
  );
  await until("and the board", async () => live.news("metrics").at(-1)?.metrics.orderSignal === "signal_loss");

  await merchant.accept([order("c0", "o-2", "10.00")]);
  await becomes("ok");
  await until("that too", async () => live.news("system").some((n) => n.message.startsWith("Orders arrive again")));
  live.close();

  expectProblem(await merchant.call("POST", path, { action: "sleep" }), "VALIDATION_ERROR");
  const overridden = await merchant.call<OrderSignalView>("POST", path, { action: "override" });
  expect(overridden.body).toMatchObject({ signal: "ok", overriddenUntil: expect.any(String) });
  const { items } = await merchant.get<{ items: { action: string }[] }>("/v1/audit");
  expect(items.map(({ action }) => action)).toContain("store.signal_overridden");
  expect(unexpectedIn(system.logs())).toEqual([]);
});
