import type { CartListItem } from "../../../../shared/views.ts";
import { formatMoney, plural } from "../format.ts";
import { cartHref } from "../route.ts";
import { RiskBar } from "../ui/risk-bar.tsx";
import { Ago } from "../ui/times.tsx";

export function CartCard({ cart }: { cart: CartListItem }) {
  const { email, name } = cart.shopper;
  const open = cart.status === "active" || cart.status === "abandoned" || cart.status === "recovering";
  return (
    <a class="card" href={cartHref(cart.id)} data-testid="cart-card" data-cart-id={cart.id} data-status={cart.status}>
      <span class="card-top">
        <span class="card-shopper" data-known={email !== null}>
          {name ?? email ?? "Anonymous visitor"}
        </span>
        <span class="card-total">{cart.total ? formatMoney(cart.total) : "–"}</span>
      </span>
      <span class="card-facts">
        {plural(cart.itemCount, "item")} · <Since cart={cart} />
      </span>
      {open && <RiskBar risk={cart.abandonmentRisk} />}
    </a>
  );
}

/** What happened last that matters in this column. */
export function Since({ cart }: { cart: CartListItem }) {
  if (cart.status === "recovered" && cart.recoveredAt) {
    return (
      <>
        back <Ago at={cart.recoveredAt} />
      </>
    );
  }
  if ((cart.status === "abandoned" || cart.status === "recovering") && cart.abandonedAt) {
    return (
      <>
        left <Ago at={cart.abandonedAt} />
      </>
    );
  }
  return <Ago at={cart.lastActivityAt} />;
}
