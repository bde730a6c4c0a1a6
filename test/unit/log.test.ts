import { afterEach, expect, it, vi } from "vitest";
import { log } from "../../shared/log.ts";

afterEach(() => void vi.restoreAllMocks());

/** The line that `log` writes for these fields. */
function lineOf(fields: Record<string, unknown>): Record<string, unknown> {
  const written = vi.spyOn(console, "log").mockImplementation(() => undefined);
  log("info", "tested", fields);
  return JSON.parse(String(written.mock.calls.at(-1)?.[0])) as Record<string, unknown>;
}

it("a line is JSON with its time, level and event", () => {
  expect(lineOf({ ms: 3, missing: undefined })).toEqual({
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    level: "info",
    event: "tested",
    ms: 3,
  });
});

it("secrets and personal data are redacted however deep they are", () => {
  const line = lineOf({ accessToken: "t", told: { list: [{ email: "ada@shopper.example", password: "p", id: 7 }] } });
  expect(line).toMatchObject({
    accessToken: "[redacted]",
    told: { list: [{ email: "[redacted]", password: "[redacted]", id: 7 }] },
  });
});

it.each([
  ["550 5.1.1 <ada@shopper.example>: unknown", "550 5.1.1 <[redacted]>: unknown"],
  ["550 ada+cart@shopper.example unknown", "550 [redacted] unknown"],
  ["cannot reach smtp://shop:p%40ss@mail.example:587", "cannot reach smtp://shop:[redacted]:587"],
  ["at /node_modules/@cloudflare/x.js", "at /node_modules/@cloudflare/x.js"],
])("an address in a text is redacted: %s", (said, kept) => {
  expect(lineOf({ reason: said }).reason).toBe(kept);
  expect(lineOf({ error: new Error(said) }).error).toMatchObject({ name: "Error", message: kept });
});

it("a long text without an end costs little", () => {
  const started = process.cpuUsage();
  lineOf({ path: "a".repeat(200_000) });
  expect(process.cpuUsage(started).user / 1_000).toBeLessThan(1_000);
});
