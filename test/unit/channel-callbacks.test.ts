/** What Twilio and OneSignal say, in their own words and by their own proofs. */
import { describe, expect, it } from "vitest";
import type { CallbackEvent, Reader } from "../../workers/interventions/callbacks/callback.ts";
import { onesignalReader } from "../../workers/interventions/callbacks/onesignal.ts";
import { twilioReader, twilioSignature } from "../../workers/interventions/callbacks/twilio.ts";
import { onesignalCallback, WEBHOOK_SECRET } from "../support/providers/onesignal.ts";
import { ACCOUNT_SID, AUTH_TOKEN, FROM, twilioCallback, twilioReply } from "../support/providers/twilio.ts";

const URL_TOLD = "https://cw.example/v1/callbacks/twilio/prv_1";

const read = (reader: Reader, { headers, body }: RequestInit, urls: string[] = []): Promise<CallbackEvent[] | null> =>
  reader({ headers: new Headers(headers), body: String(body), now: Date.now(), urls });

const twilio = twilioReader({ accountSid: ACCOUNT_SID, from: FROM }, { authToken: AUTH_TOKEN });

describe("Twilio", () => {
  it("signs as its documentation's example does", () => {
    const form = new URLSearchParams({
      To: "+18005551212",
      CallSid: "CA1234567890ABCDE",
      Caller: "+14158675309",
      Digits: "1234",
      From: "+14158675309",
    });
    const signature = twilioSignature("https://mycompany.com/myapp.php?foo=1&bar=2", form, "12345");
    expect(signature).toBe("RSOYDt4T1cUTdK1PDd93/VVr8B8=");
  });

  const at = `${URL_TOLD}?delivery=dlv_1`;
  it.each([
    [{ MessageStatus: "queued" }, "nothing"],
    [{ MessageStatus: "sent" }, "nothing"],
    [{ MessageStatus: "delivered" }, "delivered/null"],
    [{ MessageStatus: "read" }, "opened/null"],
    [{ MessageStatus: "undelivered", ErrorCode: "30003" }, "bounced/null"],
    [{ MessageStatus: "undelivered", ErrorCode: "30005" }, "bounced/bounced"],
    [{ MessageStatus: "failed", ErrorCode: "30006" }, "bounced/bounced"],
    [{ MessageStatus: "failed", ErrorCode: "21610" }, "bounced/unsubscribed"],
    [{ MessageStatus: "failed" }, "bounced/null"],
    [{ MessageStatus: "constructor" }, "nothing"],
  ])("%j", async (fields, meaning) => {
    const [event] = (await read(twilio, twilioCallback(at, { MessageSid: "SM1", ...fields }), [at]))!;
    const said = event && "deliveryId" in event ? `${event.status}/${event.suppress}` : "nothing";
    expect(said).toBe(meaning);
    if (event) expect(event).toMatchObject({ deliveryId: "dlv_1" });
  });

  it.each([
    ["STOP", "stop"],
    [" stop. ", "stop"],
    ["Stop all", "stop"],
    ["ARRÊT", "stop"],
    ["abmelden!", "stop"],
    ["Baja", "stop"],
    ["start", "start"],
    ["UNSTOP", "start"],
    ["yes", null],
    ["please do not stop", null],
    ["", null],
    ["HELP", null],
  ])("an answer of %j means %s", async (body, says) => {
    const events = await read(twilio, twilioReply(URL_TOLD, "+491510000001", body), [URL_TOLD]);
    expect(events).toEqual(says ? [{ replyId: "SM0001", number: "+491510000001", says }] : []);
  });

  it.each([
    ["STOP", "stop"],
    ["START", "start"],
    ["HELP", null],
  ])("its own reading (%s) counts, whatever was written", async (OptOutType, says) => {
    const [event] = (await read(twilio, twilioReply(URL_TOLD, "+491510000001", "stop", { OptOutType }), [URL_TOLD]))!;
    expect(event && "says" in event ? event.says : null).toBe(says);
  });

  it("is believed at any address that it may know, and at no other", async () => {
    const reply = twilioReply(URL_TOLD, "+491510000001", "STOP");
    expect(await read(twilio, reply, ["http://inside:8787/v1/callbacks/twilio/prv_1", URL_TOLD])).toHaveLength(1);
    expect(await read(twilio, reply, ["http://inside:8787/v1/callbacks/twilio/prv_1"])).toBeNull();
    expect(await read(twilio, reply, [`${URL_TOLD}?delivery=dlv_1`])).toBeNull();
    expect(await read(twilio, reply, [])).toBeNull();
  });

  it("is refused with another token, another account, a changed field, a second value, and without a signature", async () => {
    const good = twilioReply(URL_TOLD, "+491510000001", "STOP");
    const forged: RequestInit[] = [
      twilioReply(URL_TOLD, "+491510000001", "STOP", { AccountSid: `AC${"9".repeat(32)}` }),
      twilioCallback(URL_TOLD, { From: "+491510000001", Body: "STOP", MessageSid: "SM1" }, "a guess"),
      { ...good, body: String(good.body).replace("491510000001", "491510000002") },
      { ...good, body: `${good.body}&From=%2B491510000002` },
      { ...good, headers: { "content-type": "application/x-www-form-urlencoded" } },
      { ...good, headers: { "x-twilio-signature": "" } },
    ];
    for (const one of forged) expect(await read(twilio, one, [URL_TOLD]), JSON.stringify(one)).toBeNull();
    const keyless = twilioReader({ accountSid: ACCOUNT_SID, from: FROM }, {});
    expect(await read(keyless, good, [URL_TOLD])).toBeNull();
  });
});

describe("OneSignal", () => {
  const reader = onesignalReader({ apiKey: "12345678", webhookSecret: WEBHOOK_SECRET });
  it.each([
    [{ event: { kind: "message.push.received" }, message: { name: "dlv_1" } }, "delivered/null"],
    [{ event: { kind: "message.push.clicked" }, message: { name: "dlv_1" } }, "clicked/null"],
    [{ event: "message.push.failed", deliveryId: "dlv_1" }, "bounced/null"],
    [{ event: "message.push.unsubscribed", deliveryId: "dlv_1" }, "null/unsubscribed"],
    [{ event: "notification.clicked", data: { deliveryId: "dlv_1" } }, "clicked/null"],
    [{ event: { kind: "message.push.sent" }, message: { name: "dlv_1" } }, "nothing"],
    [{ event: { kind: "message.push.clicked" } }, "nothing"],
    [{ event: "toString", deliveryId: "dlv_1" }, "nothing"],
  ])("%j", async (told, meaning) => {
    const [event] = (await read(reader, onesignalCallback(told)))!;
    expect(event && "deliveryId" in event ? `${event.status}/${event.suppress}` : "nothing").toBe(meaning);
  });

  it("is refused with another secret, and when the store has set none", async () => {
    const told = { event: "notification.clicked", deliveryId: "dlv_1" };
    expect(await read(reader, onesignalCallback(told, "a guess"))).toBeNull();
    expect(await read(reader, { body: "{}" })).toBeNull();
    expect(await read(onesignalReader({ apiKey: "12345678" }), onesignalCallback(told, ""))).toBeNull();
  });
});
