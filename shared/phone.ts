/** Phone numbers. Pure. */

export const E164 = /^\+[1-9]\d{6,14}$/;

/** A number as people write it, in E.164; `null` when it does not say its country. */
export function e164Of(phone: string): string | null {
  const bare = phone
    .replace(/\(0\)/g, "")
    .replace(/[\s()./-]/g, "")
    .replace(/^00/, "+");
  return E164.test(bare) ? bare : null;
}
