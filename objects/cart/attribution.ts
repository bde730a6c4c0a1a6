/** Which message an order is owed to. Pure. */
import type { AttributionModel } from "../../shared/events/messages.ts";
import { wasSeen } from "./ledger.ts";
import type { Attribution, CartState, Effect } from "./state.ts";

/**
 * Which message an order acknowledged at `at` is owed to: of those sent within their goals' windows before it the last one
 * (or the first, if all their campaigns say so) that was clicked, else opened, else sent. `null`: none, so the cart was
 * merely purchased. Accepting an on-site offer is its click; one that was never shown is no message at all.
 */
export function attribute(state: CartState, at: number): Attribution | null {
  const { process } = state;
  const previous = process.closed.at(-1)?.at ?? 0;
  const sent = process.effects.filter(
    (e) =>
      wasSeen(e) &&
      // For `sentAt` of an unanswered message is when a callback told of it, perhaps after its own generation's order.
      e.generation >= process.generation &&
      e.sentAt !== null &&
      e.sentAt > previous &&
      e.sentAt <= at &&
      at - e.sentAt <= e.windowMs,
  );
  const order = sent.every((e) => e.credit === "first") ? "first" : "last";
  for (const kind of ["click", "open", "touch"] as const) {
    const touches = touchesOf(kind, sent, state);
    const touch = order === "first" ? touches[0] : touches.at(-1);
    const model: AttributionModel = `${order}_${kind}`;
    if (touch) return { campaignId: touch.campaignId, deliveryId: touch.deliveryId, model };
  }
  return null;
}

/** The messages of which this is known to have happened, in the order in which it did. */
function touchesOf(kind: "click" | "open" | "touch", sent: readonly Effect[], { facts }: CartState): Effect[] {
  if (kind === "touch") return [...sent];
  const reported = (effect: Effect, status: string): number[] =>
    effect.history.filter((h) => h.status === status).map((h) => h.at);
  return sent
    .flatMap((effect) => {
      if (kind === "open") return reported(effect, "opened").map((at) => ({ at, effect }));
      const events = facts.clicks.filter((c) => c.deliveryId === effect.deliveryId).map((c) => c.at);
      return (events.length > 0 ? events : reported(effect, "clicked")).map((at) => ({ at, effect }));
    })
    .sort((a, b) => a.at - b.at)
    .map(({ effect }) => effect);
}
