import { byId, h } from "../dom.ts";
import { openDrawer } from "./drawer.ts";

/** Known before the first paint, so it may take its place in the flow. */
export function showMissingKey(): void {
  byId("notice").append(
    h(
      "aside",
      { class: "notice", testid: "no-key", "aria-label": "Not connected" },
      h("p", {}, h("strong", {}, "This shop is not connected to a store yet. ")),
      h(
        "p",
        {},
        "Everything works, but Cartwake sees none of it. Open the shop as ",
        h("code", {}, "/shop/?key=cw_pk_…"),
        " with a publishable key: npm start prints the demo store's, and an empty board in the dashboard shows yours.",
      ),
    ),
  );
}

/** Arrives late, so it floats and moves nothing. */
export function showRestored(count: number): void {
  const toast = byId("toast");
  const dismiss = () => toast.replaceChildren();
  toast.replaceChildren(
    h(
      "div",
      { class: "restored", testid: "restored" },
      h(
        "p",
        {},
        h("strong", {}, "Welcome back. "),
        `Your cart is as you left it, with ${count} ${count === 1 ? "item" : "items"}.`,
      ),
      h(
        "div",
        { class: "actions" },
        h(
          "button",
          {
            type: "button",
            class: "button",
            testid: "restored-open",
            on: {
              click: () => {
                dismiss();
                openDrawer();
              },
            },
          },
          "See my cart",
        ),
        h("button", { type: "button", class: "quiet", on: { click: dismiss } }, "Dismiss"),
      ),
    ),
  );
}
