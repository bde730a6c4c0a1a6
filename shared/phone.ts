/** Phone numbers, as SMS providers take them. */

/** A number in E.164 (`+` and 7–15 digits), or `null`: without its country's code nobody can tell whose it is. */
export function e164(phone: string | null | undefined): string | null {
  const digits = (phone ?? "").replace(/[ ()./-]/g, "").replace(/^00/, "+");
  return /^\+[1-9]\d{6,14}$/.test(digits) ? digits : null;
}
