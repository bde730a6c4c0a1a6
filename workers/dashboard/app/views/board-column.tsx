import { useState } from "preact/hooks";
import type { CartListItem } from "../../../../shared/views.ts";
import { formatMoney, sumMoney, words } from "../format.ts";
import type { ColumnName } from "../live/apply.ts";
import { CartCard } from "./cart-card.tsx";

/** A column shows this many carts until asked for more: a long list is neither read nor cheap to move. */
const STEP = 30;

const HINTS: Record<ColumnName, string> = {
  active: "Carts appear here the moment a shopper adds something.",
  abandoned: "Carts that go quiet land here.",
  recovering: "Carts with a message on its way.",
  recovered: "Orders that a message brought back.",
};

export function BoardColumn({ name, carts }: { name: ColumnName; carts: CartListItem[] }) {
  const [shown, setShown] = useState(STEP);
  const sum = sumMoney(carts.map((cart) => cart.total));
  const hidden = carts.length - shown;
  return (
    <section
      class="column"
      id={`column-${name}`}
      data-testid={`column-${name}`}
      data-tone={name}
      aria-labelledby={`heading-${name}`}
    >
      <header class="column-head">
        <h2 id={`heading-${name}`}>
          {words(name)} <span class="column-count">{carts.length}</span>
        </h2>
        {sum && <p class="column-sum">{formatMoney(sum)}</p>}
      </header>
      {carts.length === 0 ? (
        <p class="column-hint">{HINTS[name]}</p>
      ) : (
        <ul class="cards">
          {carts.slice(0, shown).map((cart) => (
            <li key={cart.id} data-move={cart.id} data-tone={cart.status}>
              <CartCard cart={cart} />
            </li>
          ))}
        </ul>
      )}
      {hidden > 0 && (
        <button type="button" class="button column-more" onClick={() => setShown(shown + STEP)}>
          Show {Math.min(hidden, STEP)} more
        </button>
      )}
    </section>
  );
}
