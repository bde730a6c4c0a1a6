/** What new facts mean for what the cart is doing: returned, bought, bought again, clicked. Pure. */

import { attribute } from "./attribution.ts";
import type { Note } from "./commands.ts";
import * as ledger from "./ledger.ts";
import { heed } from "./onsite.ts";
import { canReach } from "./reach.ts";
import type { CartState, Facts, Process } from "./state.ts";

/** Closed generations kept; what a cart buys beyond is purchased all the same, but credited to no message. */
const MAX_CLOSED = 100;

export function reconcile(state: CartState, now: number, notes: Note[]): Process {
  const { facts } = state;
  let process = regroup(heard(state, now, notes), facts, now, notes);
  while (process.generation < facts.generation) {
    process = closeGeneration({ ...state, process }, now, notes);
    process = { ...fresh(process), generation: process.generation + 1 };
    notes.push({ code: "reopened", text: `Something new was added: generation ${process.generation} of this cart` });
  }
  const open = process.status !== "purchased" && process.status !== "recovered";
  if (facts.closedAt !== null && open) return closeGeneration({ ...state, process }, now, notes);
  if (["abandoned", "recovering", "expired"].includes(process.status) && facts.lifeAt > process.leftLifeAt) {
    return returned(process, notes);
  }
  return process;
}

/** The generation's end. Orders of it are what it was closed by; a recovery is an order that follows a message. */
function closeGeneration(state: CartState, now: number, notes: Note[]): Process {
  const { facts, process } = state;
  if (process.status === "purchased" || process.status === "recovered") return process;
  const order = facts.orders.find((o) => o.generation === process.generation);
  const attribution = attribute(state, now);
  const status = attribution ? "recovered" : "purchased";
  const credit = attribution ? ` after message ${attribution.deliveryId} (${attribution.model})` : "";
  notes.push({ code: status, text: `Order ${order?.id ?? "placed"}: ${status}${credit}` });
  const closed = { generation: process.generation, status, at: now, attribution } as const;
  const cancelled = ledger.cancelScheduled(process, now, "purchased", notes);
  return {
    ...cancelled,
    status,
    recoveredAt: attribution ? now : null,
    closed: [...process.closed, closed].slice(0, MAX_CLOSED),
    journeys: process.journeys.map((journey) => ({ ...journey, exit: "purchased" })),
  };
}

/**
 * A late event may show that what closed a generation was only the echo of an earlier order: the facts have fewer
 * generations then, or the last one is open again. Messages already cancelled stay so: silence is the safe side.
 */
function regroup(process: Process, facts: Facts, now: number, notes: Note[]): Process {
  const closed = process.status === "purchased" || process.status === "recovered";
  const { generation } = facts;
  if (process.generation === generation ? facts.closedAt !== null || !closed : process.generation < generation)
    return process;
  notes.push({ code: "regrouped", text: `An order was another's echo: generation ${generation} is the last again` });
  return {
    ...ledger.cancelScheduled(process, now, "regrouped", notes),
    status: "active",
    generation,
    recoveredAt: null,
    journeys: process.journeys
      .filter((journey) => journey.generation === generation)
      .map((journey) => ({ ...journey, exit: null })),
    closed: process.closed.filter((c) => c.generation < generation),
  };
}

/** A new generation has its own ledger and journey. What the old one still has claimed settles under its own id. */
const fresh = (process: Process): Process => ({
  ...process,
  status: "active",
  abandonedAt: null,
  recoveredAt: null,
  expiredAt: null,
  journeys: [],
  leftLifeAt: 0,
});

/** Returning is not recovering: the cart is merely active again, and unsent steps wait. */
function returned(process: Process, notes: Note[]): Process {
  notes.push({ code: "returned", text: "The shopper is back" });
  return { ...ledger.pause(process), status: "active", abandonedAt: null, expiredAt: null };
}

/** What the shopper said and did: clicks, offers, an address that a message waited for. */
function heard(state: CartState, now: number, notes: Note[]): Process {
  const clicked = { ...state, process: clicks(state, now, notes) };
  const heeded = { ...clicked, process: heed(clicked, now, notes) };
  const { effects, status } = heeded.process;
  const away = status === "abandoned" || status === "recovering";
  // Messages that wait for the shopper to leave are taken up by their leaving; whoever comes back with the address stops them.
  const found = effects.filter(
    (e) =>
      e.status === "scheduled" &&
      (away || e.trigger !== "cart_abandoned") &&
      e.dueAt === null &&
      e.history.at(-1)?.reason === "no_address" &&
      canReach(heeded, e),
  );
  return found.reduce((process, effect) => ledger.put(process, { ...effect, dueAt: now }), heeded.process);
}

/** Clicks that came as events move their messages forward. */
function clicks({ facts, process }: CartState, now: number, notes: Note[]): Process {
  let next = process;
  for (const { deliveryId } of facts.clicks) {
    const effect = next.effects.find((e) => e.deliveryId === deliveryId);
    if (!effect || !["sent", "delivered", "opened"].includes(effect.status)) continue;
    notes.push({ code: "clicked", text: "The shopper followed the link", deliveryId });
    next = ledger.put(next, ledger.move(effect, "clicked", now));
  }
  return next;
}
