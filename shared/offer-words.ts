/** What stands on an offer's buttons, by language. */
import { lookupLocale } from "./locale.ts";
import type { Trigger } from "./policy/rules.ts";

interface OfferWords {
  checkout: string;
  goOn: string;
  retry: string;
  dismiss: string;
  copy: string;
  copied: string;
  validUntil: string;
}

const WORDS = {
  en: {
    checkout: "To the checkout",
    goOn: "Continue",
    retry: "Try again",
    dismiss: "No, thanks",
    copy: "Copy code",
    copied: "Copied",
    validUntil: "Good until",
  },
  de: {
    checkout: "Zur Kasse",
    goOn: "Weiter",
    retry: "Noch einmal versuchen",
    dismiss: "Nein, danke",
    copy: "Code kopieren",
    copied: "Kopiert",
    validUntil: "Gültig bis",
  },
  fr: {
    checkout: "Passer à la caisse",
    goOn: "Continuer",
    retry: "Réessayer",
    dismiss: "Non, merci",
    copy: "Copier le code",
    copied: "Copié",
    validUntil: "Valable jusqu’au",
  },
  es: {
    checkout: "Finalizar la compra",
    goOn: "Continuar",
    retry: "Volver a intentarlo",
    dismiss: "No, gracias",
    copy: "Copiar el código",
    copied: "Copiado",
    validUntil: "Válido hasta el",
  },
  it: {
    checkout: "Vai alla cassa",
    goOn: "Continua",
    retry: "Riprova",
    dismiss: "No, grazie",
    copy: "Copia il codice",
    copied: "Copiato",
    validUntil: "Valido fino al",
  },
  nl: {
    checkout: "Naar de kassa",
    goOn: "Verder",
    retry: "Opnieuw proberen",
    dismiss: "Nee, bedankt",
    copy: "Code kopiëren",
    copied: "Gekopieerd",
    validUntil: "Geldig tot",
  },
} satisfies Record<string, OfferWords>;

type Language = keyof typeof WORDS;
const LANGUAGES = Object.keys(WORDS);

const BUTTONS: Partial<Record<Trigger, "retry" | "goOn">> = { payment_failed: "retry", checkout_hesitation: "goOn" };

/** In the language of the offer, else in English. */
export function offerWords(
  locale: string,
  trigger: Trigger,
): Pick<OfferWords, "dismiss" | "copy" | "copied" | "validUntil"> & { button: string } {
  const { dismiss, copy, copied, validUntil, ...buttons } =
    WORDS[(lookupLocale(locale, LANGUAGES) ?? "en") as Language];
  return { dismiss, copy, copied, validUntil, button: buttons[BUTTONS[trigger] ?? "checkout"] };
}
