import * as basket from "../basket.ts";
import { artUrl, cents, euro, isSoldOut, type Product, productUrl } from "../catalogue.ts";
import { announce, h } from "../dom.ts";
import * as tracking from "../tracking.ts";

const sold = (product: Product) => ({ productId: product.id, name: product.name, cents: cents(product) });

export function addToCart(product: Product): void {
  basket.add(sold(product));
  tracking.added(sold(product));
  tracking.noteCart();
  announce(`${product.name} added. ${basket.count()} in the cart.`);
}

export const viewProduct = (product: Product): void => void tracking.viewed(sold(product), !isSoldOut(product.id));

/** A button that adds one, and says so for a moment without changing its size. */
export function addButton(product: Product, style: string): HTMLButtonElement {
  const out = isSoldOut(product.id);
  let calm: ReturnType<typeof setTimeout> | undefined;
  const button = h(
    "button",
    {
      type: "button",
      class: style,
      testid: `add-${product.id}`,
      disabled: out,
      on: {
        click: () => {
          addToCart(product);
          button.dataset.state = "added";
          clearTimeout(calm);
          calm = setTimeout(() => delete button.dataset.state, 1_400);
        },
      },
    },
    out
      ? h("span", {}, "Sold out", h("span", { class: "hidden" }, `: ${product.name}`))
      : h("span", { class: "label" }, "Add", h("span", { class: "hidden" }, ` ${product.name}`), " to cart"),
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

/** With what it cost before, if that was more. */
export function price(product: Product): HTMLElement {
  const now = cents(product);
  const was = now < product.cents && h("s", {}, h("span", { class: "hidden" }, "Before: "), euro(product.cents));
  return h("p", { class: "price" }, euro(now), was && " ", was);
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
      price(product),
      h("p", { class: "line" }, product.line),
    ),
    addButton(product, "add small"),
  );
}
