import { readJson } from "./storage.ts";
import type { Clock, Drawing, Offer, Store } from "./types.ts";

export const OFFERS_KEY = "cartwake.offers";
/** Whoever said no is left alone for so long, unless a payment of theirs fails. */
const QUIET_MS = 86_400_000;
const REMEMBERED = 50;
/** Between two looks whether the shopper is still busy. */
const BUSY_MS = 1_000;

interface Answered {
  /** No offers until then (ms). */
  quietUntil?: number;
  /** Taken or declined. */
  ids?: string[];
}

export interface OfferDeps {
  store: Store;
  clock: Clock;
  record(type: string, data: object, cartId: string): void;
  /** Tells the page; false when it draws the offer itself. */
  announce(offer: Offer): boolean;
  accepted(offer: Offer): void;
  /** Typing a card's number, or looking elsewhere. */
  isBusy(): boolean;
  draw(offer: Offer, drawing: Drawing): Promise<() => void>;
}

/** On-site offers that came with a reply: one at a time, none twice, none to whoever does not want any. */
export function createOffers({ store, clock, record, announce, accepted, isBusy, draw }: OfferDeps) {
  /** Told to the page already: the same offer comes with every reply until it is answered. */
  const seen = new Set<string>();
  let current: Offer | null = null;
  let close: (() => void) | null = null;

  const answered = () => readJson<Answered>(store, OFFERS_KEY) ?? {};

  function remember(offer: Offer, quiet: boolean): void {
    const { ids = [], quietUntil } = answered();
    const until = quiet ? clock.now() + QUIET_MS : quietUntil;
    store.set(
      OFFERS_KEY,
      JSON.stringify({ ids: [...ids, offer.id].slice(-REMEMBERED), quietUntil: until } satisfies Answered),
    );
  }

  function isWanted(offer: Offer): boolean {
    const { ids = [], quietUntil = 0 } = answered();
    const quiet = quietUntil > clock.now() && offer.trigger !== "payment_failed";
    return !quiet && !ids.includes(offer.id) && !(Date.parse(offer.expiresAt) <= clock.now());
  }

  function end(): void {
    close?.();
    current = close = null;
  }

  function present(): void {
    const offer = current;
    if (!offer || close) return;
    if (!isWanted(offer)) {
      end();
      return;
    }
    if (isBusy()) {
      clock.later(present, BUSY_MS);
      return;
    }
    const tell = (type: string) => record(type, { offerId: offer.id }, offer.cartId);
    close = () => {};
    draw(offer, {
      shown: () => tell("offer_shown"),
      accepted() {
        remember(offer, false);
        end();
        tell("offer_accepted");
        accepted(offer);
      },
      dismissed() {
        remember(offer, offer.trigger !== "payment_failed");
        end();
        tell("offer_dismissed");
      },
    }).then(
      (remove) => {
        // The cart was ordered while the drawing code was on its way.
        if (current === offer) close = remove;
        else remove();
      },
      () => {
        seen.delete(offer.id);
        end();
      },
    );
  }

  return {
    receive(offers: unknown): void {
      for (const offer of Array.isArray(offers) ? (offers as Offer[]) : []) {
        if (current) return;
        if (!offer?.id || !offer.headline || seen.has(offer.id) || !isWanted(offer)) continue;
        seen.add(offer.id);
        if (announce(offer)) current = offer;
      }
      present();
    },
    /** Another tab may have answered it. */
    recheck(): void {
      if (current && !isWanted(current)) end();
    },
    /** The cart is ordered: whatever was offered for it is over. */
    end,
  };
}

/** Dispatches `cartwake:<name>` on the document; false when a listener prevented the default. */
export const announce = (name: string, detail: unknown): boolean =>
  document.dispatchEvent(new CustomEvent(`cartwake:${name}`, { detail, bubbles: true, cancelable: true }));
