import { describe, expect, it } from "vitest";
import { newPassword, passwordProblem } from "../../shared/auth/password-rules.ts";
import { hashRecoveryCode, plainRecoveryCode, recoveryCode } from "../../shared/auth/recovery-codes.ts";

describe("a new password", () => {
  it.each(["password", "PASSWORD1", " 12345678 ", "ｐａｓｓｗｏｒｄ", "zzzzzzzzzz", "Ada@merchant.example"])(
    "must not be what is guessed first: %j",
    (password) => {
      expect(passwordProblem(password, "ada@merchant.example")).toEqual(expect.any(String));
    },
  );

  it.each(["correct horse battery", "password of my own", "ada@merchant.example!", "cartwake-demo"])(
    "may be %j",
    (password) => {
      expect(passwordProblem(password, "ada@merchant.example")).toBeNull();
    },
  );

  it("has 8 to 256 characters", () => {
    expect([7, 8, 256, 257].map((length) => newPassword.safeParse("x".repeat(length)).success)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe("a recovery code", () => {
  const code = recoveryCode(Uint8Array.from([0, 31, 32, 63, 64, 10, 20, 255, 1, 2]));

  it("is ten letters that nobody mistakes for one another", () => {
    expect(code).toBe("0z0z0-amz12");
    for (let byte = 0; byte < 256; byte++) expect(recoveryCode(new Uint8Array(10).fill(byte))).not.toMatch(/[ilou]/);
  });

  it("is read however it is typed", () => {
    for (const typed of [code, "0Z0Z0AMZ12", " ozoz0 amzl2 ", "0z0z0-amzi2"])
      expect(plainRecoveryCode(typed)).toBe("0z0z0amz12");
    for (const typed of ["", "123456", "0z0z0-amz1", "0z0z0-amz123", "0z0z0-amz1u", "0z0z0-amz1é"])
      expect(plainRecoveryCode(typed), typed).toBeNull();
  });

  it("is hashed with our secret and its owner's name", async () => {
    const hashes = await Promise.all([
      hashRecoveryCode("us_1", "0z0z0amz12", "a-secret-of-this-test"),
      hashRecoveryCode("us_2", "0z0z0amz12", "a-secret-of-this-test"),
      hashRecoveryCode("us_1", "0z0z0amz12", "another-secret-of-it"),
    ]);
    expect(new Set(hashes).size).toBe(3);
  });
});
