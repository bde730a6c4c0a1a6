/** Why a message waits, did not go, or ended, in the words of people. */
import { words } from "../format.ts";

/** Those whose codes say too little. */
const REASONS: Readonly<Record<string, string>> = {
  holdout: "Held out, to measure the effect",
  suppressed_unsubscribed: "The shopper unsubscribed",
  suppressed_stop: "The shopper answered STOP",
  suppressed_bounced: "Messages came back",
  suppressed_complained: "The shopper complained",
  outranked: "Another message goes first",
  exit: "Left the campaign",
  advised: "On the adviser’s proposal",
};

export const reasonOf = (code: string): string => REASONS[code] ?? words(code);
