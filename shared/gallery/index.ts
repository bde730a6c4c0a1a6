/** Templates to begin with: e-mails in English, translated into German. */
import type { Template } from "../templates.ts";
import { partsOf } from "./layout.ts";
import { ENTRIES, LANGUAGES } from "./words.ts";

export interface GalleryTemplate extends Template {
  name: string;
  description: string;
  channel: "email";
}

export const GALLERY: readonly GalleryTemplate[] = ENTRIES.map(({ id, name, description, en, de }) => ({
  id,
  name,
  description,
  channel: "email",
  locale: "en",
  ...partsOf(en, LANGUAGES.en),
  translations: { de: partsOf(de, LANGUAGES.de) },
}));

export const galleryTemplate = (id: string): GalleryTemplate | undefined => GALLERY.find((entry) => entry.id === id);

/** The reminder every store begins with. */
export const DEFAULT_TEMPLATE: GalleryTemplate = { ...GALLERY[0]!, id: "default" };
