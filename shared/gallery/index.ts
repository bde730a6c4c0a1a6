/** Templates to begin with, of every channel: in English, translated into German. */
import type { Trigger } from "../policy/rules.ts";
import type { Template } from "../templates.ts";
import type { Channel } from "../views.ts";
import { partsOf } from "./layout.ts";
import { SHORT } from "./short.ts";
import { ENTRIES, LANGUAGES } from "./words.ts";

export interface GalleryTemplate extends Template {
  name: string;
  description: string;
  channel: Channel;
}

const emails = ENTRIES.map(
  ({ id, name, description, en, de }): GalleryTemplate => ({
    id,
    name,
    description,
    channel: "email",
    locale: "en",
    ...partsOf(en, LANGUAGES.en),
    translations: { de: partsOf(de, LANGUAGES.de) },
  }),
);

const short = SHORT.map(({ id, channel, name, description, en, de }): GalleryTemplate => {
  const parts = ({ title = "", text }: typeof en) => ({ subject: title, html: "", text });
  return { id, name, description, channel, locale: "en", ...parts(en), translations: { de: parts(de) } };
});

export const GALLERY: readonly GalleryTemplate[] = [...emails, ...short];

export const galleryTemplate = (id: string): GalleryTemplate | undefined => GALLERY.find((entry) => entry.id === id);

const known = (id: string): GalleryTemplate => {
  const found = galleryTemplate(id);
  if (!found) throw new Error(`no gallery template ${id}`);
  return found;
};

/** The reminder every store begins with. */
export const DEFAULT_TEMPLATE: GalleryTemplate = { ...known("reminder"), id: "default" };

const DEFAULTS: Record<Channel, GalleryTemplate> = {
  email: DEFAULT_TEMPLATE,
  sms: { ...known("sms-reminder"), id: "default-sms" },
  push: { ...known("push-reminder"), id: "default-push" },
  onsite: { ...known("onsite-exit"), id: "default-onsite" },
};
/** The built-in template of each channel. */
export const BUILT_INS: readonly GalleryTemplate[] = Object.values(DEFAULTS);

/** What says more about a trigger than the channel's own built-in. */
const OF_TRIGGER: Partial<Record<Trigger, string>> = {
  checkout_hesitation: "hesitation",
  payment_failed: "payment-failed",
  price_drop: "price-drop",
  back_in_stock: "back-in-stock",
};

/** What a channel says when the merchant wrote nothing: about the trigger if there are words for it. */
export function builtInFor(channel: Channel, trigger?: Trigger): GalleryTemplate {
  const about = trigger && OF_TRIGGER[trigger];
  const id = channel === "email" ? about : `${channel}-${about}`;
  return (about && galleryTemplate(id ?? "")) || DEFAULTS[channel];
}
