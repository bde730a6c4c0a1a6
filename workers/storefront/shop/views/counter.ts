/** Behind the counter: whoever tries this demonstration can make the prices fall and the kettle sell out. */
import * as basket from "../basket.ts";
import { cents, findProduct, isSoldOut, PRODUCTS } from "../catalogue.ts";
import { isSale, setSale, setSoldOut } from "../counter.ts";
import { byId } from "../dom.ts";
import { show } from "../router.ts";
import * as tracking from "../tracking.ts";
import { viewProduct } from "./card.ts";

const KETTLE = PRODUCTS[1]!;

export function mountCounter(): void {
  const sale = byId<HTMLInputElement>("sale");
  sale.checked = isSale();
  sale.addEventListener("change", () => {
    setSale(sale.checked);
    const products = basket.lines().flatMap(({ productId }) => findProduct(productId) ?? []);
    // Seen at the new price before the cart itself has it: that is how a shop tells that a price fell.
    for (const product of products) viewProduct(product);
    if (products.length > 0) {
      basket.reprice((id) => {
        const product = findProduct(id);
        return product && cents(product);
      });
      tracking.changed();
    }
    show();
  });

  const out = byId<HTMLInputElement>("sold-out");
  out.checked = isSoldOut(KETTLE.id);
  out.addEventListener("change", () => {
    setSoldOut(KETTLE.id, out.checked);
    viewProduct(KETTLE);
    show();
  });
}
