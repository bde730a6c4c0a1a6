import { describe, expect, it } from "vitest";
import { type ApiKey, isUseNews, looksLikeKey, newKey, shownOf } from "../../shared/auth/api-keys.ts";
import { HOUR_MS } from "../../shared/time.ts";

const key = (lastUsedAt: number | null): ApiKey => ({
  id: "key_1",
  storeId: "st_1",
  kind: "secret",
  scopes: [],
  allowedOrigins: [],
  expiresAt: null,
  lastUsedAt,
});

describe("API keys", () => {
  it("look like what they are, and are never made twice", () => {
    for (const kind of ["publishable", "secret"] as const) {
      const made = [newKey(kind), newKey(kind)];
      expect(made[0]).not.toBe(made[1]);
      expect(made[0]).toMatch(kind === "secret" ? /^cw_sk_[\w-]{43}$/ : /^cw_pk_[\w-]{43}$/);
      expect(made.every(looksLikeKey)).toBe(true);
    }
    for (const text of [
      "",
      "cw_sk_",
      "cw_xk_aaaaaaaaaaaaaaaaaaaaaaaa",
      `cw_sk_${"a".repeat(81)}`,
      " cw_sk_aaaaaaaaaaaaaaaaaaaa",
    ])
      expect(looksLikeKey(text), text).toBe(false);
  });

  it("are shown whole when they are public, else by six characters of forty-three", () => {
    const [pk, sk] = [newKey("publishable"), newKey("secret")];
    expect(shownOf("publishable", pk)).toBe(pk);
    expect(shownOf("secret", sk)).toBe(sk.slice(0, "cw_sk_".length + 6));
  });

  it.each([
    ["never used", null, true],
    ["used just now", 0, false],
    ["used almost an hour ago", HOUR_MS - 1, false],
    ["used an hour ago", HOUR_MS, true],
  ])("%s: whether its use is news", (_, ago, news) => {
    const now = 1_800_000_000_000;
    expect(isUseNews(key(ago === null ? null : now - ago), now)).toBe(news);
  });
});
