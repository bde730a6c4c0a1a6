/**
 * How many messages an SMS is sent and paid as. GSM 03.38: seven bits a character where its alphabet suffices, else UCS-2.
 * 3GPP TS 23.040: a long message is cut into parts that each give seven septets (or six bytes) to a header. Pure.
 */

export interface SmsSegments {
  /** Messages on the bill; 0 of an empty text. */
  segments: number;
  encoding: "GSM-7" | "UCS-2";
  /** Unicode code points. */
  characters: number;
}

/** The default alphabet, without the escape to the extension table (3GPP TS 23.038, 6.2.1). */
const BASIC = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
/** The extension table (6.2.1.1): each costs the escape and itself. */
const EXTENSION = new Set("\f^{}\\[~]|€");

const GSM = { single: 160, part: 153 };
const UCS2 = { single: 70, part: 67 };

export function smsSegments(text: string): SmsSegments {
  const points = [...text];
  const gsm = points.every((point) => BASIC.has(point) || EXTENSION.has(point));
  const units = gsm ? points.map((point) => (EXTENSION.has(point) ? 2 : 1)) : points.map((point) => point.length);
  return {
    segments: count(units, gsm ? GSM : UCS2),
    encoding: gsm ? "GSM-7" : "UCS-2",
    characters: points.length,
  };
}

/** A character of two units is never cut in half: the part before it stays one unit short. */
function count(units: number[], { single, part }: typeof GSM): number {
  const total = units.reduce((sum, unit) => sum + unit, 0);
  if (total <= single) return total === 0 ? 0 : 1;
  let parts = 1;
  let used = 0;
  for (const unit of units) {
    if (used + unit > part) {
      parts += 1;
      used = 0;
    }
    used += unit;
  }
  return parts;
}
