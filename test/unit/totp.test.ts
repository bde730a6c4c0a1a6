import { describe, expect, it } from "vitest";
import { otpauthUrl, stepOfCode, totpSecret } from "../../shared/auth/totp.ts";

/** RFC 6238, appendix B, SHA-1: our codes are the last six of its eight digits. */
const SECRET = totpSecret(new TextEncoder().encode("12345678901234567890"));
const VECTORS: [seconds: number, totp: string][] = [
  [59, "94287082"],
  [1111111109, "07081804"],
  [1111111111, "14050471"],
  [1234567890, "89005924"],
  [2000000000, "69279037"],
  [20000000000, "65353130"],
];

describe("codes of authenticator apps", () => {
  it.each(VECTORS)("at %i seconds are those of RFC 6238", (seconds, totp) => {
    const code = totp.slice(2);
    const step = Math.floor(seconds / 30);
    expect(stepOfCode(SECRET, code, seconds * 1000)).toBe(step);
    expect(stepOfCode(SECRET, code, (seconds + 30) * 1000)).toBe(step);
    expect(stepOfCode(SECRET, code, Math.max(0, seconds - 30) * 1000)).toBe(step);
    expect(stepOfCode(SECRET, code, (seconds + 60) * 1000)).toBeNull();
    expect(stepOfCode(SECRET, code, (seconds + 3_000) * 1000)).toBeNull();
  });

  it("are six digits and nothing else", () => {
    for (const code of ["", "94287082", "28708", "28708x", " 87082", "287082 ", "٢٨٧٠٨٢", "-87082", "287082\n"])
      expect(stepOfCode(SECRET, code, 59_000), JSON.stringify(code)).toBeNull();
  });

  it("have a secret that apps can read from a link", () => {
    const url = new URL(otpauthUrl(SECRET, "ada+shop@merchant.example"));
    expect(url.protocol).toBe("otpauth:");
    expect(decodeURIComponent(url.pathname)).toContain("Cartwake:ada+shop@merchant.example");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      issuer: "Cartwake",
      secret: SECRET,
      algorithm: "SHA1",
      digits: "6",
      period: "30",
    });
    expect(SECRET).toBe("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
  });
});
