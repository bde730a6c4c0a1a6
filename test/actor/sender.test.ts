/** The sender between cart, shopper and provider: what a crash at each step leaves behind. */
import { applyD1Migrations, type D1Migration, runDurableObjectAlarm } from "cloudflare:test";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { breakerStub, shopperStub } from "../../objects/stubs.ts";
import type { SendCommand } from "../../shared/events/messages.ts";
import { shopperIdOf } from "../../shared/ids.ts";
import { MINUTE_MS } from "../../shared/time.ts";
import type { Env } from "../../workers/env.ts";
import { send } from "../../workers/interventions/sender.ts";
import { add, event, identified, ordered } from "../support/cart-life.ts";
import {
  cartOf,
  env,
  eventually,
  failure,
  HeldQueues,
  newCart,
  newStore,
  setClock,
  T0,
  type TestCart,
} from "./support.ts";

const queues = new HeldQueues();
beforeAll(async () => {
  queues.hold();
  await applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS);
});
afterAll(() => {
  queues.release();
  vi.useRealTimers();
});
beforeEach(() => setClock(T0));

/** A left cart, its hand-over, and what its shopper's ledger says. */
async function left(): Promise<{ cart: TestCart; command: SendCommand; places: () => Promise<string[]> }> {
  const cart = await newCart();
  await cart.beacon(add(T0), identified(T0));
  setClock(T0 + 31 * MINUTE_MS);
  await runDurableObjectAlarm(cart.stub);
  const [command] = queues.takeCommands(cart.id);
  const prospect = await cart.cart.prospect(command!.effectId);
  if (!prospect.ok) throw new Error(prospect.reason);
  const shopper = shopperStub(env, cart.storeId, prospect.value.shopperId);
  return { cart, command: command!, places: async () => (await shopper.profile()).sends.map((s) => s.status) };
}

/** A deployment whose mail goes through this. */
const mailedBy = (call: () => Promise<unknown>, over: Partial<Env> = {}): Env => ({
  ...env,
  EMAIL_PROVIDER: "send_email",
  EMAIL: { send: call } as unknown as SendEmail,
  ...over,
});

describe("law 6: the cap holds through crashes", () => {
  it("the place is used before the provider is called, so a lost settle does not free it", async () => {
    const { command, places } = await left();
    const during: string[][] = [];
    const mail = mailedBy(async () => void during.push(await places()));
    expect(await send(command, mail)).toBe("sent");
    expect(during).toEqual([["sent"]]);
    expect(await places()).toEqual(["sent"]);
    expect(await send(command, mail)).toBe("already_sent");
    expect(await places()).toEqual(["sent"]);
  });

  it("a sender that dies in the call leaves a used place, and the hand-over again does not free it", async () => {
    const { command, places } = await left();
    void send(
      command,
      mailedBy(() => new Promise(() => undefined)),
    );
    await eventually(async () => expect(await places()).toEqual(["sent"]));
    expect(
      await send(
        command,
        mailedBy(async () => undefined),
      ),
    ).toMatch(/^already_/);
    expect(await places()).toEqual(["sent"]);
  });

  it("a claim that is refused frees the place: an order came in between", async () => {
    const { command, cart, places } = await left();
    const SHOPPER = {
      getByName: (name: string) => {
        const shopper = env.SHOPPER.getByName(name);
        const permit = async (...asked: Parameters<typeof shopper.permit>) => {
          const answer = await shopper.permit(...asked);
          expect(await places()).toEqual(["reserved"]);
          await cart.beacon(ordered(T0 + 31 * MINUTE_MS));
          return answer;
        };
        return { permit, release: (id: string) => shopper.release(id) };
      },
    } as unknown as Env["SHOPPER"];
    const mailed = vi.fn(async () => undefined);
    expect(await send(command, mailedBy(mailed, { SHOPPER }))).toBe("already_cancelled");
    expect(mailed).not.toHaveBeenCalled();
    expect(await places()).toEqual([]);
  });

  it("a second sender that finds the circuit open leaves the place to the first, which has the message", async () => {
    const { command, cart, places } = await left();
    const SHOPPER = {
      getByName: (name: string) => {
        const { permit } = env.SHOPPER.getByName(name);
        return { permit, settle: () => new Promise(() => undefined) }; // it has claimed, and comes no further
      },
    } as unknown as Env["SHOPPER"];
    void send(
      command,
      mailedBy(async () => undefined, { SHOPPER }),
    );
    await eventually(async () =>
      expect(await cart.cart.view()).toMatchObject({ ok: true, value: { deliveries: [{ status: "claimed" }] } }),
    );
    const breaker = breakerStub(env, cart.storeId, "send_email");
    for (let i = 0; i < 5; i++) await breaker.report("failure");
    const second = await send(
      command,
      mailedBy(async () => undefined),
    );
    expect(second).toBe("provider_unavailable");
    expect(await places()).toEqual(["reserved"]);
  });

  it("what the provider refused frees the place", async () => {
    const { command, places } = await left();
    const refusal = Object.assign(new Error("no"), { code: "E_SENDER_NOT_VERIFIED" });
    expect(
      await send(
        command,
        mailedBy(() => Promise.reject(refusal)),
      ),
    ).toBe("failed");
    expect(await places()).toEqual([]);
  });

  it("when the place cannot be used nothing is sent, and it is tried again later", async () => {
    const { command, cart } = await left();
    const mailed = vi.fn(async () => undefined);
    const SHOPPER = {
      getByName: (name: string) => {
        const { permit } = env.SHOPPER.getByName(name);
        return { permit, settle: () => Promise.reject(new Error("away")), unsent: async () => undefined };
      },
    } as unknown as Env["SHOPPER"];
    expect(await failure(() => send(command, mailedBy(mailed, { SHOPPER })))).toBe("");
    expect(mailed).not.toHaveBeenCalled();
    expect(await cart.cart.view()).toMatchObject({ ok: true, value: { deliveries: [{ status: "scheduled" }] } });
  });
});

