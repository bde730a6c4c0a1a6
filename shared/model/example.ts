/** What a finished cart teaches: vectors of what was known at some moments, and how it ended. */

/** Moments worth a vector: the first addition, so many events after it, the checkout, the way out, and being left. */
export const MOMENTS = ["add", "add+1", "add+2", "add+3", "add+5", "add+10", "checkout", "exit", "left"] as const;
export type MomentName = (typeof MOMENTS)[number];

export interface Example {
  moment: MomentName;
  /** When it was (ms). */
  at: number;
  /** 1: an order followed before the cart would have expired. */
  label: 0 | 1;
  /** In the order of `FEATURES`, `null` where missing. */
  features: (number | null)[];
  featureVersion: number;
  /** What was predicted then, and by which version. */
  probability: number;
  model: string;
}

/** `left`: abandoned, perhaps not for good. `void`: an end told before was none (an order that was another's echo). */
export type EndKind = "left" | "bought" | "expired" | "void";

/** A generation of a cart came to an end, or to one for now. `at`: when that was decided (ms). */
export interface End {
  generation: number;
  how: EndKind;
  at: number;
}

/** Told with the news. Telling it twice changes nothing. */
export interface Ending extends End {
  shopperId: string;
  adds: number;
  examples: Example[];
}
