/** Which offer is shown, when, and to whom never again. */
import { beforeEach, describe, expect, it } from "vitest";
import { createOffers } from "../../workers/storefront/snippet/offers.ts";
import type { Drawing, Offer } from "../../workers/storefront/snippet/types.ts";
import { FakeClock, FakeStorage, storeOver } from "./snippet-support.ts";

const DAY_MS = 86_400_000;
const offer = (id: string, over: Partial<Offer> = {}): Offer => ({
  id,
  cartId: "c-1",
  trigger: "exit_intent",
  locale: "en",
  headline: "Before you go",
  text: "Your cart is saved.",
  button: "To the checkout",
  dismiss: "No, thanks",
  imageUrl: null,
  coupon: null,
  expiresAt: "2026-12-01T00:00:00.000Z",
  ...over,
});

/** A page of one tab; tabs over the same storage and clock are of one browser. */
function openTab(local: FakeStorage, clock: FakeClock) {
  const tab = {
    events: [] as string[],
    told: [] as string[],
    accepted: [] as string[],
    screen: new Map<string, Drawing>(),
    takesOver: false,
    busy: false,
    broken: false,
  };
  const offers = createOffers({
    store: storeOver(local),
    clock,
    record: (type, data, cartId) => void tab.events.push(`${type} ${(data as { offerId: string }).offerId} ${cartId}`),
    announce(given) {
      tab.told.push(given.id);
      return !tab.takesOver;
    },
    accepted: (given) => void tab.accepted.push(given.id),
    isBusy: () => tab.busy,
    async draw(given, drawing) {
      if (tab.broken) throw new Error("cartwake-offer.js is out of reach");
      tab.screen.set(given.id, drawing);
      return () => void tab.screen.delete(given.id);
    },
  });
  const shown = () => [...tab.screen.keys()];
  const receive = async (...given: unknown[]) => {
    offers.receive(given);
    await clock.advance(0);
    return shown();
  };
  return Object.assign(tab, { offers, receive, shown, on: (id: string) => tab.screen.get(id)! });
}

let local: FakeStorage;
let clock: FakeClock;
let tab: ReturnType<typeof openTab>;
beforeEach(() => {
  local = new FakeStorage();
  clock = new FakeClock();
  tab = openTab(local, clock);
});

describe("an offer", () => {
  it("is told to the page and drawn once, however often it comes", async () => {
    expect(await tab.receive(offer("a"))).toEqual(["a"]);
    expect(await tab.receive(offer("a"), offer("b"))).toEqual(["a"]);
    expect(tab.told).toEqual(["a"]);
    tab.on("a").shown();
    tab.on("a").accepted();
    expect(tab.events).toEqual(["offer_shown a c-1", "offer_accepted a c-1"]);
    expect([tab.accepted, tab.shown()]).toEqual([["a"], []]);
    expect(await tab.receive(offer("a"), offer("b"))).toEqual(["b"]);
  });

  it("that the page took over is not drawn, and the next one is offered to it too", async () => {
    tab.takesOver = true;
    expect(await tab.receive(offer("a"), offer("b"))).toEqual([]);
    expect(tab.told).toEqual(["a", "b"]);
  });

  it("waits while the shopper is busy, and is not shown once it is over", async () => {
    tab.busy = true;
    expect(await tab.receive(offer("a"))).toEqual([]);
    await clock.advance(5_000);
    expect(tab.shown()).toEqual([]);
    tab.busy = false;
    await clock.advance(1_000);
    expect(tab.shown()).toEqual(["a"]);
    tab.on("a").accepted();
    tab.busy = true;
    await tab.receive(offer("late", { expiresAt: new Date(clock.time + 2_000).toISOString() }));
    await clock.advance(3_000);
    tab.busy = false;
    await clock.advance(3_000);
    expect(tab.shown()).toEqual([]);
  });

  it("whose drawing code was out of reach comes again with the next reply", async () => {
    tab.broken = true;
    expect(await tab.receive(offer("a"))).toEqual([]);
    tab.broken = false;
    expect(await tab.receive(offer("a"))).toEqual(["a"]);
  });

  it("goes when the cart is ordered, also while it is being loaded", async () => {
    await tab.receive(offer("a"));
    tab.offers.end();
    expect(tab.shown()).toEqual([]);
    tab.offers.receive([offer("b")]);
    tab.offers.end();
    await clock.advance(10);
    expect(tab.shown()).toEqual([]);
  });

  it("that is none is ignored", async () => {
    expect(await tab.receive(null, "x", {}, { id: "a" })).toEqual([]);
    tab.offers.receive({ id: "a" });
    tab.offers.receive(undefined);
    expect(tab.told).toEqual([]);
  });
});

describe("a no", () => {
  it("is remembered for a day, over reloads and in other tabs, for all but a failed payment", async () => {
    await tab.receive(offer("a"));
    tab.on("a").dismissed();
    expect(tab.events).toEqual(["offer_dismissed a c-1"]);
    for (const other of [tab, openTab(local, clock), openTab(local, clock)])
      expect(await other.receive(offer("a"), offer("b"))).toEqual([]);
    expect(await openTab(local, clock).receive(offer("p", { trigger: "payment_failed" }))).toEqual(["p"]);
    await clock.advance(DAY_MS + 1);
    expect(await openTab(local, clock).receive(offer("a"), offer("b"))).toEqual(["b"]);
  });

  it("to a failed payment concerns that one only", async () => {
    await tab.receive(offer("p", { trigger: "payment_failed" }));
    tab.on("p").dismissed();
    expect(await tab.receive(offer("p", { trigger: "payment_failed" }), offer("b"))).toEqual(["b"]);
  });

  it("in one tab takes the offer from the others", async () => {
    const other = openTab(local, clock);
    await tab.receive(offer("a"));
    await other.receive(offer("a"));
    other.on("a").dismissed();
    tab.offers.recheck();
    expect([tab.shown(), tab.events]).toEqual([[], []]);
  });
});
