import { h } from "../dom.ts";
import { remember } from "../memory.ts";
import * as tracking from "../tracking.ts";
import { field } from "./field.ts";

const OFFER = "Not today? We can e-mail you this cart.";

/** "Save my cart": an address, and the explicit wish to be written to. */
export function saveForm(): HTMLElement {
  const email = field("save-email", OFFER, "This does not look like an e-mail address.", {
    type: "email",
    autocomplete: "email",
    placeholder: "you@example.com",
    testid: "save-email",
  });
  const saved = h("p", { class: "saved", role: "status", testid: "saved" });
  const submit = (event: Event) => {
    event.preventDefault();
    saved.textContent = "";
    const address = email.check();
    if (!address) return email.input.focus();
    remember("email", address, () => sessionStorage);
    tracking.identified({ email: address });
    tracking.consented({ email: true }, OFFER);
    saved.textContent = `Saved. If you leave it here, we will write to ${address}.`;
  };
  return h(
    "form",
    { class: "save", novalidate: true, on: { submit } },
    email.element,
    h("button", { type: "submit", class: "button secondary", testid: "save-cart" }, "Save my cart"),
    saved,
  );
}
