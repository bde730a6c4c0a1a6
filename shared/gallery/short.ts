/** What the gallery's short messages say, in English and German: SMS, push messages and on-site offers. Liquid. */
import type { Channel } from "../views.ts";

interface Said {
  /** The title of a push message, the headline of an offer; an SMS has none. */
  title?: string;
  text: string;
}

interface Entry {
  id: string;
  channel: Exclude<Channel, "email">;
  name: string;
  description: string;
  en: Said;
  de: Said;
}

/** `Hi Ada,` or `Hi,`. */
const named = (before: string, joint: string, after = ""): string =>
  `${before}{% if shopper.firstName != '' %}${joint}{{ shopper.firstName }}{% endif %}${after}`;
const FIRST = "{{ cart.items.first.name | truncate: 60 }}";
/** A percentage, a sum, or free delivery: what the code is worth. */
const worth = (percent: string, amount: string, delivery: string, other: string): string =>
  `{% case coupon.kind %}{% when 'percent' %}${percent}{% when 'amount' %}${amount}{% when 'free_shipping' %}${delivery}{% else %}${other}{% endcase %}`;

export const SHORT: Entry[] = [
  {
    id: "sms-reminder",
    channel: "sms",
    name: "Reminder by SMS",
    description: "One line about a cart that was left behind, with the way back to it.",
    en: {
      text: `${named("Hi", " ", ",")} your cart at {{ store.name }} is waiting: {{ recovery_url }} Reply STOP to opt out.`,
    },
    de: {
      text: `${named("Hallo", " ", ",")} Ihr Warenkorb bei {{ store.name }} wartet: {{ recovery_url }} Abmelden mit STOP.`,
    },
  },
  {
    id: "sms-last-call",
    channel: "sms",
    name: "Last call by SMS",
    description: "The last message about a cart, with its coupon when it has one.",
    en: {
      text: "Last call for your cart at {{ store.name }}{% if coupon %}, with code {{ coupon.code }}{% endif %}: {{ recovery_url }} Reply STOP to opt out.",
    },
    de: {
      text: "Letzte Gelegenheit bei {{ store.name }}{% if coupon %}, mit Code {{ coupon.code }}{% endif %}: {{ recovery_url }} Abmelden mit STOP.",
    },
  },
  {
    id: "sms-payment-failed",
    channel: "sms",
    name: "Payment failed, by SMS",
    description: "For shoppers whose payment was declined.",
    en: {
      text: "{{ store.name }}: your payment did not go through. Your order is kept here: {{ recovery_url }} Reply STOP to opt out.",
    },
    de: {
      text: "{{ store.name }}: Ihre Zahlung hat nicht geklappt. Ihre Bestellung wartet hier: {{ recovery_url }} Abmelden mit STOP.",
    },
  },
  {
    id: "sms-price-drop",
    channel: "sms",
    name: "Price drop, by SMS",
    description: "For carts whose things have become cheaper.",
    en: {
      text: "Your cart at {{ store.name }} costs less now, {{ cart.total | money }}: {{ recovery_url }} Reply STOP to opt out.",
    },
    de: {
      text: "Ihr Warenkorb bei {{ store.name }} kostet jetzt nur {{ cart.total | money }}: {{ recovery_url }} Abmelden mit STOP.",
    },
  },
  {
    id: "sms-back-in-stock",
    channel: "sms",
    name: "Back in stock, by SMS",
    description: "For carts whose things were sold out for a while.",
    en: { text: "It is back in stock at {{ store.name }}: {{ recovery_url }} Reply STOP to opt out." },
    de: { text: "Wieder vorrätig bei {{ store.name }}: {{ recovery_url }} Abmelden mit STOP." },
  },
  {
    id: "push-reminder",
    channel: "push",
    name: "Reminder by push",
    description: "A quiet word on the shopper's own device.",
    en: { title: "Your cart is waiting", text: `${FIRST} is still in your cart at {{ store.name }}.` },
    de: { title: "Ihr Warenkorb wartet", text: `${FIRST} liegt noch in Ihrem Warenkorb bei {{ store.name }}.` },
  },
  {
    id: "push-payment-failed",
    channel: "push",
    name: "Payment failed, by push",
    description: "For shoppers whose payment was declined.",
    en: {
      title: "Your payment did not go through",
      text: "Nothing was charged, and your order at {{ store.name }} is kept. Tap to try again.",
    },
    de: {
      title: "Ihre Zahlung hat nicht geklappt",
      text: "Es wurde nichts abgebucht, und Ihre Bestellung bei {{ store.name }} ist noch da. Tippen Sie für einen neuen Versuch.",
    },
  },
  {
    id: "push-price-drop",
    channel: "push",
    name: "Price drop, by push",
    description: "For carts whose things have become cheaper.",
    en: { title: "Your cart costs less now", text: "{{ cart.total | money }} at {{ store.name }}. Prices may change." },
    de: {
      title: "Ihr Warenkorb ist günstiger geworden",
      text: "{{ cart.total | money }} bei {{ store.name }}. Preise können sich ändern.",
    },
  },
  {
    id: "push-back-in-stock",
    channel: "push",
    name: "Back in stock, by push",
    description: "For carts whose things were sold out for a while.",
    en: { title: "It is back in stock", text: `${FIRST} can be ordered again at {{ store.name }}.` },
    de: { title: "Es ist wieder da", text: `${FIRST} gibt es wieder bei {{ store.name }}.` },
  },
  {
    id: "onsite-exit",
    channel: "onsite",
    name: "Before they go",
    description: "For shoppers about to leave the page with something in the cart. Gives nothing away.",
    en: {
      title: named("Before you go", ", "),
      text: "Your cart is saved. Finish now, or come back to it whenever it suits you.",
    },
    de: {
      title: named("Bevor Sie gehen", ", "),
      text: "Ihr Warenkorb ist gespeichert. Bestellen Sie jetzt, oder kommen Sie wieder, wann es Ihnen passt.",
    },
  },
  {
    id: "onsite-exit-coupon",
    channel: "onsite",
    name: "Before they go, with a coupon",
    description: "The same with a code of their own. Shown only while the step's coupon can be given.",
    en: {
      title: worth(
        "{{ coupon.amount }}% off your order",
        "{{ coupon.amount | money }} off your order",
        "Delivery is on us",
        "A code for your order",
      ),
      text: "Your cart is saved, and this code is yours alone. Enter it at the checkout.",
    },
    de: {
      title: worth(
        "{{ coupon.amount }} % auf Ihre Bestellung",
        "{{ coupon.amount | money }} auf Ihre Bestellung",
        "Der Versand geht auf uns",
        "Ein Code für Ihre Bestellung",
      ),
      text: "Ihr Warenkorb ist gespeichert, und dieser Code gehört nur Ihnen. Lösen Sie ihn an der Kasse ein.",
    },
  },
  {
    id: "onsite-hesitation",
    channel: "onsite",
    name: "At the checkout",
    description: "For shoppers who stop at the checkout.",
    en: {
      title: "Almost there",
      text: "Your cart is saved as you go. If something holds you up, write to {{ store.name }}: we are glad to help.",
    },
    de: {
      title: "Fast geschafft",
      text: "Ihr Warenkorb wird laufend gespeichert. Wenn etwas nicht klappt, schreiben Sie {{ store.name }}: Wir helfen gern.",
    },
  },
  {
    id: "onsite-payment-failed",
    channel: "onsite",
    name: "Payment failed",
    description: "For shoppers whose payment was declined a moment ago.",
    en: {
      title: "That payment did not go through",
      text: "Nothing was charged and your order is kept. Try again, or choose another way to pay.",
    },
    de: {
      title: "Die Zahlung hat nicht geklappt",
      text: "Es wurde nichts abgebucht, und Ihre Bestellung ist noch da. Versuchen Sie es noch einmal, oder wählen Sie eine andere Zahlungsart.",
    },
  },
  {
    id: "onsite-price-drop",
    channel: "onsite",
    name: "Price drop",
    description: "For shoppers who look at their cart's things again, and find them cheaper.",
    en: {
      title: "Good news: the price has dropped",
      text: "Your cart now costs {{ cart.total | money }}. Prices may change again.",
    },
    de: {
      title: "Gute Nachricht: Der Preis ist gefallen",
      text: "Ihr Warenkorb kostet jetzt {{ cart.total | money }}. Preise können sich wieder ändern.",
    },
  },
  {
    id: "onsite-back-in-stock",
    channel: "onsite",
    name: "Back in stock",
    description: "For shoppers who come back to what was sold out.",
    en: {
      title: "It is back in stock",
      text: "What you had in your cart can be ordered again. It sold out before, so do not wait too long.",
    },
    de: {
      title: "Es ist wieder vorrätig",
      text: "Was in Ihrem Warenkorb lag, können Sie wieder bestellen. Es war schon einmal ausverkauft: Warten Sie nicht zu lange.",
    },
  },
];
