/** Who is about to leave, and who hesitates at the checkout. */
import { describe, expect, it } from "vitest";
import { createExitSense, type PointerOut } from "../../workers/storefront/snippet/exit.ts";
import { createHesitation } from "../../workers/storefront/snippet/hesitation.ts";
import { FakeClock, FakeStorage, openPage, storeOver } from "./snippet-support.ts";

function sensed() {
  let told = 0;
  const sense = createExitSense(() => {
    told += 1;
  });
  sense.viewed(0);
  return { sense, told: () => told };
}
const out = (over: Partial<PointerOut> = {}): PointerOut => ({
  x: 300,
  y: -2,
  width: 1280,
  to: null,
  buttons: 0,
  ...over,
});

describe("leaving by pointer", () => {
  it("is through the top, once a page view", () => {
    const { sense, told } = sensed();
    sense.out(out(), 5_000);
    sense.out(out(), 6_000);
    expect(told()).toBe(1);
    sense.viewed(7_000);
    sense.out(out(), 9_000);
    expect(told()).toBe(2);
  });

  it("is told when a fast pointer was last seen a little below the edge, on its way up", () => {
    const { sense, told } = sensed();
    sense.move(4);
    sense.out(out({ y: 12 }), 5_000);
    expect(told()).toBe(0);
    sense.move(90);
    sense.out(out({ y: 12 }), 5_100);
    expect(told()).toBe(1);
  });

  it.each([
    ["to another element", { to: {} }],
    ["sideways", { x: -3, y: 200 }],
    ["by the corner of the left edge", { x: -3 }],
    ["downwards", { y: 799 }],
    ["dragging something", { buttons: 1 }],
  ])("is not %s", (_, over) => {
    const { sense, told } = sensed();
    sense.out(out(over), 5_000);
    expect(told()).toBe(0);
  });

  it("is not crossing the page while it loads", () => {
    const { sense, told } = sensed();
    sense.out(out(), 400);
    expect(told()).toBe(0);
  });
});

describe("leaving on a phone", () => {
  /** Down to 2,000 px by hand, then back up in steps of so many px every 16 ms. */
  function flicked(step: number, { touch = true, steps = 20 } = {}) {
    const { sense, told } = sensed();
    for (let y = 0; y <= 2_000; y += 100) sense.scroll(y, 800, 3_000 + y);
    if (touch) sense.touch(9_990);
    for (let i = 1; i <= steps; i++) sense.scroll(2_000 - i * step, 800, 10_000 + i * 16);
    return told();
  }
  it("is a flick back up", () => expect(flicked(40)).toBe(1));
  it("is not scrolling up to read again", () => expect(flicked(8)).toBe(0));
  it("is not a jump that the page made", () => {
    expect(flicked(40, { touch: false })).toBe(0);
    expect(flicked(2_000, { steps: 1 })).toBe(0);
  });
  it("is coming back after a while elsewhere, not after a glance", () => {
    const { sense, told } = sensed();
    sense.back(3_000, 20_000);
    expect(told()).toBe(0);
    sense.back(20_000, 50_000);
    expect(told()).toBe(1);
  });
});

describe("hesitation", () => {
  function checkout() {
    const clock = new FakeClock();
    const session = new FakeStorage();
    const at = { clock, session, told: 0, visible: true, cart: "c-1" };
    const open = () =>
      createHesitation({
        clock,
        session: storeOver(session),
        waitMs: 45_000,
        isVisible: () => at.visible,
        cartId: () => at.cart,
        hesitating: () => {
          at.told += 1;
        },
      });
    return Object.assign(at, { open, page: open() });
  }

  it("is 45 s of nothing at a step, told once for each step, also after a reload", async () => {
    const at = checkout();
    at.page.enter("start");
    await at.clock.advance(44_000);
    expect(at.told).toBe(0);
    await at.clock.advance(2_000);
    expect(at.told).toBe(1);
    at.page.enter("start");
    await at.clock.advance(120_000);
    const reloaded = at.open();
    reloaded.enter("start");
    await at.clock.advance(120_000);
    expect(at.told).toBe(1);
    reloaded.enter("contact");
    await at.clock.advance(45_000);
    expect(at.told).toBe(2);
    at.cart = "c-2";
    reloaded.enter("start");
    await at.clock.advance(45_000);
    expect(at.told).toBe(3);
  });

  it("is not told of somebody who does something, who is elsewhere, or who is gone", async () => {
    const at = checkout();
    at.page.enter("start");
    for (let i = 0; i < 10; i++) {
      await at.clock.advance(40_000);
      at.page.active();
    }
    expect(at.told).toBe(0);
    at.visible = false;
    await at.clock.advance(300_000);
    at.visible = true;
    at.page.active(); // as coming back is
    await at.clock.advance(44_000);
    expect(at.told).toBe(0);
    at.page.leave();
    await at.clock.advance(300_000);
    expect(at.told).toBe(0);
  });
});

describe("what a page says", () => {
  it("about consent goes out with the words it was given to, and only the answer is remembered", async () => {
    const page = openPage();
    page.cartwake("consent", { email: "granted" }, { text: "Write to me" });
    await page.clock.advance(50);
    expect(page.sent[0]?.events[0]?.data).toEqual({ email: "granted", text: "Write to me" });
    expect(page.local.getItem("cartwake.consent")).toBe('{"email":"granted"}');
  });

  it("about a product that is sold out is kept", async () => {
    const page = openPage();
    page.cartwake("view", { productId: 7, price: "5.00", currency: "EUR", available: false });
    await page.clock.advance(1_100);
    expect(page.sent[0]?.events[0]?.data).toMatchObject({ item: { productId: "7", available: false } });
  });
});
