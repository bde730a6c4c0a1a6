/** Phone numbers, as SMS providers take them. Pure. */

export const E164 = /^\+[1-9]\d{6,14}$/;

/** A number as people write it, in E.164; `null` when it does not say its country: nobody could tell whose it is. */
export function e164Of(phone: string | null | undefined): string | null {
  const bare = (phone ?? "")
    .replace(/\(0\)/g, "")
    .replace(/[\s()./-]/g, "")
    .replace(/^00/, "+");
  return E164.test(bare) ? bare : null;
}
