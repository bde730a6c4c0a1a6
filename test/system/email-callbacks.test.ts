/** What providers report of messages: authentic or refused, told to the ledger and to the shopper's arbiter, harmless twice. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { CartDeliveryView, DeliveryStatus } from "../../shared/views.ts";
import { type Answer, add, http, identify, Merchant, until } from "../support/merchant.ts";
import { unexpectedIn } from "../support/problems.ts";
import { type Happening, PROVIDERS } from "../support/providers/index.ts";
import { mailgunCallback } from "../support/providers/mailgun.ts";
import { postmarkCallback } from "../support/providers/postmark.ts";
import { resendCallback } from "../support/providers/resend.ts";
import { sendgridCallback } from "../support/providers/sendgrid.ts";
import type { ProviderServer } from "../support/providers/server.ts";
import { CERTIFICATES, type Over, snsMessage, TOPIC } from "../support/providers/sns.ts";
import { type System, startSystem } from "../support/system.ts";

vi.setConfig({ maxConcurrency: 20 });

let system: System;
const servers: ProviderServer[] = [];

beforeAll(async () => {
  system = await startSystem();
});
afterAll(async () => {
  await system?.stop();
  for (const server of servers) await server.stop();
});

interface Sent {
  to: string;
  cartId: string;
  deliveryId: string;
}

/** A store that sends by this provider, and hears from it. */
class Shop {
  readonly merchant: Merchant;
  readonly server: ProviderServer;
  readonly callbackUrl: string;

  constructor(merchant: Merchant, server: ProviderServer, callbackUrl: string) {
    this.merchant = merchant;
    this.server = server;
    this.callbackUrl = callbackUrl;
  }

  static async open(kind: string): Promise<Shop> {
    const provider = PROVIDERS.find((one) => one.kind === kind)!;
    const server = await provider.server().start();
    servers.push(server);
    for (const [path, page] of Object.entries(CERTIFICATES)) server.pages.set(path, page);
    const merchant = await Merchant.register(system.url);
    await merchant.settings({ abandonAfterMinutes: 0.005 });
    const added = await merchant.call<{ callbackUrl: string }>("POST", "/v1/providers", provider.setup(server.url));
    return new Shop(merchant, server, added.body.callbackUrl);
  }

  /** A message that was sent. */
  async sent(name: string): Promise<Sent> {
    const to = `${name.toLowerCase()}@shopper.example`;
    await this.merchant.accept([add(name, "mug", "12.30"), identify(name, to)]);
    const delivery = await this.reached(name, "sent");
    await until("it is indexed", async () => (await this.merchant.deliveries(`&cartId=${name}`)).length > 0);
    return { to, cartId: name, deliveryId: delivery.id };
  }

  async delivery(cartId: string): Promise<CartDeliveryView | undefined> {
    return (await this.merchant.cart(cartId)).deliveries[0];
  }

  reached(cartId: string, status: DeliveryStatus): Promise<CartDeliveryView> {
    return until(`${cartId}: ${status}`, async () => {
      const found = await this.delivery(cartId);
      return found?.status === status && found;
    });
  }

  post(callback: RequestInit): Promise<Answer> {
    return http(this.callbackUrl, callback);
  }

  /** What became of another cart of the same shopper. */
  async next(to: string): Promise<string> {
    const cartId = `next-of-${to.split("@")[0]}`;
    await this.merchant.accept([add(cartId, "mug", "1.00"), identify(cartId, to)]);
    return until(cartId, async () => {
      const status = (await this.delivery(cartId))?.status;
      return status && ["sent", "suppressed"].includes(status) && status;
    });
  }
}

