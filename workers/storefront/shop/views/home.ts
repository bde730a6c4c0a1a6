import { FREE_DELIVERY_CENTS } from "../basket.ts";
import { PRODUCTS } from "../catalogue.ts";
import { h } from "../dom.ts";
import type { View } from "../router.ts";
import { card } from "./card.ts";

export function home(): View {
  return {
    title: "Oblong: household objects, mostly round",
    content: h(
      "div",
      {},
      h(
        "section",
        { class: "hero" },
        h("h1", {}, "Household objects, mostly round."),
        h(
          "p",
          {},
          `Ten things for the rooms you live in, drawn with a compass and little else. Free delivery from €${FREE_DELIVERY_CENTS / 100}.`,
        ),
      ),
      h("h2", { class: "hidden" }, "All objects"),
      h("ul", { class: "grid" }, ...PRODUCTS.map((product, i) => card(product, i < 4))),
    ),
  };
}
