/** The audit log: who must write to it, who may delete from it, and what never stands in it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { csvLine } from "../../shared/csv.ts";
import { redacted } from "../../workers/gateway/redact.ts";
import { allRoutes } from "../../workers/gateway/routes/index.ts";
import type { Neighbours } from "../../workers/gateway/routes/storefront.ts";
import { withoutComments } from "../support/imports.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Members' routes that are no GET and yet change nothing. */
const CHANGE_NOTHING = [
  "POST /v1/campaigns/:id/simulate",
  "POST /v1/templates/preview",
  "POST /v1/predictions",
  "POST /v1/templates/draft",
];

describe("every change", () => {
  it("by a member is noted in the audit log, or is said here to be none", () => {
    const unnoted = allRoutes({} as Neighbours)
      .filter(
        ({ method, access, audit }) => method !== "GET" && access !== "public" && access !== "publishable" && !audit,
      )
      .map(({ method, path }) => `${method} ${path}`);
    expect(unnoted).toEqual(CHANGE_NOTHING);
  });

  it("is heeded once for its Idempotency-Key; only what changes nothing, and costs nothing, is done again", () => {
    const reading = allRoutes({} as Neighbours).filter(({ reads }) => reads);
    expect(reading.map(({ method, path }) => `${method} ${path}`)).toEqual(
      CHANGE_NOTHING.filter((route) => route !== "POST /v1/templates/draft"),
    );
  });

  it("has an action that says which object it is about", () => {
    const actions = allRoutes({} as Neighbours).flatMap(({ audit }) => audit ?? []);
    expect(actions.length).toBeGreaterThan(8);
    for (const action of actions) expect(action).toMatch(/^[a-z_]+\.[a-z_]+$/);
  });
});

it("lines of the audit log are never changed, and deleted by the weekly job alone", () => {
  const touching = ["workers", "objects", "shared"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => join(folder, name))
      .flatMap((path) => {
        const code = withoutComments(readFileSync(join(ROOT, path), "utf8"));
        return [
          ...code.matchAll(/\b(UPDATE|DELETE\s+FROM|REPLACE\s+INTO|DROP\s+TABLE)\s+audit_log\b|\bLOST:.*audit_log/gi),
        ].map(([what]) => `${path}: ${what}`);
      }),
  );
  expect(touching).toEqual(["workers/jobs/cron.ts: DELETE FROM audit_log"]);
});

it("the weekly job stands in the schedule under the name it is known by", () => {
  const weekly = /WEEKLY = "(.+)"/.exec(readFileSync(join(ROOT, "workers/jobs/cron.ts"), "utf8"))?.[1];
  expect(readFileSync(join(ROOT, "wrangler.toml"), "utf8")).toMatch(
    new RegExp(`crons = .*"${weekly?.replaceAll("*", "\\*")}"`),
  );
});

describe("redaction", () => {
  it.each([
    "password",
    "passwordHash",
    "newPassword",
    "accessToken",
    "refresh_token",
    "apiKey",
    "api_key",
    "key",
    "clientSecret",
    "mfaSecret",
    "recoveryCodes",
    "authorization",
    "Set-Cookie",
    "signature",
    "credentials",
    "privateKeys",
    "SECRET",
  ])("hides %s", (name) => {
    expect(redacted({ [name]: "hunter2" })).toEqual({ [name]: "[redacted]" });
    expect(redacted([{ deep: { [name]: ["hunter2"] } }])).toEqual([{ deep: { [name]: "[redacted]" } }]);
  });

  it.each([
    "name",
    "publishableKey",
    "keyboard",
    "tokens_used",
    "scopes",
    "passwordChangedAt",
    "couponCode",
    "monkeyBusiness",
  ])("leaves %s", (name) => {
    expect(redacted({ [name]: "value" })).toEqual({ [name]: "value" });
  });

  it("shows that a secret was set or removed, and changes nothing it was given", () => {
    const given = { secret: null, list: [1, "a", null], inner: { token: "t", on: true } };
    const before = structuredClone(given);
    expect(redacted(given)).toEqual({ secret: null, list: [1, "a", null], inner: { token: "[redacted]", on: true } });
    expect(given).toEqual(before);
    expect([redacted("plain"), redacted(null), redacted(undefined)]).toEqual(["plain", null, undefined]);
  });
});

describe("CSV", () => {
  it.each([
    [["a", "b"], "a,b\r\n"],
    [["a,b", 'say "hi"', "two\nlines"], '"a,b","say ""hi""","two\nlines"\r\n'],
    [[null, 1, -1.5, ""], ",1,-1.5,\r\n"],
    [["=1+1", "+1", "-1", "@x", "\tx"], "'=1+1,'+1,'-1,'@x,'\tx\r\n"],
    [['=HYPERLINK("http://x","y")'], `"'=HYPERLINK(""http://x"",""y"")"\r\n`],
    [["a=1"], "a=1\r\n"],
  ])("writes %j", (cells, line) => expect(csvLine(cells)).toBe(line));
});
