/** Which entry of the gallery speaks about a trigger. */
import type { Trigger } from "../policy/rules.ts";
import type { Channel } from "../views.ts";

const WORDS: Partial<Record<Trigger, string>> = {
  checkout_hesitation: "hesitation",
  payment_failed: "payment-failed",
  price_drop: "price-drop",
  back_in_stock: "back-in-stock",
};

/** The id that such an entry would have; not every channel has one. `null`: the trigger needs no words of its own. */
export function galleryIdAbout(channel: Channel, trigger: Trigger | undefined): string | null {
  const about = trigger && WORDS[trigger];
  if (!about) return null;
  return channel === "email" ? about : `${channel}-${about}`;
}

/** The id of the channel's built-in template. */
export const builtInId = (channel: Channel): string => (channel === "email" ? "default" : `default-${channel}`);
