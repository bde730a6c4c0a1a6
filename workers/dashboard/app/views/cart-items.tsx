import type { ItemView } from "../../../../shared/views.ts";
import { formatMoney, webUrl } from "../format.ts";
import { Picture } from "../ui/picture.tsx";

export function CartItems({ items }: { items: ItemView[] }) {
  return (
    <section class="panel" aria-labelledby="items-heading">
      <h2 id="items-heading">Items</h2>
      {items.length === 0 ? (
        <p class="panel-none">The cart is empty.</p>
      ) : (
        <ul class="items">
          {items.map((item) => (
            <Item key={`${item.productId}/${item.variantId ?? ""}`} item={item} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Item({ item }: { item: ItemView }) {
  const name = item.name ?? item.productId;
  const url = webUrl(item.url);
  return (
    <li class="item">
      <Picture url={item.imageUrl} name={name} />
      <div class="item-text">
        <p class="item-name">
          {url ? (
            <a href={url} target="_blank" rel="noreferrer noopener">
              {name}
            </a>
          ) : (
            name
          )}
        </p>
        <p class="item-facts">
          {item.quantity} × {formatMoney(item.price)}
          {item.category && ` · ${item.category}`}
        </p>
      </div>
      <p class="item-total">{formatMoney(item.total)}</p>
    </li>
  );
}
