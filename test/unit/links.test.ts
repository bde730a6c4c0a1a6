import { describe, expect, it } from "vitest";
import { type LinkClaims, RECOVERY_TTL_MS, readLink, signLink } from "../../shared/auth/links.ts";
import { base64url } from "../../shared/ids.ts";

const SECRET = "a-secret-of-this-test";
const AT = Date.UTC(2026, 0, 1);
const recovery: LinkClaims = { kind: "r", store: "st_1", cart: "c1", generation: 1, delivery: "dl_1", at: AT };
const unsubscribe: LinkClaims = { kind: "u", store: "st_1", shopper: "sh_1", channel: "email", at: AT };

const encode = (claims: object): string => base64url(new TextEncoder().encode(JSON.stringify(claims)));

describe("signed links", () => {
  it("say what they were made to say", async () => {
    expect(await readLink(await signLink(recovery, SECRET), "r", SECRET, AT + 1)).toEqual(recovery);
    expect(await readLink(await signLink(unsubscribe, SECRET), "u", SECRET, AT + 1)).toEqual(unsubscribe);
  });

  it("fit a URL without escaping", async () => {
    expect(await signLink({ ...recovery, cart: "ü/?#" }, SECRET)).toMatch(/^[\w-]+\.[\w-]+$/);
  });

  it("of another secret are forged", async () => {
    expect(await readLink(await signLink(recovery, "another-secret-of-it"), "r", SECRET, AT)).toBeNull();
  });

  it("of one kind do not pass for the other", async () => {
    expect(await readLink(await signLink(recovery, SECRET), "u", SECRET, AT)).toBeNull();
    expect(await readLink(await signLink(unsubscribe, SECRET), "r", SECRET, AT)).toBeNull();
  });

  it("law 9: whose store was swapped are forged", async () => {
    const [, mac] = (await signLink(recovery, SECRET)).split(".");
    expect(await readLink(`${encode({ ...recovery, store: "st_2" })}.${mac}`, "r", SECRET, AT)).toBeNull();
    expect(await readLink(`${encode({ ...recovery, cart: "c2" })}.${mac}`, "r", SECRET, AT)).toBeNull();
  });

  it("to recover a cart expire; those to unsubscribe never do", async () => {
    const link = await signLink(recovery, SECRET);
    expect(await readLink(link, "r", SECRET, AT + RECOVERY_TTL_MS)).toEqual(recovery);
    expect(await readLink(link, "r", SECRET, AT + RECOVERY_TTL_MS + 1)).toBeNull();
    expect(await readLink(await signLink(unsubscribe, SECRET), "u", SECRET, AT * 3)).toEqual(unsubscribe);
  });

  it("truncated, lengthened or with any letter changed are forged", async () => {
    const link = await signLink(recovery, SECRET);
    for (let i = 0; i < link.length; i++) {
      expect(await readLink(link.slice(0, i), "r", SECRET, AT)).toBeNull();
      const letter = link[i] === "A" ? "B" : "A";
      const changed = link.slice(0, i) + letter + link.slice(i + 1);
      // The last letter of 32 bytes carries two unused bits: the same bytes may be spelled in two ways.
      if (i < link.length - 1) expect(await readLink(changed, "r", SECRET, AT), `letter ${i}`).toBeNull();
    }
    expect(await readLink(`${link}.x`, "r", SECRET, AT)).toBeNull();
  });

  it.each(["", ".", "..", "a", "a.b", "ä.ö", `${"a".repeat(3_000)}.b`, "e30.", ".e30", "__proto__.constructor"])(
    "that are no links (%j) are refused without a throw",
    async (token) => {
      expect(await readLink(token, "r", SECRET, AT)).toBeNull();
    },
  );
});
