import * as basket from "../basket.ts";
import { artUrl, euro, type Product, productUrl } from "../catalogue.ts";
import { announce, h } from "../dom.ts";
import * as tracking from "../tracking.ts";

const sold = ({ id, name, cents }: Product) => ({ productId: id, name, cents });

export function addToCart(product: Product): void {
  basket.add(sold(product));
  tracking.added(sold(product));
  tracking.noteCart();
  announce(`${product.name} added. ${basket.count()} in the cart.`);
}

export const viewProduct = (product: Product): void => void tracking.viewed(sold(product));

/** A button that adds one, and says so for a moment without changing its size. */
export function addButton(product: Product, style: string): HTMLButtonElement {
  let calm: ReturnType<typeof setTimeout> | undefined;
  const button = h(
    "button",
    {
      type: "button",
      class: style,
      testid: `add-${product.id}`,
      on: {
        click: () => {
          addToCart(product);
          button.dataset.state = "added";
          clearTimeout(calm);
          calm = setTimeout(() => delete button.dataset.state, 1_400);
        },
      },
    },
    h("span", { class: "label" }, "Add", h("span", { class: "hidden" }, ` ${product.name}`), " to cart"),
    h("span", { class: "done", "aria-hidden": true }, "Added"),
  );
  return button;
}

export function art(id: string, size: number, eager = false): HTMLImageElement {
  return h("img", {
    src: artUrl(id),
    alt: "",
    width: size,
    height: size,
    loading: eager ? "eager" : "lazy",
    decoding: "async",
  });
}

export function card(product: Product, eager: boolean, wide = product.wide): HTMLElement {
  return h(
    "li",
    { class: `card${wide ? " wide" : ""}` },
    h("div", { class: `tile tone-${product.tone}` }, art(product.id, 400, eager)),
    h(
      "div",
      { class: "caption" },
      h(
        "h3",
        {},
        h("a", { href: productUrl(product.id), class: "stretched", testid: `product-${product.id}` }, product.name),
      ),
      h("p", { class: "price" }, euro(product.cents)),
      h("p", { class: "line" }, product.line),
    ),
    addButton(product, "add small"),
  );
}
