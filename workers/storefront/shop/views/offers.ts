/** What the shop does about an offer that was taken, and asking for push messages. */
import * as coupon from "../coupon.ts";
import { announce, byId } from "../dom.ts";
import { navigate } from "../router.ts";
import * as tracking from "../tracking.ts";
import { CHECKOUT_URL } from "./drawer.ts";

/** Whoever takes an offer wants to buy: the code goes on the basket, and the checkout opens. */
export function mountOffers(): void {
  tracking.onOffer((offer) => {
    if (offer.coupon) {
      const { code, kind, amount, expiresAt } = offer.coupon;
      coupon.apply({ code, kind, amount, expiresAt });
      tracking.couponApplied(code);
      announce(`Code ${code} is on your cart.`);
    }
    byId<HTMLDialogElement>("drawer").close();
    if (new URLSearchParams(location.search).get("page") !== "checkout") navigate(CHECKOUT_URL);
  });
}

const SAID: Record<tracking.PushState, string> = {
  subscribed: "Done. We will tell you about your cart on this device.",
  denied: "Your browser says no for this shop. You can change that in its settings.",
  dismissed: "Another time, then.",
  unavailable: "This store sends no push messages yet.",
  unsupported: "This browser knows no push messages.",
  failed: "That did not work. Please try again later.",
};

export function mountPush(): void {
  const button = byId<HTMLButtonElement>("push");
  button.addEventListener("click", () => tracking.askForPush(button.textContent ?? ""));
  tracking.onPush((state) => {
    byId("push-said").textContent = SAID[state];
    button.hidden = state === "subscribed";
  });
}
