import { describe, expect, it } from "vitest";
import type { ApiKey, AuditEntry } from "../../workers/dashboard/app/api/identity.ts";
import { describeAgent } from "../../workers/dashboard/app/views/settings/agent.ts";
import { actorName, changes, deed, done } from "../../workers/dashboard/app/views/settings/audit-words.ts";
import { dayStart, localDate, nextDay } from "../../workers/dashboard/app/views/settings/dates.ts";
import { lossOf, lostKeys } from "../../workers/dashboard/app/views/settings/lost-keys.ts";

const entry = (action: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  id: "aud_1",
  at: "2026-11-21T10:00:00.000Z",
  actor: { kind: "user", id: "us_ada", email: "ada@example.com" },
  action,
  object: { kind: action.split(".")[0] ?? "", id: null },
  address: null,
  userAgent: null,
  requestId: null,
  before: null,
  after: null,
  ...more,
});
const names = new Map([
  ["us_ada", "Ada"],
  ["us_grace", "Grace"],
]);
const told = (...given: Parameters<typeof entry>) =>
  `${actorName(entry(...given), names)} ${deed(entry(...given), names)}`;

describe("the audit log in words", () => {
  it("is sentences", () => {
    const grace = { kind: "member", id: "us_grace" };
    expect(told("store.updated")).toBe("Ada changed the store's settings");
    expect(told("member.role_changed", { object: grace, before: { role: "api_user" }, after: { role: "admin" } })).toBe(
      "Ada made Grace Admin instead of API user",
    );
    expect(told("member.removed", { object: grace, before: { email: "g@example.com" } })).toBe(
      "Ada removed Grace from the store",
    );
    expect(told("member.removed", { object: { kind: "member", id: "us_ada" } })).toBe("Ada left the store");
    expect(told("invitation.created", { after: { email: "g@example.com", role: "admin" } })).toBe(
      "Ada invited g@example.com as Admin",
    );
    expect(told("api_key.created", { after: { kind: "secret", name: "Export" } })).toBe(
      "Ada made a secret key, “Export”",
    );
  });

  it("has words for what it does not know", () => {
    expect(done("shopper.erased")).toBe("erased a shopper");
    expect(done("api_token.sent_back")).toBe("sent back an api token");
    expect(done("odd")).toBe("odd");
    for (const value of [null, undefined, 5, "text", [], { role: 7 }])
      expect(told("member.role_changed", { before: value, after: value })).toBe("Ada changed a member's role");
  });

  it("names who is no member any more, keys and the system", () => {
    const actor = (kind: string, id: string | null, email: string | null) =>
      entry("x.y", { actor: { kind, id, email } });
    expect(actorName(actor("user", "us_gone", "gone@example.com"), names)).toBe("gone@example.com");
    expect(actorName(actor("user", null, null))).toBe("Somebody");
    expect(actorName(actor("key", "key_1", null))).toBe("A secret key");
    expect(actorName(actor("system", null, null))).toBe("Cartwake");
  });
});

describe("what an entry changed", () => {
  it("is told field by field, without what stayed", () => {
    expect(changes({ a: 1, deep: { b: true, c: "x" } }, { a: 2, deep: { b: true, c: "y" }, list: ["p", "q"] })).toEqual(
      [
        { field: "a", before: "1", after: "2" },
        { field: "deep.c", before: "x", after: "y" },
        { field: "list", before: null, after: "p, q" },
      ],
    );
  });

  it("is nothing where nothing was kept, and one line where it was no object", () => {
    expect(changes(null, undefined)).toEqual([]);
    expect(changes(null, { empty: [] })).toEqual([]);
    expect(changes("old", "new")).toEqual([{ field: "", before: "old", after: "new" }]);
  });

  it("stays readable however much was kept", () => {
    const big = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, i]));
    expect(changes(null, big)).toHaveLength(50);
  });
});

describe("devices", () => {
  it.each([
    [
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
      "Chrome on Linux",
    ],
    [
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36 Edg/141.0",
      "Edge on Windows",
    ],
    [
      "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile/15E1 Safari/604.1",
      "Safari on iOS",
    ],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on macOS"],
    ["Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/141.0.0.0 Mobile Safari/537.36", "Chrome on Android"],
    ["curl/8.5.0", "curl"],
    ["", "Unknown device"],
    [null, "Unknown device"],
  ])("%s is %s", (agent, text) => expect(describeAgent(agent)).toBe(text));
});

describe("days", () => {
  it("begin and end in the reader's own time zone", () => {
    const noon = new Date(2026, 10, 21, 12).getTime();
    expect(localDate(noon)).toBe("2026-11-21");
    expect(Date.parse(dayStart("2026-11-21"))).toBe(new Date(2026, 10, 21).getTime());
    expect(Date.parse(nextDay("2026-12-31"))).toBe(new Date(2027, 0, 1).getTime());
  });
});

describe("the keys that end with a member's rights", () => {
  const at = Date.UTC(2026, 10, 21);
  const key = (over: Partial<ApiKey>): ApiKey => ({
    ...{ id: "key_1", kind: "secret", prefix: "cw_sk_a1b2c3", name: null, scopes: ["carts:read"], allowedOrigins: [] },
    ...{ createdAt: "2026-01-01T00:00:00Z", lastUsedAt: null, expiresAt: null, revokedAt: null, rotatedTo: null },
    createdBy: { userId: "us_ada", email: "ada@example.com", name: null },
    ...over,
  });
  const keys = [
    key({ name: "Reads" }),
    key({ scopes: ["campaigns:write", "carts:read"] }),
    key({ kind: "publishable", scopes: [] }),
    key({ createdBy: { userId: "us_grace", email: "g@example.com", name: null } }),
    key({ createdBy: null }),
    key({ revokedAt: "2026-02-01T00:00:00Z" }),
    key({ expiresAt: "2026-11-20T00:00:00Z" }),
  ];

  it("are all living secret ones on removal, and those beyond the new role otherwise", () => {
    expect(lossOf(lostKeys(keys, "us_ada", null, at))).toBe(
      "2 secret keys they made stop working at once: Reads, cw_sk_a1b2c3….",
    );
    expect(lossOf(lostKeys(keys, "us_ada", "api_user", at))).toBe(
      "1 secret key they made stops working at once: cw_sk_a1b2c3….",
    );
    expect(lossOf(lostKeys(keys, "us_ada", "admin", at))).toBeNull();
    expect(lossOf(Array.from({ length: 6 }, () => keys[0]!))).toContain("Reads, and others.");
  });
});
