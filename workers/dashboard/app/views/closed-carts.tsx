/** Carts that ended without help or without an order, out of the way until wanted. */
import type { CartListItem } from "../../../../shared/views.ts";
import { formatMoney, plural } from "../format.ts";
import { cartHref } from "../route.ts";
import { CartStatusChip } from "../ui/status.tsx";
import { Ago } from "../ui/times.tsx";

const MOST = 100;

export function ClosedCarts({ carts }: { carts: CartListItem[] }) {
  if (carts.length === 0) return null;
  const purchased = carts.filter((cart) => cart.status === "purchased").length;
  return (
    <details class="closed" data-testid="closed">
      <summary>
        Closed
        <span class="closed-count">
          {purchased} purchased · {carts.length - purchased} expired
        </span>
      </summary>
      <ul class="rows">
        {carts.slice(0, MOST).map((cart) => (
          <li key={cart.id}>
            <a
              class="row"
              href={cartHref(cart.id)}
              data-testid="cart-card"
              data-cart-id={cart.id}
              data-status={cart.status}
            >
              <CartStatusChip status={cart.status} />
              <span class="row-main">{cart.shopper.name ?? cart.shopper.email ?? "Anonymous visitor"}</span>
              <span class="row-side">{plural(cart.itemCount, "item")}</span>
              <span class="row-side">
                <Ago at={cart.lastActivityAt} />
              </span>
              <span class="card-total">{cart.total ? formatMoney(cart.total) : "–"}</span>
            </a>
          </li>
        ))}
      </ul>
    </details>
  );
}
