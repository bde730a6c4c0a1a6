/** Why carts were lost, in the rules' own words: English, or German where the merchant wants that. Pure. */
import { languageOf } from "../../shared/locale.ts";
import type { LossFigures, LossReason } from "../../shared/loss.ts";

interface Words {
  nothing: string;
  began: (figures: LossFigures) => string;
  reasons: Record<LossReason, (count: number, percent: number) => string>;
}

const ENGLISH: Words = {
  nothing: "No cart was left behind in this week.",
  began: ({ left, lost, lostPercent, lostValue, lostLastWeek, recovered }) =>
    `${lost} of ${left} carts that were left (${lostPercent}%) were not bought, worth ${lostValue.amount} ${lostValue.currency}; of the week before it were ${lostLastWeek}. ${recovered} came back after a message.`,
  reasons: {
    no_address: (n, p) => `${n} of the lost carts (${p}%) named no e-mail address, so nobody could be written to.`,
    not_messaged: (n, p) => `To ${n} (${p}%) nothing was sent, although an address was known.`,
    message_without_effect: (n, p) => `${n} (${p}%) were sent a message and were not bought.`,
    payment_failed: (n) => `${n} payments failed.`,
    left_before_checkout: (n, p) => `For ${n} products put into carts (${p}%) no checkout was begun.`,
    left_in_checkout: (n, p) => `${n} checkouts (${p}%) were begun and not finished.`,
  },
};

const GERMAN: Words = {
  nothing: "In dieser Woche blieb kein Warenkorb liegen.",
  began: ({ left, lost, lostPercent, lostValue, lostLastWeek, recovered }) =>
    `Von ${left} verlassenen Warenkörben gingen ${lost} verloren (${lostPercent} %), im Wert von ${lostValue.amount.replace(".", ",")} ${lostValue.currency}; in der Woche davor waren es ${lostLastWeek}. Nach einer Nachricht gekauft: ${recovered}.`,
  reasons: {
    no_address: (n, p) => `Verlorene Warenkörbe ohne E-Mail-Adresse, denen niemand schreiben konnte: ${n} (${p} %).`,
    not_messaged: (n, p) => `Mit bekannter Adresse, aber ohne Nachricht: ${n} (${p} %).`,
    message_without_effect: (n, p) => `Trotz Nachricht nicht gekauft: ${n} (${p} %).`,
    payment_failed: (n) => `Gescheiterte Zahlungen: ${n}.`,
    left_before_checkout: (n, p) => `In den Warenkorb gelegt, ohne dass ein Bestellvorgang begann: ${n} (${p} %).`,
    left_in_checkout: (n, p) => `Begonnene und nicht beendete Bestellvorgänge: ${n} (${p} %).`,
  },
};

/** What stands out is told, the three strongest. `language`: a locale; what is neither English nor German gets English. */
export function rulesText(figures: LossFigures, language: string): string {
  const words = languageOf(language) === "de" ? GERMAN : ENGLISH;
  if (figures.left === 0) return words.nothing;
  const said = figures.reasons.slice(0, 3).map(({ code, count, percent }) => words.reasons[code](count, percent));
  return [words.began(figures), ...said].join(" ");
}
