/** What an API's answer says about a mail. */
import { describe, expect, it } from "vitest";
import { type ApiReply, judged, type MessageApi } from "../../workers/interventions/providers/api.ts";
import { resend } from "../../workers/interventions/providers/resend.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");

const api: MessageApi = {
  kind: "any",
  channel: "email",
  resumable: false,
  request: () => ({ url: "", headers: {}, body: "" }),
  messageId: ({ body }) => (typeof body.id === "string" ? body.id : null),
  reason: ({ body }) => String(body.message ?? "refused"),
  isAccountFault: ({ body }) => body.code === "suspended",
};
const reply = (status: number, body: ApiReply["body"] = {}, headers: Record<string, string> = {}): ApiReply => ({
  status,
  headers: new Headers(headers),
  text: "",
  body,
});
const judge = (...given: Parameters<typeof reply>) => judged(api, reply(...given), NOW);

describe("an answer", () => {
  it.each([200, 201, 202])("of %i is sent when it has what the API promises, else unknown", (status) => {
    expect(judge(status, { id: "m1" })).toEqual({ kind: "sent", messageId: "m1" });
    expect(judge(status).kind).toBe("unknown");
  });

  it.each([300, 302, 307, 400, 404, 409, 413, 422])("of %i is a refusal for good", (status) => {
    expect(judge(status)).toEqual({ kind: "refused", reason: `${status} refused`, retryable: false });
  });

  it.each([408, 429, 500, 501, 503, 521, 525])("of %i is a refusal for now", (status) => {
    expect(judge(status)).toEqual({ kind: "refused", reason: `${status} refused`, retryable: true });
  });

  it.each([502, 504, 520, 522, 524])("of %i was said by somebody in between: unknown", (status) => {
    expect(judge(status).kind).toBe("unknown");
  });

  it.each([401, 402, 403])("of %i blames the account: another may send", (status) => {
    expect(judge(status)).toMatchObject({ kind: "refused", retryable: false, account: true });
  });

  it("that names the account as the reason does so too, whatever its status", () => {
    expect(judge(400, { code: "suspended" })).toMatchObject({ account: true });
    expect(judge(400, { code: "spelling" })).not.toHaveProperty("account");
  });
});

describe("Retry-After", () => {
  it.each([
    ["120", 120_000],
    ["Sat, 21 Nov 2026 10:05:00 GMT", 300_000],
    ["0", undefined],
    ["Sat, 21 Nov 2026 09:00:00 GMT", undefined],
    ["soon", undefined],
    ["-5", undefined],
    ["9".repeat(20), undefined],
  ])("%j", (header, ms) => {
    const outcome = judge(429, {}, { "retry-after": header });
    expect("retryAfterMs" in outcome ? outcome.retryAfterMs : undefined).toBe(ms);
  });
});

it("tells no address that the provider repeats, and is bounded", () => {
  const message = `no mailbox <ada.lovelace+x@shop.example>, or bob@shop.example ${"x".repeat(1000)}`;
  const outcome = judge(400, { message });
  const reason = "reason" in outcome ? outcome.reason : "";
  expect(reason).toMatch(/^400 no mailbox <…>, or … x+$/);
  expect(reason.length).toBeLessThan(320);
});

describe("Resend's conflicts", () => {
  const conflict = (name: string) => judged(resend({}, { apiKey: "re_12345678" }), reply(409, { name }), NOW);

  it("mean that the key was taken before, or is just being used", () => {
    expect(conflict("invalid_idempotent_request")).toEqual({ kind: "sent" });
    expect(conflict("concurrent_idempotent_requests").kind).toBe("unknown");
    expect(conflict("something_new").kind).toBe("unknown");
  });
});

it("a device of another account's is gone for this one, and another may know it", () => {
  const foreign: MessageApi = { ...api, isForeign: ({ status }) => status === 403, isGone: () => true };
  expect(judged(foreign, reply(403), NOW)).toMatchObject({
    kind: "refused",
    retryable: false,
    account: true,
    gone: true,
  });
  const outcome = judged(foreign, reply(410), NOW);
  expect(outcome).toMatchObject({ kind: "refused", gone: true });
  expect(outcome).not.toHaveProperty("account");
});
