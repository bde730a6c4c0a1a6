import { PRODUCTS, type Product } from "../catalogue.ts";
import { h } from "../dom.ts";
import type { View } from "../router.ts";
import { addButton, art, card, price, viewProduct } from "./card.ts";

const RELATED = 4;

export function product(item: Product): View {
  viewProduct(item);
  const at = PRODUCTS.indexOf(item);
  const related = Array.from({ length: RELATED }, (_, i) => PRODUCTS[(at + 1 + i) % PRODUCTS.length]!);
  return {
    title: `${item.name} · Oblong`,
    content: h(
      "div",
      {},
      h(
        "article",
        { class: "product" },
        h("div", { class: `tile tone-${item.tone}` }, art(item.id, 400, true)),
        h(
          "div",
          { class: "about" },
          h("p", { class: "crumb" }, h("a", { href: import.meta.env.BASE_URL }, "All objects"), ` / ${item.category}`),
          h("h1", {}, item.name),
          price(item),
          h("p", { class: "story" }, item.story),
          addButton(item, "add large"),
          h(
            "dl",
            { class: "facts" },
            ...item.facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
          ),
        ),
      ),
      h("h2", { class: "section" }, "Stands well beside"),
      h("ul", { class: "grid" }, ...related.map((other) => card(other, false, undefined))),
    ),
  };
}
