/** What a new password must not be. Length is what counts (NIST SP 800-63B): no rules about digits or signs. */
import * as z from "zod";

export const MIN_PASSWORD = 8;
export const MAX_PASSWORD = 256;

export const newPassword = z
  .string()
  .min(MIN_PASSWORD, `must have at least ${MIN_PASSWORD} characters`)
  .max(MAX_PASSWORD);

/** The ones that guessers try first, of those that are long enough. */
const COMMON = new Set(
  `12345678 123456789 1234567890 12345678910 87654321 987654321 11111111 00000000 88888888 12341234 11223344 123123123
   123321123 112233445566 password password1 password12 password123 password1234 password! passw0rd p@ssword p@ssw0rd
   passwort passwort1 qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwertz123 1q2w3e4r 1q2w3e4r5t 1qaz2wsx q1w2e3r4
   zaq12wsx asdfghjk asdfghjkl asdf1234 zxcvbnm123 abcd1234 abcdefgh abc12345 a1b2c3d4 aa123456 iloveyou iloveyou1
   princess princess1 sunshine sunshine1 football football1 baseball baseball1 basketball superman superman1 batman123
   starwars trustno1 letmein1 letmein123 welcome1 welcome12 welcome123 dragon123 monkey123 shadow123 master123
   michelle jennifer computer internet samsung1 whatever liverpool charlie1 changeme changeme1 administrator
   admin123 admin1234 administrator1 secret123 default1 testtest test1234 hello123 cartwake`.split(/\s+/),
);

/** Why this password is refused, or `null`. */
export function passwordProblem(password: string, email: string): string | null {
  const plain = password.normalize("NFKC").toLowerCase().trim();
  if (plain === email.toLowerCase()) return "must not be the e-mail address";
  if (COMMON.has(plain) || new Set(plain).size === 1) return "is one of the passwords that are guessed first";
  return null;
}
