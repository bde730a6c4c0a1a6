/** `POST /v1/predictions`: one cart, features as they are, or many of both at once. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { newXgboostFile, xgboostFile } from "../support/cart-model-files.ts";
import { LiveSocket } from "../support/live.ts";
import { type Answer, add, Merchant } from "../support/merchant.ts";
import { imported, moved } from "../support/models.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let merchant: Merchant;
beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url);
  await merchant.accept([add("c", "mug", "12.30"), add("c", "jug", "2.30")]);
});
afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
afterAll(() => system?.stop());

interface Prediction {
  purchaseProbability: number;
  abandonmentRisk: number;
  model: string;
  reasons: { feature: string; value: number; effect: number }[];
  at: string;
}
interface Failure {
  error: { code: string; message: string };
}

const predict = <T = Prediction>(body: unknown, by = merchant): Promise<Answer<T>> =>
  by.call<T>("POST", "/v1/predictions", body);
const logistic = (logit: number): number => Math.round((1 / (1 + Math.exp(-logit))) * 1e4) / 1e4;

test("of a cart is what the cart itself says", async () => {
  const { status, body } = await predict({ cartId: "c" });
  const { prediction } = await merchant.cart("c");
  expect(status).toBe(200);
  // Time goes on between the two questions: values that count minutes do too.
  const known = { model: prediction.model, reasons: prediction.reasons.map(({ feature }) => ({ feature })) };
  expect(body).toMatchObject(known);
  expect(body.purchaseProbability).toBeCloseTo(prediction.purchaseProbability, 2);
});

test("over the socket it is the same, also of what serves since a moment; an unknown cart is an error", async () => {
  const socket = await LiveSocket.listen(system.url, merchant.account.accessToken, "protocol", []);
  const asked = async (id: string): Promise<Record<string, unknown>> => {
    socket.send("prediction_request", { cartId: "c" }, id);
    return (await socket.frame("prediction", (frame) => frame.id === id)).payload;
  };
  expect(await asked("q1")).toMatchObject({ cartId: "c", model: "prior" });
  const version = await imported(merchant, newXgboostFile());
  await moved(merchant, version, "promote");
  expect(await asked("q2")).toMatchObject({ cartId: "c", model: version });
  expect((await merchant.cart("c")).prediction.model).toBe(version);
  await moved(merchant, version, "rollback");
  expect(await asked("q3")).toMatchObject({ cartId: "c", model: "prior" });
  socket.send("prediction_request", { cartId: "nobody" }, "q4");
  expect((await socket.frame("error", ({ payload }) => payload.id === "q4")).payload).toMatchObject({
    code: "NOT_FOUND",
  });
  socket.close();
});

test("of features is what the model makes of them; what is null or left out is missing", async () => {
  const version = await imported(merchant, xgboostFile(-2, 0.5));
  for (const [features, logit] of [
    [{ adds: 1 }, -2],
    [{ adds: 2, priorPurchases: 3 }, 0.5],
    [{ adds: null }, -2],
    [{}, -2],
    [{ adds: 2, idleMinutes: 5 }, 0.5],
  ] as const) {
    const { status, text, body } = await predict({ features, version });
    expect(status, text).toBe(200);
    expect(body).toMatchObject({ purchaseProbability: logistic(logit), model: version });
    expect(body.abandonmentRisk).toBeCloseTo(1 - logistic(logit), 6);
  }
  const { body } = await predict({ features: { adds: 2 }, version });
  expect(body.reasons[0]).toMatchObject({ feature: "adds", value: 2 });
  expect(body.reasons[0]!.effect).toBeGreaterThan(0);
});

test("is by what is in production, unless another version is named", async () => {
  const own = await Merchant.register(system.url);
  await own.accept([add("c", "mug", "12.30"), add("c", "jug", "2.30")]);
  const prior = (await predict({ features: { adds: 2 } }, own)).body.model;
  expect((await predict({ cartId: "c" }, own)).body.model).toBe(prior);
  const [a, b] = [await imported(own, newXgboostFile()), await imported(own, newXgboostFile())];
  await moved(own, a, "promote");
  for (const body of [{ cartId: "c" }, { features: { adds: 2 } }])
    expect((await predict(body, own)).body.model, "at once, though nothing happened to the cart").toBe(a);
  for (const body of [{ cartId: "c" }, { features: { adds: 2 } }]) {
    expect((await predict({ ...body, version: b }, own)).body.model).toBe(b);
    expect((await predict({ ...body, version: "prior" }, own)).body.model).toBe(prior);
  }
});

describe("of many at once", () => {
  test("each gets its own answer, in order, and what is unknown its own error", async () => {
    const version = await imported(merchant, xgboostFile(-1, 1));
    const items = [
      { cartId: "c" },
      { cartId: "nobody" },
      { features: { adds: 5 } },
      { features: { adds: 1 } },
      { cartId: "a/b" },
    ];
    const { status, text, body } = await predict<{ items: (Prediction & Failure)[] }>({ items, version });
    expect(status, text).toBe(200);
    expect(body.items).toMatchObject([
      { purchaseProbability: logistic(1), model: version },
      { error: { code: "NOT_FOUND" } },
      { purchaseProbability: logistic(1) },
      { purchaseProbability: logistic(-1) },
      { error: { code: "NOT_FOUND" } },
    ]);
    expect(body.items[1]).toEqual({ error: { code: "NOT_FOUND", message: expect.any(String) } });
  });

  test("a thousand, and no more", async () => {
    const items = Array.from({ length: 1_000 }, (_, i) => (i % 2 ? { features: { adds: i } } : { cartId: "c" }));
    const { status, body } = await predict<{ items: Prediction[] }>({ items });
    expect([status, body.items.length]).toEqual([200, 1_000]);
    expect(new Set(body.items.map(({ model }) => model)).size).toBe(1);
    expectProblem(await predict({ items: [...items, { cartId: "c" }] }), "VALIDATION_ERROR", "items");
    // Nothing was changed, hence no answer is kept, which could be too long for that.
    const keyed = () => merchant.call("POST", "/v1/predictions", { items }, { "idempotency-key": "thousand" });
    for (const { status, headers } of [await keyed(), await keyed()])
      expect([status, headers.get("idempotency-replayed")]).toEqual([200, null]);
  });
});

describe("is refused", () => {
  test.each<[string, unknown, string]>([
    ["of nothing", {}, "(body)"],
    ["of a cart and features", { cartId: "c", features: { adds: 1 } }, "(body)"],
    ["of a cart and many", { cartId: "c", items: [{ cartId: "c" }] }, "(body)"],
    ["of none of many", { items: [] }, "items"],
    ["of one of many that is nothing", { items: [{ cartId: "c" }, {}] }, "items.1"],
    ["of one of many that is both", { items: [{ cartId: "c", features: {} }] }, "items.0"],
    ["of a feature nobody knows", { features: { adds: 1, starSign: 3 } }, "features.starSign"],
    ["of a feature nobody knows, among many", { items: [{ features: { starSign: 3 } }] }, "items.0.features.starSign"],
    ["of a feature in words", { features: { adds: "two" } }, "features.adds"],
    ["of a feature beyond all measure", { features: { adds: 1e300 } }, "features.adds"],
    ["of a list of features", { features: [1, 2] }, "features"],
    ["of a cart with an empty name", { cartId: "" }, "cartId"],
    ["of a cart with a very long name", { cartId: "x".repeat(129) }, "cartId"],
    ["of a list", [], "(body)"],
  ])("%s", async (_, body, field) => {
    expectProblem(await predict(body), "VALIDATION_ERROR", field);
  });

  test("of what is another store's, or nobody's", async () => {
    const other = await Merchant.register(system.url);
    const version = await imported(merchant, newXgboostFile());
    expectProblem(await predict({ cartId: "c" }, other), "NOT_FOUND");
    expectProblem(await predict({ cartId: "nobody" }), "NOT_FOUND");
    for (const body of [{ features: {} }, { cartId: "c" }, { items: [{ cartId: "c" }] }]) {
      expectProblem(await predict({ ...body, version }, other), "NOT_FOUND");
      expectProblem(await predict({ ...body, version: "../../st_other/v1" }), "NOT_FOUND");
    }
  });

  test("of too much", async () => {
    expectProblem(await predict({ features: {}, more: "x".repeat(3 * 1024 * 1024) }), "PAYLOAD_TOO_LARGE");
  });
});
