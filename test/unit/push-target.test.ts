/** Where a stranger's subscription may make the Worker post to, and which numbers are numbers. */
import { describe, expect, it } from "vitest";
import { e164Of } from "../../shared/phone.ts";
import { isPushEndpoint, pushServiceOf, pushTargetSchema } from "../../shared/push-target.ts";

describe("an endpoint", () => {
  it.each([
    "https://fcm.googleapis.com/fcm/send/abc:def",
    "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
    "https://web.push.apple.com/QOd",
    "https://wns2-par02p.notify.windows.com/w/?token=BQ",
    "https://push.xn--bcher-kva.example/x",
  ])("%s is public", (endpoint) => expect(isPushEndpoint(endpoint, false)).toBe(true));

  it.each([
    "http://fcm.googleapis.com/x",
    "https://fcm.googleapis.com:8443/x",
    "https://user:password@fcm.googleapis.com/x",
    "https://127.0.0.1/x",
    "https://2130706433/x",
    "https://0x7f.1/x",
    "https://[::1]/x",
    "https://[::ffff:10.0.0.1]/x",
    "https://10.0.0.1./x",
    "https://localhost/x",
    "https://push.localhost/x",
    "https://metadata.google.internal/x",
    "https://router.home.arpa/x",
    "https://nas.local/x",
    "https://intranet/x",
    "https://push.example.com./x",
    "ftp://push.example.com/x",
    "javascript:alert(1)",
    "nowhere",
    `https://push.example.com/${"x".repeat(1000)}`,
  ])("%s is not", (endpoint) => {
    expect(isPushEndpoint(endpoint, false)).toBe(false);
    expect(isPushEndpoint(endpoint, true)).toBe(false);
  });

  it("on this machine is for local and test deployments", () => {
    expect(isPushEndpoint("http://127.0.0.1:8080/push", true)).toBe(true);
    expect(isPushEndpoint("http://127.0.0.1:8080/push", false)).toBe(false);
    expect(isPushEndpoint("http://127.0.0.1.evil.example/push", true)).toBe(false);
    expect(isPushEndpoint("http://127.0.0.1@evil.example/push", true)).toBe(false);
  });

  it.each([
    ["https://fcm.googleapis.com/x", "google"],
    ["https://updates.push.services.mozilla.com/x", "mozilla"],
    ["https://web.push.apple.com/x", "apple"],
    ["https://db5.notify.windows.com/x", "microsoft"],
    ["https://evilpush.apple.com.example/x", "other"],
    ["https://notpush.apple.com.evil.example/x", "other"],
    ["https://xfcm.googleapis.com/x", "other"],
    ["nowhere", "other"],
  ])("%s is %s's", (endpoint, service) => expect(pushServiceOf(endpoint)).toBe(service));
});

describe("a device", () => {
  const p256dh = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]).toString("base64url");
  const auth = Buffer.alloc(16, 1).toString("base64url");
  const webpush = { kind: "webpush", endpoint: "https://push.example.com/x", p256dh, auth };

  it.each([
    webpush,
    { ...webpush, auth: `${auth}==` },
    { kind: "fcm", token: `${"a".repeat(22)}:${"b-_".repeat(40)}` },
    { kind: "onesignal", subscriptionId: "6f1b2c3d-0000-4000-8000-000000000001" },
  ])("%j", (target) => expect(pushTargetSchema.safeParse(target).success).toBe(true));

  it.each([
    { ...webpush, auth: "AAAA" },
    { ...webpush, p256dh: auth },
    { ...webpush, p256dh: `${p256dh.slice(0, -1)}!` },
    { ...webpush, endpoint: "javascript:alert(1)" },
    { ...webpush, extra: 1 },
    { kind: "fcm", token: "short" },
    { kind: "fcm", token: "x".repeat(1001) },
    { kind: "onesignal", subscriptionId: "me" },
    { kind: "apns", token: "x".repeat(64) },
  ])("not %j", (target) => expect(pushTargetSchema.safeParse(target).success).toBe(false));
});

describe("a phone number", () => {
  it.each([
    ["+49 (0)151 / 234-5678", "+491512345678"],
    ["0049 151 2345678", "+491512345678"],
    ["+1 (415) 555.2671", "+14155552671"],
    ["0151 2345678", null],
    ["+0151", null],
    ["+12", null],
    [`+${"1".repeat(16)}`, null],
    ["call me", null],
  ])("%j is %j", (written, number) => expect(e164Of(written)).toBe(number));
});
