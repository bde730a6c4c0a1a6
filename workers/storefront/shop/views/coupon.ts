import * as coupon from "../coupon.ts";
import { h } from "../dom.ts";
import * as tracking from "../tracking.ts";

/** One code at a time: typed in, or taken off. */
export function couponForm(): HTMLElement {
  const given = coupon.current();
  if (given) {
    const remove = () => {
      coupon.apply(null);
      tracking.couponRemoved(given.code);
    };
    return h(
      "button",
      { type: "button", class: "quiet", testid: "coupon-remove", on: { click: remove } },
      `Take ${given.code} off`,
    );
  }
  const input = h("input", {
    id: "coupon",
    autocomplete: "off",
    autocapitalize: "characters",
    maxlength: 40,
    testid: "coupon",
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const code = input.value.trim().toUpperCase(); // as it is shown
    if (!code) return input.focus();
    tracking.couponApplied(code);
    coupon.apply({ code, kind: null, amount: 0, expiresAt: null });
  };
  return h(
    "form",
    { class: "coupon", novalidate: true, on: { submit } },
    h("label", { for: "coupon" }, "Have a code?"),
    h(
      "div",
      { class: "pair" },
      input,
      h("button", { type: "submit", class: "button secondary", testid: "coupon-apply" }, "Apply"),
    ),
  );
}
