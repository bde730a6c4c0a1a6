/** What the shopper's pages say, by language. */
import { acceptedLocale, lookupLocale } from "../../shared/locale.ts";
import type { MessageChannel } from "../../shared/policy/rules.ts";

export interface PageWords {
  invalid: { title: string; cutOff: string; cutOffOrOld: string; gone: string };
  ask: { title: string; text(store: string): string };
  /** Nothing is on. */
  off: { title: string; text(store: string): string };
  /** The button that stops everything: the only channel, or all of them. */
  stop: { one: string; all: string };
  choose: {
    legend: string;
    save: string;
    channels: Record<MessageChannel, { label: string; note: string }>;
    /** Instead of the note, where a switch cannot be turned. */
    locked(store: string): string;
  };
  /** Stands for the name of a store that is gone. */
  thisShop: string;
  /** Saved: nothing is on now, or something. */
  done: { title: string; text: string; chosen: string };
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
      text: (store) => `Here you decide by which ways ${store} may remind you of your carts.`,
    },
    off: { title: "No reminders", text: (store) => `${store} does not remind you of carts. You can change that here.` },
    stop: { one: "Unsubscribe", all: "Unsubscribe from all" },
    choose: {
      legend: "Remind me by",
      save: "Save my choice",
      channels: {
        email: { label: "E-mail", note: "To your e-mail address" },
        sms: { label: "SMS", note: "Text messages to your phone" },
        push: { label: "Push", note: "Notifications on your device" },
      },
      locked: (store) => `Messages could not be delivered, or were reported as unwanted. ${store} can help.`,
    },
    thisShop: "This shop",
    done: {
      title: "Done",
      text: "You will get no more reminders. You can close this page.",
      chosen: "Your choice is saved and holds from now on. You can close this page.",
    },
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
      text: (store) => `Hier entscheiden Sie, auf welchen Wegen ${store} Sie an Ihre Warenkörbe erinnern darf.`,
    },
    off: {
      title: "Keine Erinnerungen",
      text: (store) => `${store} erinnert Sie nicht an Warenkörbe. Hier können Sie das ändern.`,
    },
    stop: { one: "Abmelden", all: "Von allem abmelden" },
    choose: {
      legend: "Erinnern Sie mich per",
      save: "Auswahl speichern",
      channels: {
        email: { label: "E-Mail", note: "An Ihre E-Mail-Adresse" },
        sms: { label: "SMS", note: "Textnachrichten an Ihr Telefon" },
        push: { label: "Push", note: "Mitteilungen auf Ihrem Gerät" },
      },
      locked: (store) =>
        `Nachrichten konnten nicht zugestellt werden oder wurden als unerwünscht gemeldet. ${store} hilft Ihnen weiter.`,
    },
    thisShop: "Dieser Shop",
    done: {
      title: "Erledigt",
      text: "Sie erhalten keine Erinnerungen mehr. Sie können diese Seite schließen.",
      chosen: "Ihre Auswahl ist gespeichert und gilt ab sofort. Sie können diese Seite schließen.",
    },
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
      text: (store) => `Choisissez ici par quels moyens ${store} peut vous rappeler vos paniers.`,
    },
    off: {
      title: "Aucun rappel",
      text: (store) => `${store} ne vous rappelle pas vos paniers. Vous pouvez changer cela ici.`,
    },
    stop: { one: "Se désabonner", all: "Se désabonner de tout" },
    choose: {
      legend: "Me rappeler par",
      save: "Enregistrer mon choix",
      channels: {
        email: { label: "E-mail", note: "À votre adresse e-mail" },
        sms: { label: "SMS", note: "Messages sur votre téléphone" },
        push: { label: "Push", note: "Notifications sur votre appareil" },
      },
      locked: (store) =>
        `Des messages n’ont pas pu être remis ou ont été signalés comme indésirables. ${store} peut vous aider.`,
    },
    thisShop: "Cette boutique",
    done: {
      title: "C’est fait",
      text: "Vous ne recevrez plus de rappels. Vous pouvez fermer cette page.",
      chosen: "Votre choix est enregistré et s’applique dès maintenant. Vous pouvez fermer cette page.",
    },
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
      text: (store) => `Decida aquí por qué medios ${store} puede recordarle sus carritos.`,
    },
    off: { title: "Sin recordatorios", text: (store) => `${store} no le recuerda sus carritos. Puede cambiarlo aquí.` },
    stop: { one: "Darse de baja", all: "Darse de baja de todo" },
    choose: {
      legend: "Recordarme por",
      save: "Guardar mi elección",
      channels: {
        email: { label: "Correo electrónico", note: "A su dirección de correo" },
        sms: { label: "SMS", note: "Mensajes de texto a su teléfono" },
        push: { label: "Push", note: "Notificaciones en su dispositivo" },
      },
      locked: (store) =>
        `Algunos mensajes no se pudieron entregar o se marcaron como no deseados. ${store} puede ayudarle.`,
    },
    thisShop: "Esta tienda",
    done: {
      title: "Hecho",
      text: "No recibirá más recordatorios. Puede cerrar esta página.",
      chosen: "Su elección está guardada y vale desde ahora. Puede cerrar esta página.",
    },
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
      text: (store) => `Qui può decidere in quali modi ${store} può ricordarle i suoi carrelli.`,
    },
    off: { title: "Nessun promemoria", text: (store) => `${store} non le ricorda i carrelli. Può cambiarlo qui.` },
    stop: { one: "Annulla l’iscrizione", all: "Annulla tutte le iscrizioni" },
    choose: {
      legend: "Ricordamelo tramite",
      save: "Salva la scelta",
      channels: {
        email: { label: "E-mail", note: "Al suo indirizzo e-mail" },
        sms: { label: "SMS", note: "Messaggi di testo sul suo telefono" },
        push: { label: "Push", note: "Notifiche sul suo dispositivo" },
      },
      locked: (store) =>
        `Alcuni messaggi non sono stati recapitati o sono stati segnalati come indesiderati. ${store} può aiutarla.`,
    },
    thisShop: "Questo negozio",
    done: {
      title: "Fatto",
      text: "Non riceverà più promemoria. Può chiudere questa pagina.",
      chosen: "La sua scelta è salvata e vale da subito. Può chiudere questa pagina.",
    },
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
      text: (store) => `Hier bepaalt u op welke manieren ${store} u aan uw winkelwagens mag herinneren.`,
    },
    off: {
      title: "Geen herinneringen",
      text: (store) => `${store} herinnert u niet aan winkelwagens. Dat kunt u hier wijzigen.`,
    },
    stop: { one: "Afmelden", all: "Voor alles afmelden" },
    choose: {
      legend: "Herinner mij per",
      save: "Keuze opslaan",
      channels: {
        email: { label: "E-mail", note: "Naar uw e-mailadres" },
        sms: { label: "Sms", note: "Tekstberichten naar uw telefoon" },
        push: { label: "Push", note: "Meldingen op uw apparaat" },
      },
      locked: (store) => `Berichten konden niet worden bezorgd of zijn als ongewenst gemeld. ${store} helpt u verder.`,
    },
    thisShop: "Deze winkel",
    done: {
      title: "Klaar",
      text: "U krijgt geen herinneringen meer. U kunt deze pagina sluiten.",
      chosen: "Uw keuze is opgeslagen en geldt vanaf nu. U kunt deze pagina sluiten.",
    },
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
