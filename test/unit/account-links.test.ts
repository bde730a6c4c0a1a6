import { describe, expect, it, vi } from "vitest";
import { type AccountLinkKind, readAccountLink, signAccountLink } from "../../shared/auth/account-links.ts";

const SECRET = "a-secret-of-this-test";
const ROW = "am_0123456789abcdefghij";
const HASH = "scrypt$salt$hash";

const read = (kind: AccountLinkKind, token: string, bound: string | null = HASH, secret = SECRET) =>
  readAccountLink(kind, token, secret, async () => bound);

describe("links in mails about accounts", () => {
  it("name their row, and fit a URL without escaping", async () => {
    const token = await signAccountLink("password_reset", ROW, HASH, SECRET);
    expect(token).toMatch(/^[\w-]+\.[\w-]+$/);
    const boundOf = vi.fn(async () => HASH);
    expect(await readAccountLink("password_reset", token, SECRET, boundOf)).toBe(ROW);
    expect(boundOf).toHaveBeenCalledWith(ROW);
  });

  it("say nothing of what they are bound to", async () => {
    const [other, own] = await Promise.all(
      ["x", HASH].map((bound) => signAccountLink("password_reset", ROW, bound, SECRET)),
    );
    expect(own).not.toContain("scrypt");
    expect(own).toHaveLength(other!.length);
  });

  it("die with what they are bound to, and with their row", async () => {
    const token = await signAccountLink("password_reset", ROW, HASH, SECRET);
    expect(await read("password_reset", token, "scrypt$salt$another")).toBeNull();
    expect(await read("password_reset", token, null)).toBeNull();
  });

  it("of one kind, row or secret are worth nothing for another", async () => {
    const token = await signAccountLink("invitation", ROW, HASH, SECRET);
    expect(await read("invitation", token)).toBe(ROW);
    expect(await read("password_reset", token)).toBeNull();
    expect(await read("invitation", token, HASH, "another-secret-of-it")).toBeNull();
    expect(await read("invitation", token.replace("am_0", "am_1"))).toBeNull();
  });

  it("cannot be cut differently between row and bound", async () => {
    const token = await signAccountLink("invitation", ROW, `","${HASH}`, SECRET);
    const other = await signAccountLink("invitation", ROW, HASH, SECRET);
    expect(token).not.toBe(other);
  });

  it("with any letter changed are forged", async () => {
    const token = await signAccountLink("password_reset", ROW, HASH, SECRET);
    for (let i = 0; i < token.length - 1; i++) {
      const letter = token[i] === "a" ? "b" : "a";
      expect(await read("password_reset", token.slice(0, i) + letter + token.slice(i + 1)), `letter ${i}`).toBeNull();
    }
  });

  it.each(["", ".", `${ROW}.`, `.${"A".repeat(43)}`, `${ROW}.${"A".repeat(44)}`, "ä.ö", `${ROW}.${"!".repeat(43)}`])(
    "that are none (%j) ask no database",
    async (token) => {
      const boundOf = vi.fn(async () => HASH);
      expect(await readAccountLink("password_reset", token, SECRET, boundOf)).toBeNull();
      expect(boundOf).not.toHaveBeenCalled();
    },
  );
});
