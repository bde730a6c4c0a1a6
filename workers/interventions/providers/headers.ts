/** Header fields of mails: RFC 2047 for what is not ASCII, in words short enough for every gateway. */

/** An encoded word has at most 75 characters: 12 around the base64 of 45 bytes. */
const WORD_BYTES = 45;

/** Unstructured text, such as a subject: as it is when it is ASCII, else as encoded words, one a line. */
export function headerText(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  if (/^[ -~]*$/.test(line)) return line;
  const words: string[] = [];
  let word = "";
  for (const character of line) {
    if (Buffer.byteLength(word + character) > WORD_BYTES) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((w) => `=?UTF-8?B?${Buffer.from(w).toString("base64")}?=`).join("\r\n ");
}

/** `"Name" <address>` as APIs take it, in any alphabet. */
export function plainMailbox({ name, email }: { name: string; email: string }): string {
  const shown = name
    .replace(/[\p{Cc}\s]+/gu, " ")
    .replace(/["\\]/g, "")
    .trim();
  return shown === "" ? email : `"${shown}" <${email}>`;
}

/** `"Name" <address>`; an encoded word must not stand in quotes. */
export function mailbox({ name, email }: { name: string; email: string }): string {
  const shown = headerText(name);
  if (shown === "") return email;
  return shown.startsWith("=?") ? `${shown} <${email}>` : `"${shown.replace(/["\\]/g, "")}" <${email}>`;
}
