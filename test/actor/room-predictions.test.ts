/** `prediction_request` over a socket: the cart's own answer, for who may see the store's carts, and for nobody else. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CLOSE } from "../../objects/room/frames.ts";
import { roomName } from "../../objects/stubs.ts";
import { add } from "../support/cart-life.ts";
import { enter, lobbyMember, type Member, tokenFor } from "./room-support.ts";
import {
  cartOf,
  env,
  eventually,
  HeldQueues,
  newCart,
  newStore,
  setClock,
  T0,
  type TestCart,
  unique,
} from "./support.ts";

const queues = new HeldQueues();
beforeAll(() => queues.hold());
afterAll(() => queues.release());

async function cartWithMug(): Promise<TestCart> {
  const cart = await newCart();
  await cart.beacon(add(Date.now()));
  return cart;
}

const answerTo = async (member: Member, id: string) => {
  await eventually(() => expect(member.frames.map((frame) => frame.id ?? frame.payload.id)).toContain(id));
  return member.frames.find((frame) => frame.id === id || frame.payload.id === id)!;
};

it("is answered with what the cart itself thinks", async () => {
  const cart = await cartWithMug();
  for (const member of [
    await lobbyMember(cart.storeId),
    await enter(roomName(cart.storeId, "live"), `cartwake.bearer.${await tokenFor(cart.storeId)}`),
  ]) {
    member.say("prediction_request", { cartId: cart.id }, "p1");
    const frame = await answerTo(member, "p1");
    expect(frame).toMatchObject({ type: "prediction", payload: { cartId: cart.id, model: expect.any(String) } });
    const { purchaseProbability, abandonmentRisk, reasons, at } = frame.payload as Record<string, unknown>;
    expect(Number(purchaseProbability) + Number(abandonmentRisk)).toBeCloseTo(1, 3);
    expect([Array.isArray(reasons), Number.isNaN(Date.parse(String(at)))]).toEqual([true, false]);
    const asked = await cart.cart.prediction();
    expect(asked.ok && asked.value.model).toBe(frame.payload.model);
  }
});

describe("gets an error, and the socket stays,", () => {
  it.each([
    ["for a cart that does not exist", { cartId: "nobody" }, "NOT_FOUND"],
    ["for a name no cart can have", { cartId: "a/b" }, "NOT_FOUND"],
    ["without a cart", {}, "VALIDATION_ERROR"],
    ["for a name that is too long", { cartId: "x".repeat(129) }, "VALIDATION_ERROR"],
  ])("%s", async (_, payload, code) => {
    const member = await lobbyMember((await newStore()).id);
    member.say("prediction_request", payload, "p2");
    expect(await answerTo(member, "p2")).toMatchObject({ type: "error", payload: { code, id: "p2" } });
    member.say("heartbeat", {}, "alive");
    await answerTo(member, "alive");
  });

  it("for another store's cart, as for one that does not exist", async () => {
    const theirs = await cartWithMug();
    const member = await lobbyMember((await newStore()).id);
    member.say("prediction_request", { cartId: theirs.id }, "p3");
    expect(await answerTo(member, "p3")).toMatchObject({ type: "error", payload: { code: "NOT_FOUND" } });
  });

  it("when the cart does not answer, and the next frame has its turn", async () => {
    const { id, store, rules } = await newStore();
    const member = await lobbyMember(id);
    const { CART } = env;
    env.CART = { getByName: () => ({ prediction: () => Promise.reject(new Error("down")) }) } as unknown as typeof CART;
    try {
      member.say("prediction_request", { cartId: "c" }, "p4");
      expect(await answerTo(member, "p4")).toMatchObject({ type: "error", payload: { code: "SERVICE_UNAVAILABLE" } });
    } finally {
      env.CART = CART;
    }
    const cart = cartOf(id, store, rules);
    await cart.beacon(add(Date.now()));
    member.say("prediction_request", { cartId: cart.id }, "p5");
    expect((await answerTo(member, "p5")).type).toBe("prediction");
  });
});

describe("closes the socket", () => {
  it("of who did not say who they are", async () => {
    const cart = await cartWithMug();
    const member = await enter(`~/${unique("lobby")}`);
    member.say("prediction_request", { cartId: cart.id });
    expect(await member.closes()).toBe(CLOSE.unauthenticated);
    expect(member.raw.join()).not.toContain("purchaseProbability");
  });

  it("of whose token has expired meanwhile", async () => {
    setClock(T0);
    try {
      const cart = await newCart();
      await cart.beacon(add(T0));
      const member = await lobbyMember(cart.storeId);
      setClock(T0 + 3_600_000);
      member.say("prediction_request", { cartId: cart.id });
      expect(await member.closes()).toBe(CLOSE.unauthenticated);
      expect(member.raw.join()).not.toContain("purchaseProbability");
    } finally {
      vi.useRealTimers();
    }
  });

  it("of who asks more than sixty times in ten seconds", async () => {
    setClock(T0);
    try {
      const member = await lobbyMember((await newStore()).id);
      for (let i = 0; i < 61; i++) {
        member.say("prediction_request", { cartId: "nobody" }, `n${i}`);
        if (i % 10 === 0 && i < 60) await answerTo(member, `n${i}`);
      }
      expect(await member.closes()).toBe(CLOSE.tooFast);
    } finally {
      vi.useRealTimers();
    }
  });
});
