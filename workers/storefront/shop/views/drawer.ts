import * as basket from "../basket.ts";
import { euro, findProduct, productUrl } from "../catalogue.ts";
import { announce, byId, h } from "../dom.ts";
import { navigate } from "../router.ts";
import * as tracking from "../tracking.ts";
import { art } from "./card.ts";
import { saveForm } from "./save.ts";

export const CHECKOUT_URL = `${import.meta.env.BASE_URL}?page=checkout`;

interface LineView {
  element: HTMLElement;
  update(line: basket.Line): void;
}

function setQuantity(productId: string, quantity: number): void {
  const before = basket.find(productId);
  if (!before || before.quantity === basket.clampQuantity(quantity)) return;
  basket.setQuantity(productId, quantity);
  tracking.changed();
}

function removeLine(productId: string): void {
  const line = basket.find(productId);
  if (!line) return;
  basket.remove(productId);
  tracking.removed(line);
  announce(`${line.name} removed.`);
  byId("drawer-title").focus();
}

function lineView(line: basket.Line): LineView {
  const id = line.productId;
  const quantity = h("input", {
    type: "number",
    inputmode: "numeric",
    min: 1,
    max: basket.MAX_QUANTITY,
    "aria-label": `Quantity of ${line.name}`,
    testid: `qty-${id}`,
    on: {
      input: () => quantity.value !== "" && quantity.validity.valid && setQuantity(id, quantity.valueAsNumber),
      change: () => {
        setQuantity(id, quantity.valueAsNumber);
        quantity.value = String(basket.find(id)?.quantity ?? 1);
      },
    },
  });
  const step = (by: number, sign: string, name: string) =>
    h(
      "button",
      {
        type: "button",
        "aria-label": `${name} ${line.name}`,
        on: { click: () => setQuantity(id, quantity.valueAsNumber + by) },
      },
      sign,
    );
  const price = h("p", { class: "price" });
  const product = findProduct(id);
  const element = h(
    "li",
    { class: "line", testid: `cart-line-${id}` },
    h("div", { class: `tile tone-${product?.tone ?? "sand"}` }, art(id, 88, true)),
    h("h3", {}, product ? h("a", { href: productUrl(id) }, line.name) : line.name),
    price,
    h("div", { class: "stepper" }, step(-1, "−", "One less"), quantity, step(1, "+", "One more")),
    h(
      "button",
      { type: "button", class: "quiet", testid: `remove-${id}`, on: { click: () => removeLine(id) } },
      "Remove",
      h("span", { class: "hidden" }, ` ${line.name}`),
    ),
  );
  return {
    element,
    update(now) {
      if (document.activeElement !== quantity) quantity.value = String(now.quantity);
      price.textContent = euro(now.cents * now.quantity);
    },
  };
}

/** Fills the drawer, and keeps it and the cart button true to the basket. */
export function mountDrawer(): void {
  const drawer = byId<HTMLDialogElement>("drawer");
  const close = () => drawer.close();
  const views = new Map<string, LineView>();
  const list = h("ul", { class: "lines" });
  const subtotal = h("strong", { testid: "subtotal" });
  const delivery = h("p", { class: "delivery" });
  const progress = h("progress", { max: basket.FREE_DELIVERY_CENTS, "aria-label": "Towards free delivery" });
  const full = h(
    "div",
    { class: "full" },
    list,
    h(
      "div",
      { class: "sum" },
      progress,
      delivery,
      h("p", { class: "total" }, h("span", {}, "Subtotal"), subtotal),
      h("a", { href: CHECKOUT_URL, class: "button", testid: "checkout" }, "Checkout"),
      saveForm(),
    ),
  );
  const empty = h(
    "div",
    { class: "empty" },
    h("p", {}, "Nothing in here yet."),
    h("button", { type: "button", class: "button", on: { click: close } }, "Have a look around"),
  );

  drawer.append(
    h(
      "div",
      { class: "head" },
      h("h2", { id: "drawer-title", tabindex: -1 }, "Your cart"),
      h("button", { type: "button", class: "quiet", testid: "cart-close", on: { click: close } }, "Close"),
    ),
    full,
    empty,
  );
  drawer.addEventListener("click", (event) => {
    const target = event.target as Element;
    const link = target.closest("a");
    if (target === drawer) close(); // the backdrop
    if (!link) return;
    event.preventDefault();
    close();
    navigate(link.href);
  });

  const update = () => {
    const lines = basket.lines();
    for (const [id, view] of views) {
      if (basket.find(id)) continue;
      view.element.remove();
      views.delete(id);
    }
    for (const line of lines) {
      let view = views.get(line.productId);
      if (!view) {
        view = lineView(line);
        views.set(line.productId, view);
        list.append(view.element);
      }
      view.update(line);
    }
    full.hidden = lines.length === 0;
    empty.hidden = lines.length > 0;
    subtotal.textContent = euro(basket.subtotal());
    const missing = basket.FREE_DELIVERY_CENTS - basket.subtotal();
    progress.value = Math.min(basket.subtotal(), basket.FREE_DELIVERY_CENTS);
    delivery.textContent = missing > 0 ? `${euro(missing)} more for free delivery` : "Delivery is on us";
    byId("cart-count").textContent = String(basket.count());
    byId("cart-count-unit").textContent = basket.count() === 1 ? "item" : "items";
  };
  basket.watch(update);
  update();
  byId("cart-open").addEventListener("click", openDrawer);
}

export function openDrawer(): void {
  byId<HTMLDialogElement>("drawer").showModal();
  byId("drawer-title").focus();
  tracking.cartViewed();
}
