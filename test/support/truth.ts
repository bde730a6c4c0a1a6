/** Whether an order closed the cart, and which generation it is in: the last order against the last thing put into it. Naive on purpose. */
import type { CartEvent } from "../../shared/events/types.ts";
import { MINUTE_MS } from "../../shared/time.ts";

const ECHO_MS = 15 * MINUTE_MS;

export function truthOf(events: readonly CartEvent[]): { open: boolean; generation: number } {
  const orders = new Map<string, number>();
  let open = true;
  let generation = 1;
  for (const e of events.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))) {
    const puts = e.type === "product_added_to_cart" || (e.type === "cart_updated" && (open || e.items!.length > 0));
    if (puts && !open) {
      open = true;
      generation += 1;
    }
    if (e.type !== "checkout_completed") continue;
    const first = orders.get(e.order!.id);
    if (first !== undefined && e.at - first > ECHO_MS) continue;
    orders.set(e.order!.id, first ?? e.at);
    open = false;
  }
  return { open, generation };
}
