/** Shoppers as merchants see them, and as they decide themselves on the page that every message links to. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shopperIdOf } from "../../shared/ids.ts";
import type { DeliveryView } from "../../shared/views.ts";
import { type Answer, add, event, http, identify, Merchant, until } from "../support/merchant.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

interface Said {
  value: string;
  at: string;
  source?: string;
  url?: string;
  text?: string;
}
interface ShopperView {
  id: string;
  email: string | null;
  phone: string | null;
  consent: Record<string, Said>;
  consentHistory: (Said & { channel: string })[];
  suppressed: Record<string, { reason: string }>;
  answered: Record<string, { deliveryId: string }>;
  sends: { deliveryId: string; channel: string; status: string }[];
  carts: { id: string; status: string }[];
}

let system: System;
let merchant: Merchant;

beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url);
  await merchant.settings({ abandonAfterMinutes: 0.01, frequencyCap: { max: 50, perHours: 24 } });
});
afterAll(async () => {
  expect(unexpectedIn(system.logs())).toEqual([]);
  await system.stop();
});

const idOf = (email: string): string => shopperIdOf(merchant.account.storeId, email);
const shopper = (email: string): Promise<ShopperView> => merchant.get(`/v1/shoppers/${idOf(email)}`);

let carts = 0;
/** What becomes of the message about another cart of this shopper. */
async function written(email: string, more: object[] = []): Promise<DeliveryView> {
  const id = `cart-${++carts}`;
  await merchant.accept([add(id, "mug", "10.00"), identify(id, email), ...more.map((e) => ({ ...e, cartId: id }))]);
  return until("the message is decided", async () => {
    const [delivery] = await merchant.deliveries(`&cartId=${id}`);
    return delivery && ["sent", "suppressed"].includes(delivery.status) && delivery;
  });
}

const phone = (number: string) => event("x", "shopper_identified", { phone: number });

function post(url: string, body: string, type = "application/x-www-form-urlencoded"): Promise<Answer> {
  return http(url, { method: "POST", headers: { "content-type": type, "accept-language": "en" }, body });
}

/** What the page says and which switches are on. */
function seen({ status, text }: Answer) {
  const switches = [...text.matchAll(/<input type="checkbox"[^>]* name="(\w+)"( checked)?( disabled)?>/g)];
  return {
    status,
    title: /<h1>(.*?)<\/h1>/.exec(text)?.[1],
    switches: Object.fromEntries(switches.map(([, name, on, off]) => [name, off ? "locked" : on ? "on" : "off"])),
    stop: /value="none"><button>(.*?)<\/button>/.exec(text)?.[1],
  };
}

