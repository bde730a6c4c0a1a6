/** Why a message waits, did not go, or ended, in the words of people. */
import { words } from "../format.ts";

const REASONS: Readonly<Record<string, string>> = {
  holdout: "Held out, to measure the effect",
  no_consent: "No consent for this channel",
  no_address: "No address for this channel",
  suppressed_unsubscribed: "The shopper unsubscribed",
  suppressed_stop: "The shopper answered STOP",
  suppressed_bounced: "Earlier messages came back",
  suppressed_complained: "The shopper complained of an earlier one",
  frequency_cap: "Enough messages for now",
  quiet_hours: "Quiet hours where the shopper is",
  outranked: "A more important message goes first",
  purchased: "The cart was bought",
  offer_accepted: "An offer on the page was accepted",
  dismissed: "The shopper dismissed it",
  cart_emptied: "The cart is empty",
  conditions: "The step’s conditions do not hold",
  exit: "The campaign’s exit holds",
  unanswered: "No answer on the channel before",
  signal_loss: "Paused: no orders are told of",
  expired: "The cart expired",
};

export const reasonOf = (code: string): string => (Object.hasOwn(REASONS, code) ? REASONS[code]! : words(code));
