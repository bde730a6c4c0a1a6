/** Coupon codes: what they are made of, and when two are the same. Pure, for the browser as well. */

/** 32 characters without 0, O, 1 and I: five bits each. */
const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/** Random bytes that a code is made of: 60 bits. Who guesses a million a second finds one of a million in 13 days. */
export const CODE_BYTES = 12;

export const codeOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => ALPHABET[byte & 31]).join("");

/** An imported code: printable, without spaces. */
export const isCode = (text: string): boolean => /^[^\s\p{C}]{3,64}$/u.test(text);

/** Shoppers type codes as they like: two with the same key are the same. */
export const codeKey = (code: string): string => code.normalize("NFC").toUpperCase();

export const MAX_POOLS = 50;
export const MAX_POOL_CODES = 200_000;
/** Of one call. */
export const MAX_ADDED_CODES = 20_000;
export const MAX_ADDED_BYTES = 1024 * 1024;
