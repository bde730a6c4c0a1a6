/** What providers' events mean for a message and its shopper, in their own words. */
import { describe, expect, it } from "vitest";
import type { CallbackEvent, Reader } from "../../workers/interventions/callbacks/callback.ts";
import { mailgunReader } from "../../workers/interventions/callbacks/mailgun.ts";
import { postmarkReader } from "../../workers/interventions/callbacks/postmark.ts";
import { sendgridReader } from "../../workers/interventions/callbacks/sendgrid.ts";
import { mailgunCallback, SIGNING_KEY } from "../support/providers/mailgun.ts";
import { postmarkCallback, WEBHOOK_SECRET } from "../support/providers/postmark.ts";
import { PUBLIC_KEY, sendgridCallback } from "../support/providers/sendgrid.ts";

const read = async (reader: Reader, { headers, body }: RequestInit): Promise<CallbackEvent[] | null> =>
  reader({ headers: new Headers(headers), body: String(body), now: Date.now(), urls: [] });

/** `status/suppress` of the only event; `nothing` when there is none. */
const said = (events: CallbackEvent[] | null): string => {
  expect(events).not.toBeNull();
  const [event] = events ?? [];
  return event && "deliveryId" in event ? `${event.status ?? ""}/${event.suppress ?? ""}` : "nothing";
};

describe("SendGrid", () => {
  const reader = sendgridReader({ region: "global", webhookPublicKey: PUBLIC_KEY });
  it.each([
    [{ event: "processed" }, "nothing"],
    [{ event: "deferred" }, "nothing"],
    [{ event: "bounce", type: "bounce" }, "bounced/bounced"],
    [{ event: "bounce", type: "blocked" }, "bounced/"],
    [{ event: "dropped", reason: "Bounced Address" }, "bounced/bounced"],
    [{ event: "dropped", reason: "Invalid SMTPAPI header" }, "bounced/"],
    [{ event: "dropped", reason: "Invalid" }, "bounced/bounced"],
    [{ event: "dropped", reason: "Spam Reporting Address" }, "complained/complained"],
    [{ event: "dropped", reason: "Unsubscribed Address" }, "bounced/"],
    [{ event: "group_unsubscribe" }, "/unsubscribed"],
    [{ event: "constructor" }, "nothing"],
  ])("%j", async (event, meaning) => {
    expect(said(await read(reader, sendgridCallback([{ deliveryId: "dlv_1", ...event }])))).toBe(meaning);
  });
});

describe("Postmark", () => {
  const reader = postmarkReader({ serverToken: "12345678", webhookSecret: WEBHOOK_SECRET });
  it.each([
    [{ RecordType: "Bounce", Type: "HardBounce" }, "bounced/bounced"],
    [{ RecordType: "Bounce", Type: "Transient" }, "nothing"],
    [{ RecordType: "Bounce", Type: "SoftBounce" }, "bounced/"],
    [{ RecordType: "Bounce", Type: "SpamNotification" }, "complained/complained"],
    [{ RecordType: "Bounce", Type: "Unsubscribe" }, "/unsubscribed"],
    [{ RecordType: "SubscriptionChange", SuppressSending: true, SuppressionReason: "HardBounce" }, "bounced/bounced"],
    [{ RecordType: "SubscriptionChange", SuppressSending: false, SuppressionReason: null }, "nothing"],
    [{ RecordType: "Inbound" }, "nothing"],
    [{ RecordType: "toString" }, "nothing"],
  ])("%j", async (event, meaning) => {
    const callback = postmarkCallback({ Metadata: { deliveryId: "dlv_1" }, ...event });
    expect(said(await read(reader, callback))).toBe(meaning);
  });

  it("takes the secret in a header too, and nothing without one", async () => {
    const { body } = postmarkCallback({ RecordType: "Open", Metadata: { deliveryId: "dlv_1" } });
    expect(said(await read(reader, { headers: { "x-webhook-token": WEBHOOK_SECRET }, body }))).toBe("opened/");
    expect(await read(reader, { headers: { "x-webhook-token": "" }, body })).toBeNull();
    expect(await read(reader, { headers: { authorization: "Basic !" }, body })).toBeNull();
    expect(await read(postmarkReader({ serverToken: "12345678" }), { headers: {}, body })).toBeNull();
  });
});

describe("Mailgun", () => {
  const reader = mailgunReader({ apiKey: "12345678", webhookSigningKey: SIGNING_KEY });
  it.each([
    [{ event: "accepted" }, "nothing"],
    [{ event: "failed", severity: "temporary", reason: "generic" }, "nothing"],
    [{ event: "failed", severity: "permanent", reason: "bounce" }, "bounced/bounced"],
    [{ event: "failed", severity: "permanent", reason: "suppress-bounce" }, "bounced/bounced"],
    [{ event: "failed", severity: "permanent", reason: "old" }, "bounced/"],
    [{ event: "failed", severity: "permanent", reason: "suppress-complaint" }, "complained/complained"],
    [{ event: "failed", severity: "permanent", reason: "suppress-unsubscribe" }, "/unsubscribed"],
    [{ event: "unsubscribed" }, "/unsubscribed"],
  ])("%j", async (event, meaning) => {
    const callback = mailgunCallback({ "user-variables": { deliveryId: "dlv_1" }, ...event });
    expect(said(await read(reader, callback))).toBe(meaning);
  });
});
