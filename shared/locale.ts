/** Locales of shoppers and templates: BCP 47 tags that a stranger may have written. Pure. */

const MAX_TAG = 35;

/** `de_at` → `de-AT`; `null` for what is no BCP 47 tag. */
export function canonicalLocale(tag: string | null | undefined): string | null {
  if (!tag || tag.length > MAX_TAG) return null;
  try {
    return Intl.getCanonicalLocales(tag.replaceAll("_", "-"))[0] ?? null;
  } catch {
    return null;
  }
}

export const languageOf = (tag: string): string => tag.split("-")[0] ?? tag;

/** The best of what there is for a wanted tag, by lookup of RFC 4647, 3.4: `de-AT`, then `de`; `null` when there is none. */
export function lookupLocale(wanted: string | null | undefined, available: readonly string[]): string | null {
  for (let tag = canonicalLocale(wanted); tag; tag = tag.includes("-") ? tag.slice(0, tag.lastIndexOf("-")) : null) {
    const found = available.find((known) => canonicalLocale(known) === tag);
    if (found !== undefined) return found;
  }
  return null;
}

/** The first of an `Accept-Language` header that there is, by its weights (RFC 9110, 12.5.4). */
export function acceptedLocale(header: string | null, available: readonly string[]): string | null {
  const ranges = (header ?? "")
    .slice(0, 500)
    .split(",")
    .map((range) => {
      const [tag = "", ...parameters] = range.split(";").map((part) => part.trim());
      const weight = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2);
      return { tag, weight: weight === undefined ? 1 : Number(weight) || 0 };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight);
  for (const { tag } of ranges) {
    const found = lookupLocale(tag, available);
    if (found !== null) return found;
  }
  return null;
}
