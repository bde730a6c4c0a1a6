import { describe, expect, it } from "vitest";
import { channelOf, PROVIDER_KINDS, type ProviderKind, setupSchema } from "../../shared/providers.ts";
import { pushTargetSchema } from "../../shared/push-target.ts";
import { aboutKind, KINDS, setupOf } from "../../workers/dashboard/app/views/settings/provider-kinds.ts";
import { recipientOf } from "../../workers/dashboard/app/views/settings/provider-recipient.ts";
import { PROVIDERS } from "../support/providers/index.ts";

const SID = "0123456789abcdef0123456789abcdef";
const account = {
  project_id: "oblong-shop",
  client_email: "sender@oblong-shop.iam.gserviceaccount.example",
  private_key: "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n",
};

/** What a merchant would type, where the providers' own tests have no server yet. */
const TYPED: Partial<Record<ProviderKind, Record<string, string>>> = {
  smtp: { host: "smtp.shop.example", port: "465", security: "tls", username: "shop", password: "0123456789" },
  twilio: { accountSid: `AC${SID}`, authToken: SID, messagingServiceSid: `MG${SID}` },
  sns: {
    accessKeyId: "AKIA0123456789",
    secretAccessKey: "0123456789abcdef",
    region: "eu-central-1",
    smsType: "Transactional",
  },
  fcm: { serviceAccount: JSON.stringify(account) },
  onesignal: { appId: "7f1a5c9e-52f0-4f6a-9c63-d2f6c5b4f0aa", apiKey: "os_v2_app_0123456789" },
  webpush: { subject: "mailto:shop@example.com" },
};

const typedFor = (kind: ProviderKind): Record<string, string> => {
  const setup = PROVIDERS.find((provider) => provider.kind === kind)?.setup("http://127.0.0.1:1");
  return TYPED[kind] ?? ({ ...setup?.settings, ...setup?.credentials } as Record<string, string>);
};

it("there is a form for every kind of provider, under its channel", () => {
  expect(Object.keys(KINDS).sort()).toEqual([...PROVIDER_KINDS].sort());
  for (const kind of PROVIDER_KINDS) expect(aboutKind(kind).channel).toBe(channelOf(kind));
});

it.each(PROVIDER_KINDS)("the form of %s asks for all that it needs, and sends each value where it belongs", (kind) => {
  const typed = typedFor(kind);
  const fields = aboutKind(kind).fields.map(({ name }) => name);
  expect(fields).toEqual(expect.arrayContaining(Object.keys(typed).filter((name) => name !== "endpoint")));
  const given = setupOf(kind, (name) => typed[name] ?? "");
  expect(setupSchema.safeParse({ kind, ...given }).error).toBeUndefined();
});

it("a file that is no service account's is told apart", () => {
  for (const text of ["{", "[]", "null", '{"project_id":"x"}'])
    expect(() => setupOf("fcm", () => text)).toThrow(/project_id/);
});

describe("a test goes to", () => {
  it("an address, a number, or a device as its service names it", () => {
    const to = (kind: string, channel: "email" | "sms" | "push", text: string) =>
      recipientOf({ kind, channel }).recipient(text);
    expect(to("ses", "email", "ada@example.com")).toEqual({ to: "ada@example.com" });
    expect(to("twilio", "sms", "+4915112345678")).toEqual({ to: "+4915112345678" });
    const devices = [
      to("fcm", "push", "0123456789abcdefghijklmnop"),
      to("onesignal", "push", "7f1a5c9e-52f0-4f6a-9c63-d2f6c5b4f0aa"),
      to(
        "webpush",
        "push",
        JSON.stringify({
          endpoint: "https://push.example/x",
          keys: { p256dh: `B${"A".repeat(86)}`, auth: "A".repeat(22) },
        }),
      ),
    ];
    for (const device of devices)
      expect(pushTargetSchema.safeParse("target" in device && device.target).error).toBeUndefined();
  });

  it("no device that is not one", () => {
    for (const text of ["", "null", "{}", '{"endpoint":"https://push.example"}'])
      expect(() => recipientOf({ kind: "webpush", channel: "push" }).recipient(text)).toThrow(/endpoint/);
  });
});