describe.concurrent.each(PROVIDERS)("$kind", ({ kind, callback, toleranceMs }) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open(kind);
  });
  const post = (happening: Happening, { deliveryId, to }: Sent, at?: number) =>
    shop.post(callback(happening, deliveryId, to, shop.server.url, at));
  const statuses = async ({ cartId }: Sent) =>
    (await shop.delivery(cartId))?.statusHistory.map(({ status }) => status).slice(2);

  test("moves a message forward, never back, and once however often it is told", async () => {
    const mail = await shop.sent("forward");
    for (const happening of ["delivered", "clicked", "delivered", "opened", "clicked"] as const)
      expect((await post(happening, mail)).status).toBe(200);
    expect(await statuses(mail)).toEqual(["sent", "delivered", "clicked"]);
    expect(await shop.next(mail.to)).toBe("sent");
  });

  test("never writes again to an address that bounced for good", async () => {
    const mail = await shop.sent("bounced");
    const recorded = callback("hardBounce", mail.deliveryId, mail.to, shop.server.url);
    expect((await shop.post(recorded)).body).toMatchObject({ received: 1 });
    expect((await shop.post(recorded)).status).toBe(200);
    expect(await statuses(mail)).toEqual(["sent", "bounced"]);
    expect(JSON.stringify(await shop.delivery(mail.cartId))).not.toContain("@shopper.example");
    expect(await shop.next(mail.to)).toBe("suppressed");
  });

  test("never writes again to who complained, or unsubscribed there", async () => {
    const mail = await shop.sent("complained");
    await post("complaint", mail);
    expect(await statuses(mail)).toEqual(["sent", "complained"]);
    expect(await shop.next(mail.to)).toBe("suppressed");
    const other = await shop.sent("gone");
    expect((await post("unsubscribe", other)).status).toBe(200);
    expect(await statuses(other)).toEqual(["sent"]);
    // Resend knows no such event.
    expect(await shop.next(other.to)).toBe(kind === "resend" ? "sent" : "suppressed");
  });

  test("may write again after a bounce that says nothing about the address", async () => {
    const mail = await shop.sent("full");
    expect((await post("softBounce", mail)).status).toBe(200);
    expect(await statuses(mail)).toEqual(["sent", "bounced"]);
    expect(await shop.next(mail.to)).toBe("sent");
  });

  test("is taken, and changes nothing, when the message is not known", async () => {
    const unknown = { deliveryId: "dlv_nobody", to: "nobody@shopper.example", cartId: "" };
    expect((await post("hardBounce", unknown)).status).toBe(200);
    expect(await shop.next(unknown.to)).toBe("sent");
  });

  test("cannot speak for the messages of another store", async () => {
    const other = await Shop.open(kind);
    const mail = await other.sent("foreign");
    expect((await post("complaint", mail)).status).toBe(200);
    expect((await other.delivery(mail.cartId))?.status).toBe("sent");
    expect(await other.next(mail.to)).toBe("sent");
  });

  test("is refused when a byte was changed, when it is old, and without a signature", async () => {
    const mail = await shop.sent("forged");
    const good = callback("complaint", mail.deliveryId, mail.to, shop.server.url);
    const forged = strangers(mail);
    if (toleranceMs !== null) forged.push(...[-1, 1].map((way) => aged(mail, way * (toleranceMs + 60_000))));
    // The secret of Postmark, and the signature of Mailgun, do not cover the event.
    if (kind !== "postmark" && kind !== "mailgun")
      forged.push({ ...good, body: String(good.body).replace(mail.deliveryId, `${mail.deliveryId}x`) });
    // These two carry their signature in the body.
    if (kind === "ses" || kind === "mailgun") forged.push({ ...good, body: "{}" });
    else forged.push({ ...good, headers: { "content-type": "application/json" } });
    for (const init of forged) {
      const answer = await shop.post(init);
      expect([answer.status, answer.body.code], JSON.stringify(init)).toEqual([401, "UNAUTHORIZED"]);
    }
    expect(await statuses(mail)).toEqual(["sent"]);
    expect(await shop.next(mail.to)).toBe("sent");
  });
  const aged = ({ deliveryId, to }: Sent, by: number) =>
    callback("complaint", deliveryId, to, shop.server.url, Date.now() + by);

  /** Made by somebody who has another key. */
  function strangers({ deliveryId }: Sent): RequestInit[] {
    const other = Buffer.from("another secret of thirty bytes");
    const data = { deliveryId, tags: { deliveryId }, Metadata: { deliveryId } };
    switch (kind) {
      case "sendgrid": {
        const signed = sendgridCallback([{ deliveryId, event: "spamreport" }]);
        const name = "x-twilio-email-event-webhook-signature";
        return ["", "AAAA", btoa("not DER")].map((signature) => ({
          ...signed,
          headers: { ...(signed.headers as Record<string, string>), [name]: signature },
        }));
      }
      case "postmark":
        return [postmarkCallback({ RecordType: "SpamComplaint", ...data }, "a guess")];
      case "resend":
        return [resendCallback({ type: "email.complained", data }, Date.now(), other)];
      case "mailgun":
        return [mailgunCallback({ event: "complained", "user-variables": data }, Date.now(), "a guess")];
      default:
        return [];
    }
  }
});

describe("Amazon SNS", () => {
  let shop: Shop;
  let mail: Sent;
  beforeAll(async () => {
    shop = await Shop.open("ses");
    mail = await shop.sent("topic");
  });
  const complaint = () => ({ eventType: "Complaint", mail: { tags: { deliveryId: [mail.deliveryId] } } });
  const confirmation = (SubscribeURL: string): RequestInit =>
    snsMessage(shop.server.url, "You have chosen to subscribe", {
      Type: "SubscriptionConfirmation",
      SubscribeURL,
      Token: "token",
    });

  test("is confirmed at Amazon, and nowhere else", async () => {
    shop.server.pages.set("/?Action=ConfirmSubscription&Token=token", "<ConfirmSubscriptionResponse/>");
    const stranger = await PROVIDERS[0]!.server().start();
    servers.push(stranger);
    stranger.pages.set("/?Action=ConfirmSubscription&Token=token", "gotcha");
    expect((await shop.post(confirmation(`${stranger.url}/?Action=ConfirmSubscription&Token=token`))).status).toBe(200);
    expect(stranger.visits).toEqual([]);
    expect((await shop.post(confirmation(`${shop.server.url}/?Action=ConfirmSubscription&Token=token`))).status).toBe(
      200,
    );
    expect(shop.server.visits).toContain("/?Action=ConfirmSubscription&Token=token");
  });

  test.each<[string, Over, string?]>([
    ["another topic", { TopicArn: `${TOPIC}-of-somebody` }],
    ["an expired certificate", {}, "/expired.pem"],
    ["a certificate of another host", { SigningCertURL: "https://sns.amazonaws.com.evil.example/x.pem" }],
    [
      "a certificate that is not SNS's",
      { SigningCertURL: "https://s3.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem" },
    ],
    ["a strange type", { Type: "toString" }],
    ["a strange signature version", { SignatureVersion: "3" as "1" }],
  ])("is refused with %s", async (_, over, certificate) => {
    const answer = await shop.post(snsMessage(shop.server.url, complaint(), over, certificate));
    expect(answer.status).toBe(401);
    expect((await shop.delivery(mail.cartId))?.status).toBe("sent");
  });

  test("comes again when its certificate is out of reach", async () => {
    const answer = await shop.post(
      snsMessage(shop.server.url, complaint(), { SigningCertURL: `${shop.server.url}/gone.pem` }),
    );
    expect(answer.status).toBe(503);
  });

  test("is believed with signatures of version 1 too", async () => {
    expect((await shop.post(snsMessage(shop.server.url, complaint(), { SignatureVersion: "1" }))).status).toBe(200);
    await shop.reached(mail.cartId, "complained");
  });
});