describe("the page of a message's link", () => {
  test("PEERS 14: link scanners that GET, HEAD and follow everything unsubscribe nobody", async () => {
    const mail = await written("scanned@shopper.example");
    for (const method of ["GET", "HEAD", "OPTIONS"])
      for (const agent of ["Mozilla/5.0", "Barracuda-Link-Scanner", ""])
        await http(`${mail.unsubscribeUrl}?choice=none&List-Unsubscribe=One-Click`, {
          method,
          headers: { "user-agent": agent },
        });
    const after = await shopper("scanned@shopper.example");
    expect([after.suppressed, after.consentHistory]).toEqual([{}, []]);
    expect((await written("scanned@shopper.example")).status).toBe("sent");
  });

  test.each([
    ["a form", "application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"],
    [
      "multipart",
      "multipart/form-data; boundary=x",
      '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--',
    ],
  ])("one-click as %s stops the channel of the message at once, with proof", async (name, type, body) => {
    const email = `one-click-${name.split(" ").at(-1)}@shopper.example`;
    const mail = await written(email, [phone("+4915112345678")]);
    const done = await post(mail.unsubscribeUrl!, body, type);
    expect(seen(done)).toEqual({ status: 200, title: "Done", switches: { email: "off", sms: "off" }, stop: undefined });
    const after = await shopper(email);
    expect(after.suppressed).toMatchObject({ email: { reason: "unsubscribed" } });
    expect(after.consent.email).toMatchObject({
      value: "denied",
      source: "shopper",
      text: "List-Unsubscribe=One-Click",
      url: `${system.url}/u`,
    });
    expect(after.consent).not.toHaveProperty("sms");
    const silent = await written(email);
    expect(silent.statusHistory.at(-1)).toMatchObject({ status: "suppressed", reason: "suppressed_unsubscribed" });
    await post(mail.unsubscribeUrl!, body, type);
    expect((await shopper(email)).consentHistory).toHaveLength(1); // twice is once
  });

  test("every channel has its switch, and what is given back there is written again", async () => {
    const email = "chooser@shopper.example";
    const mail = await written(email, [phone("+4915112345679")]);
    const url = mail.unsubscribeUrl!;
    const page = await http(url, { headers: { "accept-language": "en" } });
    expect(page.text).toContain("Kiln &#38; Co");
    expect(seen(page)).toEqual({
      status: 200,
      title: "No more reminders?",
      switches: { email: "on", sms: "off" }, // SMS wants a granted consent
      stop: "Unsubscribe from all",
    });
    expect(seen(await post(url, "choice=these&email=on&sms=on"))).toMatchObject({
      switches: { email: "on", sms: "on" },
    });
    expect((await shopper(email)).consent.sms).toMatchObject({ value: "granted", source: "shopper" });
    expect((await shopper(email)).consent.sms?.text).toContain("SMS");
    expect(seen(await post(url, "choice=none"))).toMatchObject({
      title: "Done",
      switches: { email: "off", sms: "off" },
      stop: undefined,
    });
    expect((await written(email)).status).toBe("suppressed");
    expect(seen(await http(url, { headers: { "accept-language": "en" } })).title).toBe("No reminders");
    expect(seen(await post(url, "choice=these&email=on&analytics=on&bogus=on"))).toMatchObject({
      switches: { email: "on", sms: "off" },
    });
    expect((await written(email)).status).toBe("sent");
    expect((await shopper(email)).consentHistory.map(({ channel, value }) => `${channel} ${value}`)).toEqual([
      "sms granted",
      "email denied",
      "sms denied",
      "email granted",
    ]);
  });

  test("speaks six languages, has no script and lets no style or form of others in", async () => {
    const mail = await written("linguist@shopper.example");
    const titles = new Set<string | undefined>();
    for (const lang of ["en", "de", "fr", "es", "it", "nl"]) {
      const page = await http(mail.unsubscribeUrl!, { headers: { "accept-language": lang } });
      titles.add(seen(page).stop);
      expect(page.text).toContain(`<html lang="${lang}">`);
      expect(page.text).not.toMatch(/<script|undefined|\[object/);
      expect(page.headers.get("content-security-policy")).toMatch(
        /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'/,
      );
      expect(page.headers.get("cache-control")).toBe("no-store");
    }
    expect(titles.size).toBe(6);
  });

  test("a body that is too long is refused, and nothing is changed", async () => {
    const mail = await written("long@shopper.example");
    expectProblem(await post(mail.unsubscribeUrl!, `choice=none&${"x".repeat(5_000)}`), "PAYLOAD_TOO_LARGE");
    expect((await shopper("long@shopper.example")).suppressed).toEqual({});
  });
});

describe("the merchant", () => {
  test("finds a shopper by address, with consent, messages and carts", async () => {
    const email = "found@shopper.example";
    const mail = await written(email);
    await http(mail.recoveryUrl!, { headers: { "user-agent": "Mozilla/5.0" } });
    const { items } = await merchant.get<{ items: ShopperView[] }>(`/v1/shoppers?email=${email.toUpperCase()}`);
    expect(items).toMatchObject([
      {
        id: idOf(email),
        email,
        sends: [{ deliveryId: mail.id, channel: "email", status: "sent" }],
        answered: { email: { deliveryId: mail.id } },
        carts: [{ id: mail.cartId }],
      },
    ]);
    expect(await merchant.get(`/v1/shoppers?email=nobody@shopper.example`)).toEqual({ items: [], nextCursor: null });
    expectProblem(await merchant.call("GET", "/v1/shoppers?email=nobody"), "VALIDATION_ERROR", "email");
    expectProblem(await merchant.call("GET", "/v1/shoppers"), "VALIDATION_ERROR", "email");
    for (const id of [idOf("nobody@shopper.example"), "v_nobody", "health", "~", "sh_%2F..%2Fx"])
      expectProblem(await merchant.call("GET", `/v1/shoppers/${id}`), "NOT_FOUND");
  });

  test("sets consent with its proof, which is audited and obeyed", async () => {
    const email = "told@shopper.example";
    await written(email);
    const put = (body: object, id = idOf(email)) => merchant.call("PUT", `/v1/shoppers/${id}/consent`, body);
    const proof = { text: "I agree to reminders", url: "https://shop.example/form" };
    const set = await put({ channel: "sms", value: "granted", ...proof });
    expect(set.body).toMatchObject({
      channel: "sms",
      value: "granted",
      source: "merchant",
      suppressed: null,
      ...proof,
    });
    await put({ channel: "email", value: "denied" });
    expect((await written(email)).statusHistory.at(-1)).toMatchObject({ reason: "no_consent" });
    await put({ channel: "email", value: "granted" });
    expect((await written(email)).status).toBe("sent");
    const log = await merchant.get<{ items: { action: string; object: { id: string | null } }[] }>(
      "/v1/audit?limit=50",
    );
    expect(
      log.items.filter((line) => line.action === "shopper.consent_set" && line.object.id === idOf(email)),
    ).toHaveLength(3);
    expectProblem(await put({ channel: "fax", value: "granted" }), "VALIDATION_ERROR", "channel");
    expectProblem(
      await put({ channel: "sms", value: "granted", url: "javascript:alert(1)" }),
      "VALIDATION_ERROR",
      "url",
    );
    expectProblem(await put({ channel: "sms", value: "granted", source: "shopper" }), "VALIDATION_ERROR");
    const nobody = idOf("unknown@shopper.example");
    expectProblem(await put({ channel: "sms", value: "granted" }, nobody), "NOT_FOUND");
    expectProblem(await merchant.call("GET", `/v1/shoppers/${nobody}`), "NOT_FOUND"); // asking made nobody up
  });

  test("a key without shoppers:read learns nothing about people, but may say what they consented to", async () => {
    const email = "private@shopper.example";
    await written(email);
    const { body } = await merchant.call<{ key: string }>("POST", "/v1/api-keys", {
      scopes: ["carts:read", "carts:write"],
    });
    const key = new Merchant(system.url, merchant.account);
    key.credential = body.key;
    for (const path of [`/v1/shoppers/${idOf(email)}`, `/v1/shoppers?email=${email}`])
      expectProblem(await key.call("GET", path), "FORBIDDEN");
    const set = await key.call("PUT", `/v1/shoppers/${idOf(email)}/consent`, { channel: "email", value: "denied" });
    expect([set.status, set.text.includes(email)]).toEqual([200, false]);
  });
});
