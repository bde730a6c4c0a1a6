/** What stands on an offer's buttons, by language. */
import { lookupLocale } from "./locale.ts";
import type { Trigger } from "./policy/rules.ts";

interface OfferWords {
  checkout: string;
  retry: string;
  dismiss: string;
  copy: string;
  copied: string;
  validUntil: string;
}

const WORDS: Record<string, OfferWords> = {
  en: {
    checkout: "To the checkout",
    retry: "Try again",
    dismiss: "No, thanks",
    copy: "Copy code",
    copied: "Copied",
    validUntil: "Good until",
  },
  de: {
    checkout: "Zur Kasse",
    retry: "Noch einmal versuchen",
    dismiss: "Nein, danke",
    copy: "Code kopieren",
    copied: "Kopiert",
    validUntil: "Gültig bis",
  },
  fr: {
    checkout: "Passer à la caisse",
    retry: "Réessayer",
    dismiss: "Non, merci",
    copy: "Copier le code",
    copied: "Copié",
    validUntil: "Valable jusqu’au",
  },
  es: {
    checkout: "Finalizar la compra",
    retry: "Volver a intentarlo",
    dismiss: "No, gracias",
    copy: "Copiar el código",
    copied: "Copiado",
    validUntil: "Válido hasta el",
  },
  it: {
    checkout: "Vai alla cassa",
    retry: "Riprova",
    dismiss: "No, grazie",
    copy: "Copia il codice",
    copied: "Copiato",
    validUntil: "Valido fino al",
  },
  nl: {
    checkout: "Naar de kassa",
    retry: "Opnieuw proberen",
    dismiss: "Nee, bedankt",
    copy: "Code kopiëren",
    copied: "Gekopieerd",
    validUntil: "Geldig tot",
  },
};

/** In the language of the offer, else in English. */
export function offerWords(
  locale: string,
  trigger: Trigger,
): Omit<OfferWords, "checkout" | "retry"> & { button: string } {
  const { checkout, retry, ...words } = WORDS[lookupLocale(locale, Object.keys(WORDS)) ?? "en"] ?? WORDS.en!;
  return { ...words, button: trigger === "payment_failed" ? retry : checkout };
}
