import * as basket from "../basket.ts";
import { euro, findProduct } from "../catalogue.ts";
import * as coupon from "../coupon.ts";
import { h } from "../dom.ts";
import { recall, remember } from "../memory.ts";
import { navigate, show, type View } from "../router.ts";
import * as tracking from "../tracking.ts";
import { art } from "./card.ts";
import { couponForm } from "./coupon.ts";
import { field } from "./field.ts";

export interface Order {
  id: string;
  name: string;
  email: string;
  cents: number;
}

const BASE = import.meta.env.BASE_URL;

function newOrderId(): string {
  const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  return `OB-${Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => letters[byte % 32]).join("")}`;
}

/** How long a bank takes to say no. */
const DECLINE_MS = 700;

/** Sent to the bank, and not taken: nothing is ordered, and the basket stays. */
function decline(said: HTMLElement, submit: HTMLButtonElement): void {
  submit.disabled = true;
  said.textContent = "";
  tracking.checkout("payment");
  setTimeout(() => {
    submit.disabled = false;
    if (document.activeElement === document.body) submit.focus(); // a disabled button loses it
    said.textContent = "The bank declined this card. Nothing was charged.";
    tracking.checkout("failed");
  }, DECLINE_MS);
}

function placeOrder(email: string, name: string): void {
  const order: Order = { id: newOrderId(), name, email, cents: basket.total() };
  tracking.checkout("payment");
  tracking.ordered(order.id, order.cents);
  remember("order", order, () => sessionStorage);
  navigate(`${BASE}?page=done`);
  basket.clear();
}

const REMIND = "Write to me if I leave something in my cart";

function form(): HTMLElement {
  const email = field("email", "E-mail", "Please give an e-mail address, such as you@example.com.", {
    type: "email",
    autocomplete: "email",
    testid: "email",
    value: recall<string>("email", () => sessionStorage) ?? "",
  });
  const name = field("name", "Name", "Please tell us your name.", { autocomplete: "name", testid: "name" });

  const identify = () => {
    const address = email.input.value.trim();
    if (!address || !email.input.validity.valid) return;
    const who = { email: address, ...(name.input.value.trim() && { name: name.input.value.trim() }) };
    tracking.identified(who);
    tracking.checkout("contact", who);
  };
  email.input.addEventListener("change", identify);
  name.input.addEventListener("change", identify);

  const submit = (event: Event) => {
    event.preventDefault();
    const [address, person] = [email.check(), name.check()];
    if (!address) return email.input.focus();
    if (!person) return name.input.focus();
    tracking.identified({ email: address, name: person });
    if (declined.checked) decline(said, place);
    else placeOrder(address, person);
  };
  const card = (label: string, testid: string, checked: boolean) => {
    const input = h("input", { type: "radio", name: "card", testid, checked });
    return { input, element: h("label", { class: "tick" }, input, h("span", {}, label)) };
  };
  const works = card("A card that works", "card-works", true);
  const fails = card("A card that is declined", "card-declined", false);
  const declined = fails.input;
  const said = h("p", { class: "error", role: "alert", testid: "declined" });
  const place = h("button", { type: "submit", class: "button", testid: "place-order" });
  return h(
    "form",
    { class: "details", novalidate: true, on: { submit } },
    h("h1", {}, "Checkout"),
    email.element,
    name.element,
    h(
      "label",
      { class: "tick" },
      h("input", {
        type: "checkbox",
        testid: "remind",
        on: {
          change: (event) => tracking.consented({ email: (event.target as HTMLInputElement).checked }, REMIND),
        },
      }),
      h("span", {}, REMIND),
    ),
    h("fieldset", { class: "cards" }, h("legend", {}, "Pay with"), works.element, fails.element),
    said,
    place,
    h("p", { class: "fine" }, "This is a demonstration. Nobody will charge you or ring your bell."),
  );
}

/** What the code takes off, if that can be known here. */
function couponRow(row: (name: string, value: string) => HTMLElement): HTMLElement | null {
  const given = coupon.current();
  if (!given) return null;
  const worth =
    given.kind === "free_shipping" ? "Free delivery" : basket.discount() ? `−${euro(basket.discount())}` : "Noted";
  const element = row(`Code ${given.code}`, worth);
  element.dataset.testid = "coupon-row";
  return element;
}

function summary(): HTMLElement {
  const row = (name: string, value: string, style = "") =>
    h("div", { class: style }, h("dt", {}, name), h("dd", {}, value));
  return h(
    "aside",
    { class: "summary", "aria-labelledby": "summary-title" },
    h("h2", { id: "summary-title" }, "Your order"),
    h(
      "ul",
      {},
      ...basket
        .lines()
        .map((line) =>
          h(
            "li",
            {},
            h(
              "div",
              { class: `tile tone-${findProduct(line.productId)?.tone ?? "sand"}` },
              art(line.productId, 56, true),
            ),
            h("span", {}, line.name, line.quantity > 1 && ` × ${line.quantity}`),
            h("span", { class: "price" }, euro(line.cents * line.quantity)),
          ),
        ),
    ),
    h(
      "dl",
      {},
      row("Subtotal", euro(basket.subtotal())),
      couponRow(row),
      row("Delivery", basket.delivery() ? euro(basket.delivery()) : "Free"),
      row("Total", euro(basket.total()), "grand"),
    ),
    couponForm(),
  );
}

/** Keeps the page true while the basket changes: in the drawer, in another tab, or by a recovery link. */
function follow(content: HTMLElement, update: () => void): void {
  const stop = basket.watch(() => (content.isConnected ? update() : stop()));
}

function emptyCheckout(): HTMLElement {
  const back = h("a", { href: BASE, class: "button" }, "Find something round");
  const content = h("div", { class: "plain" }, h("h1", {}, "Your cart is empty."), back);
  follow(content, show);
  return content;
}

export function checkout(): View {
  const title = "Checkout · Oblong";
  if (!basket.lines().length) return { title, content: emptyCheckout() };
  tracking.checkout("start");
  const details = form();
  const content = h("div", { class: "checkout" }, details, summary());
  const relabel = () => {
    details.querySelector("[type=submit]")!.textContent = `Place order · ${euro(basket.total())}`;
  };
  relabel();
  follow(content, () => {
    if (!basket.lines().length) return show();
    relabel();
    content.lastElementChild?.replaceWith(summary());
  });
  return { title, content };
}

export function done(): View {
  const order = recall<Order>("order", () => sessionStorage);
  return {
    title: "Order placed · Oblong",
    content: h(
      "div",
      { class: "plain", testid: "order-done" },
      h("h1", {}, order ? `Thank you, ${order.name}.` : "Thank you."),
      order &&
        h("p", {}, "Order ", h("strong", { testid: "order-id" }, order.id), ` over ${euro(order.cents)} is placed.`),
      order && h("p", {}, `A confirmation would go to ${order.email}, were this a real shop.`),
      h("a", { href: BASE, class: "button" }, "Back to the objects"),
    ),
  };
}
