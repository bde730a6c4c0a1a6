/** What the shopper's pages say, by language. */
import { acceptedLocale, lookupLocale } from "../../shared/locale.ts";

export interface PageWords {
  invalid: { title: string; cutOff: string; cutOffOrOld: string; gone: string };
  ask: { title: string; text(store: string): string; button: string };
  /** Stands for the name of a store that is gone. */
  thisShop: string;
  done: { title: string; text: string };
}

const WORDS = {
  en: {
    invalid: {
      title: "This link is not valid",
      cutOff: "It may have been cut off by the mail program.",
      cutOffOrOld: "It may have been cut off by the mail program, or it is too old. Your shop will gladly help.",
      gone: "The shop it belongs to no longer exists.",
    },
    ask: {
      title: "No more reminders?",
      text: (store) => `${store} will not write to you about carts again.`,
      button: "Unsubscribe",
    },
    thisShop: "This shop",
    done: { title: "Done", text: "You will get no more reminders. You can close this page." },
  },
  de: {
    invalid: {
      title: "Dieser Link ist nicht gültig",
      cutOff: "Vielleicht hat ihn das Mailprogramm abgeschnitten.",
      cutOffOrOld: "Vielleicht hat ihn das Mailprogramm abgeschnitten, oder er ist zu alt. Ihr Shop hilft gern weiter.",
      gone: "Den Shop, zu dem er gehört, gibt es nicht mehr.",
    },
    ask: {
      title: "Keine Erinnerungen mehr?",
      text: (store) => `${store} schreibt Ihnen dann nicht mehr wegen Warenkörben.`,
      button: "Abmelden",
    },
    thisShop: "Dieser Shop",
    done: { title: "Erledigt", text: "Sie erhalten keine Erinnerungen mehr. Sie können diese Seite schließen." },
  },
  fr: {
    invalid: {
      title: "Ce lien n’est pas valable",
      cutOff: "Il a peut-être été coupé par la messagerie.",
      cutOffOrOld:
        "Il a peut-être été coupé par la messagerie, ou il est trop ancien. Votre boutique vous aidera volontiers.",
      gone: "La boutique à laquelle il appartient n’existe plus.",
    },
    ask: {
      title: "Plus de rappels ?",
      text: (store) => `${store} ne vous écrira plus au sujet de vos paniers.`,
      button: "Se désabonner",
    },
    thisShop: "Cette boutique",
    done: { title: "C’est fait", text: "Vous ne recevrez plus de rappels. Vous pouvez fermer cette page." },
  },
  es: {
    invalid: {
      title: "Este enlace no es válido",
      cutOff: "Puede que el programa de correo lo haya cortado.",
      cutOffOrOld:
        "Puede que el programa de correo lo haya cortado o que sea demasiado antiguo. Su tienda le ayudará con gusto.",
      gone: "La tienda a la que pertenece ya no existe.",
    },
    ask: {
      title: "¿No más recordatorios?",
      text: (store) => `${store} no volverá a escribirle sobre sus carritos.`,
      button: "Darse de baja",
    },
    thisShop: "Esta tienda",
    done: { title: "Hecho", text: "No recibirá más recordatorios. Puede cerrar esta página." },
  },
  it: {
    invalid: {
      title: "Questo link non è valido",
      cutOff: "Forse il programma di posta lo ha troncato.",
      cutOffOrOld:
        "Forse il programma di posta lo ha troncato, oppure è troppo vecchio. Il negozio la aiuterà volentieri.",
      gone: "Il negozio a cui appartiene non esiste più.",
    },
    ask: {
      title: "Niente più promemoria?",
      text: (store) => `${store} non le scriverà più riguardo ai carrelli.`,
      button: "Annulla l’iscrizione",
    },
    thisShop: "Questo negozio",
    done: { title: "Fatto", text: "Non riceverà più promemoria. Può chiudere questa pagina." },
  },
  nl: {
    invalid: {
      title: "Deze link is niet geldig",
      cutOff: "Misschien heeft het mailprogramma hem afgebroken.",
      cutOffOrOld: "Misschien heeft het mailprogramma hem afgebroken, of is hij te oud. Uw winkel helpt u graag.",
      gone: "De winkel waar hij bij hoort, bestaat niet meer.",
    },
    ask: {
      title: "Geen herinneringen meer?",
      text: (store) => `${store} schrijft u dan niet meer over winkelwagens.`,
      button: "Afmelden",
    },
    thisShop: "Deze winkel",
    done: { title: "Klaar", text: "U krijgt geen herinneringen meer. U kunt deze pagina sluiten." },
  },
} satisfies Record<string, PageWords>;

type Language = keyof typeof WORDS;
const LANGUAGES = Object.keys(WORDS) as Language[];

/** What the browser asks for first; else the locale of the mail that the link stood in; else English. */
export function wordsFor(request: Request, locale?: string): { lang: string; words: PageWords } {
  const lang =
    acceptedLocale(request.headers.get("accept-language"), LANGUAGES) ?? lookupLocale(locale, LANGUAGES) ?? "en";
  return { lang, words: WORDS[lang as Language] };
}
