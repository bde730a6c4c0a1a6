/** One cart: what is in it, what is expected of it, what will happen next, and everything that happened, with reasons. */
import { useEffect } from "preact/hooks";
import type { CartView, TimelineView } from "../../../../shared/views.ts";
import { getCart, getTimeline } from "../api/client.ts";
import { formatMoney, plural } from "../format.ts";
import { namesCart } from "../live/apply.ts";
import { useResource, useSoon } from "../live/resource.ts";
import { onHappening } from "../live/store.ts";
import { boardHref } from "../route.ts";
import { BackIcon } from "../ui/icons.tsx";
import { ProblemNotice } from "../ui/notice.tsx";
import { CartStatusChip } from "../ui/status.tsx";
import { Ago } from "../ui/times.tsx";
import { AdvicePanel } from "./advice-panel.tsx";
import { CartItems } from "./cart-items.tsx";
import { CartJourneys, CartMessages, CartOrder, CartTimers } from "./cart-panels.tsx";
import { PredictionPanel } from "./prediction-panel.tsx";
import { Timeline } from "./timeline.tsx";

/** A burst of news about one cart is one read. */
const SETTLE_MS = 250;

interface CartStory {
  cart: CartView;
  timeline: TimelineView;
}

async function readStory(id: string): Promise<CartStory> {
  const [cart, timeline] = await Promise.all([getCart(id), getTimeline(id)]);
  return { cart, timeline };
}

export function CartPage({ id }: { id: string }) {
  const { data, problem, reload } = useResource(id, () => readStory(id));
  const soon = useSoon(reload, SETTLE_MS);
  useEffect(
    () =>
      onHappening((happening) => {
        if (happening.topic === "reconnected" || namesCart(happening, id)) soon();
      }),
    [id, soon],
  );
  return (
    <div class="page cart-page">
      <a class="back" href={boardHref}>
        <BackIcon /> Live carts
      </a>
      {problem && <ProblemNotice problem={problem} retry={reload} />}
      {data ? <Story {...data} /> : !problem && <p class="loading">Reading the cart…</p>}
    </div>
  );
}

function Story({ cart, timeline }: CartStory) {
  const { email, name } = cart.shopper;
  return (
    <>
      <header class="cart-head" data-testid="cart-head" data-status={cart.status}>
        <div>
          <CartStatusChip status={cart.status} />
          <h1>{name ?? email ?? "Anonymous visitor"}</h1>
          <p class="cart-facts">
            {name && email && `${email} · `}
            {plural(cart.itemCount, "item")} · started <Ago at={cart.createdAt} /> · last seen{" "}
            <Ago at={cart.lastActivityAt} />
          </p>
        </div>
        <p class="cart-total">{cart.total ? formatMoney(cart.total) : "–"}</p>
      </header>
      <div class="cart-grid">
        <div class="cart-side">
          <CartOrder cart={cart} />
          <CartItems items={cart.items} />
          <CartTimers timers={cart.timers} />
          <PredictionPanel prediction={cart.prediction} />
          <AdvicePanel id={cart.id} version={cart.version} />
          <CartJourneys journeys={cart.journeys} />
          <CartMessages deliveries={cart.deliveries} />
        </div>
        <Timeline timeline={timeline} deliveries={cart.deliveries} />
      </div>
    </>
  );
}