test("a batch tells of many messages at once, whatever else stands in it", async () => {
  const shop = await Shop.open("sendgrid");
  const mails = await Promise.all(["one", "two", "three"].map((name) => shop.sent(name)));
  const events = mails.flatMap(({ deliveryId, to }) => [
    { event: "delivered", deliveryId, email: to },
    { event: "open", deliveryId, email: to },
    { event: "processed", deliveryId },
  ]);
  const strange = [null, 7, [], { event: "delivered" }, { event: "delivered", deliveryId: { a: 1 } }];
  const answer = await shop.post(sendgridCallback([...events, ...(strange as Record<string, unknown>[])]));
  expect([answer.status, answer.body]).toEqual([200, { received: 6 }]);
  for (const { cartId } of mails) expect((await shop.delivery(cartId))?.status).toBe("opened");
});

test("a complaint silences whom the message went to, not whom the cart belongs to by now", async () => {
  const shop = await Shop.open("sendgrid");
  const mail = await shop.sent("handed-on");
  await shop.merchant.accept([identify(mail.cartId, "heir@shopper.example")]);
  const isHeirs = async () => (await shop.merchant.cart(mail.cartId)).shopper.email === "heir@shopper.example";
  await until("the cart is another's", async () => await isHeirs());
  await shop.post(sendgridCallback([{ event: "spamreport", deliveryId: mail.deliveryId, email: mail.to }]));
  await shop.reached(mail.cartId, "complained");
  expect(await shop.next(mail.to)).toBe("suppressed");
  expect(await shop.next("heir@shopper.example")).toBe("sent");
});

test("a callback resolves a message of unknown fate", async () => {
  const shop = await Shop.open("postmark");
  const to = shop.server.fail("perhaps@shopper.example", { drop: true, taken: true });
  await shop.merchant.accept([add("perhaps", "mug", "12.30"), identify("perhaps", to)]);
  const { id } = await shop.reached("perhaps", "unknown");
  await until("it is indexed", async () => (await shop.merchant.deliveries("&cartId=perhaps")).length > 0);
  expect((await shop.post(postmarkCallback({ RecordType: "Delivery", Metadata: { deliveryId: id } }))).status).toBe(
    200,
  );
  await shop.reached("perhaps", "delivered");
});

test("addresses that are nobody's, bodies that are too long or no JSON are refused", async () => {
  const shop = await Shop.open("postmark");
  const good = postmarkCallback({ RecordType: "Open" });
  const nobody = ["postmark/prv_nobody", "sendgrid/prv_nobody", "nobody/x"];
  for (const path of nobody) expect((await http(`${system.url}/v1/callbacks/${path}`, good)).status).toBe(401);
  const asAnother = shop.callbackUrl.replace("/postmark/", "/sendgrid/");
  expect((await http(asAnother, good)).status).toBe(401);
  expect((await shop.post({ ...good, body: "{" })).status).toBe(400);
  expect((await shop.post({ ...good, body: "x".repeat(1024 * 1024 + 1) })).status).toBe(413);
  expect(unexpectedIn(system.logs())).toEqual([]);
});

// Last: locally one batch of the queue is sent at a time, and this one waits for its time-out.
test("a callback that overtakes the provider's answer is asked to come again", async () => {
  const shop = await Shop.open("sendgrid");
  const to = shop.server.fail("early@shopper.example", { hang: true, taken: true });
  await shop.merchant.accept([add("early", "mug", "12.30"), identify("early", to)]);
  const { deliveryId } = await until("it was taken", async () => shop.server.to(to)[0]);
  const events = [{ event: "delivered", deliveryId, email: to }];
  const answer = await until("it is indexed", async () => {
    const early = await shop.post(sendgridCallback(events));
    return early.status !== 200 && early;
  });
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "30"]);
  expect((await shop.delivery("early"))?.status).toBe("claimed");
});
