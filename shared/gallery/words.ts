/** What the gallery's e-mails say, in English and German. Liquid; used in HTML and in plain text alike. */

/** Beyond this a mail only counts what is left: Gmail cuts mails off at 102 KB. */
export const MAX_ITEMS = 20;

export interface Words {
  subject: string;
  preheader: string;
  title: string;
  lead: string;
  button: string;
  note?: string;
  /** Shows the cart's coupon, when there is one. */
  code?: true;
}

/** What all of them say. */
export interface Language {
  total: string;
  more: string;
  code: string;
  until: string;
  because: string;
  unsubscribe: string;
}

export const LANGUAGES: Record<"en" | "de", Language> = {
  en: {
    total: "Total",
    more: `and {{ cart.items.size | minus: ${MAX_ITEMS} }} more`,
    code: "Your code",
    until: "good until {{ coupon.expires_at | date }}",
    because: "You get this because you left a cart at {{ store.name }}.",
    unsubscribe: "Unsubscribe",
  },
  de: {
    total: "Summe",
    more: `und {{ cart.items.size | minus: ${MAX_ITEMS} }} weitere`,
    code: "Ihr Code",
    until: "gültig bis {{ coupon.expires_at | date }}",
    because: "Sie erhalten diese E-Mail, weil bei {{ store.name }} noch ein Warenkorb von Ihnen steht.",
    unsubscribe: "Abmelden",
  },
};

interface Entry {
  id: string;
  name: string;
  description: string;
  en: Words;
  de: Words;
}

/** `Ada, your …` or `Your …`. */
const named = (after: string, alone: string): string =>
  `{% if shopper.firstName != '' %}{{ shopper.firstName }}, ${after}{% else %}${alone}{% endif %}`;

export const ENTRIES: Entry[] = [
  {
    id: "reminder",
    name: "Reminder",
    description: "A friendly word about a cart that was left behind. A good first step.",
    en: {
      subject: `${named("your", "Your")} cart at {{ store.name }} is waiting`,
      preheader: "We kept it exactly as you left it.",
      title: `${named("you", "You")} left something behind`,
      lead: "We kept your cart exactly as you left it. Pick up where you stopped whenever it suits you.",
      button: "Back to your cart",
    },
    de: {
      subject: `${named("Ihr", "Ihr")} Warenkorb bei {{ store.name }} wartet`,
      preheader: "Er ist noch genau so, wie Sie ihn verlassen haben.",
      title: `${named("Sie", "Sie")} haben etwas vergessen`,
      lead: "Ihr Warenkorb ist noch genau so, wie Sie ihn verlassen haben. Machen Sie weiter, wann immer es Ihnen passt.",
      button: "Zurück zum Warenkorb",
    },
  },
  {
    id: "last-call",
    name: "Last call",
    description: "The last of a few messages, with the cart's coupon when it has one.",
    en: {
      subject: `${named("last", "Last")} call for your cart at {{ store.name }}`,
      preheader: "{% if coupon %}Your code {{ coupon.code }} is inside.{% else %}It will not wait for ever.{% endif %}",
      title: "Last call for your cart",
      lead: "{% if coupon %}Your code makes it a little easier. Enter it at the checkout.{% else %}We cannot keep it for ever. If you still want it, now is a good time.{% endif %}",
      button: "Finish your order",
      note: "This is our last message about this cart.",
      code: true,
    },
    de: {
      subject: `${named("letzte", "Letzte")} Gelegenheit für Ihren Warenkorb bei {{ store.name }}`,
      preheader: "{% if coupon %}Ihr Code {{ coupon.code }} liegt bei.{% else %}Er wartet nicht für immer.{% endif %}",
      title: "Letzte Gelegenheit für Ihren Warenkorb",
      lead: "{% if coupon %}Mit Ihrem Code fällt es etwas leichter. Geben Sie ihn an der Kasse ein.{% else %}Wir können ihn nicht für immer aufheben. Wenn Sie ihn noch möchten, ist jetzt ein guter Moment.{% endif %}",
      button: "Bestellung abschließen",
      note: "Das ist unsere letzte Nachricht zu diesem Warenkorb.",
      code: true,
    },
  },
  {
    id: "back-in-stock",
    name: "Back in stock",
    description: "For carts whose things were sold out for a while.",
    en: {
      subject: `${named("it", "It")} is back at {{ store.name }}`,
      preheader: "What you were looking for is in stock again.",
      title: "It is back in stock",
      lead: "What you had in your cart can be ordered again. It sold out before, so do not wait too long.",
      button: "Get it now",
    },
    de: {
      subject: `${named("es", "Es")} ist wieder da bei {{ store.name }}`,
      preheader: "Was Sie gesucht haben, ist wieder vorrätig.",
      title: "Es ist wieder vorrätig",
      lead: "Was in Ihrem Warenkorb lag, können Sie wieder bestellen. Es war schon einmal ausverkauft: Warten Sie nicht zu lange.",
      button: "Jetzt sichern",
    },
  },
  {
    id: "price-drop",
    name: "Price drop",
    description: "For carts whose things have become cheaper.",
    en: {
      subject: `${named("your", "Your")} cart at {{ store.name }} costs less now`,
      preheader: "The new total: {{ cart.total | money }}.",
      title: "Good news: the price has dropped",
      lead: "Your cart now costs {{ cart.total | money }}. The prices below are the new ones.",
      button: "Buy at the new price",
      note: "Prices may change again.",
    },
    de: {
      subject: `${named("Ihr", "Ihr")} Warenkorb bei {{ store.name }} ist günstiger geworden`,
      preheader: "Die neue Summe: {{ cart.total | money }}.",
      title: "Gute Nachricht: Der Preis ist gefallen",
      lead: "Ihr Warenkorb kostet jetzt {{ cart.total | money }}. Die Preise unten sind die neuen.",
      button: "Zum neuen Preis kaufen",
      note: "Preise können sich wieder ändern.",
    },
  },
  {
    id: "welcome-back",
    name: "Welcome back",
    description: "For shoppers who have not been there for a while.",
    en: {
      subject: `${named("good", "Good")} to see you again at {{ store.name }}`,
      preheader: "Your cart of last time is still here.",
      title: `${named("welcome", "Welcome")} back`,
      lead: "It has been a while. Your cart of last time is still here, and it takes a minute to finish.",
      button: "Continue shopping",
    },
    de: {
      subject: `${named("schön", "Schön")}, Sie wiederzusehen bei {{ store.name }}`,
      preheader: "Ihr Warenkorb vom letzten Mal ist noch da.",
      title: `${named("willkommen", "Willkommen")} zurück`,
      lead: "Es ist eine Weile her. Ihr Warenkorb vom letzten Mal ist noch da und in einer Minute bestellt.",
      button: "Weiter einkaufen",
    },
  },
];