describe("law 6: a number that answered STOP", () => {
  const PHONE = "+491510000099";

  it("gets no SMS for another shopper either: a cart with another mail address does not open it again", async () => {
    const { id, store, rules } = await newStore({ requireConsent: [] });
    const [campaign] = rules.campaigns;
    const steps = campaign!.steps.map((step) => ({ ...step, channel: "sms" as const }));
    const cart = cartOf(id, store, { ...rules, campaigns: [{ ...campaign!, steps }] });
    await cart.beacon(add(T0), event("shopper_identified", T0, { email: "new@example.com", phone: PHONE }));
    setClock(T0 + 31 * MINUTE_MS);
    await runDurableObjectAlarm(cart.stub);
    const [command] = queues.takeCommands(cart.id);
    await shopperStub(env, id, shopperIdOf(id, PHONE)).suppress("sms", "stop"); // as the answer of STOP does
    expect(await send(command!, env)).toBe("suppressed_stop");
    expect(await cart.cart.view()).toMatchObject({ ok: true, value: { deliveries: [{ status: "suppressed" }] } });
  });
});

describe("what a stranger can make a store send", () => {
  it("first messages are bounded by the hour; who waits gets theirs later, and who had one before is not held up", async () => {
    const { id, store, rules } = await newStore({ firstMessagesPerHour: { email: 2, push: 0, sms: 0 } });
    const handed: { cart: TestCart; command: SendCommand }[] = [];
    for (let i = 0; i < 3; i++) {
      const cart = cartOf(id, store, rules);
      setClock(T0);
      await cart.beacon(add(T0), identified(T0, `stranger${i}@example.com`));
      setClock(T0 + 31 * MINUTE_MS);
      await runDurableObjectAlarm(cart.stub);
      handed.push({ cart, command: queues.takeCommands(cart.id)[0]! });
    }
    const sent = [];
    for (const { command } of handed) sent.push(await send(command, env));
    expect(sent).toEqual(["sent", "sent", "first_messages"]);
    const waits = handed[2]!.cart;
    const view = await waits.cart.view();
    const due = view.ok ? Date.parse(view.value.deliveries[0]!.dueAt!) : 0;
    expect(due).toBeGreaterThanOrEqual(T0 + 60 * MINUTE_MS);
    expect(due).toBeLessThanOrEqual(T0 + 75 * MINUTE_MS);

    // The shopper of the first cart leaves another one behind in the same hour.
    const again = cartOf(id, store, rules);
    setClock(T0 + 32 * MINUTE_MS);
    await again.beacon(add(T0), identified(T0, "stranger0@example.com"));
    setClock(T0 + 59 * MINUTE_MS);
    await store.patchSettings({ abandonAfterMinutes: 5 }, null);
    await runDurableObjectAlarm(again.stub);
    expect(await send(queues.takeCommands(again.id)[0]!, env)).toBe("sent");

    setClock(due);
    await runDurableObjectAlarm(waits.stub);
    expect(await send(queues.takeCommands(waits.id)[0]!, env)).toBe("sent");
  });
});
