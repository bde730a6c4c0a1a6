/** Every kind of provider of every channel, for what holds for all of them: how it is set up, asked and refuses. */
import type { MessageChannel } from "../../../shared/policy/rules.ts";
import type { ProviderKind } from "../../../shared/providers.ts";
import * as fcm from "./fcm.ts";
import { PROVIDERS } from "./index.ts";
import * as onesignal from "./onesignal.ts";
import type { Answered, ProviderServer } from "./server.ts";
import * as sns from "./sns-sms.ts";
import * as twilio from "./twilio.ts";
import { PushServer } from "./webpush.ts";

export interface Adapter {
  kind: ProviderKind;
  channel: MessageChannel;
  server(): ProviderServer;
  /** The body of `POST /v1/providers`. */
  setup(endpoint: string): { kind: ProviderKind; from?: object; settings: object; credentials?: object };
  /** Setups that are another account's, or whose account is gone. */
  strangers(endpoint: string): object[];
  /** Somebody of this name, as the server knows them. */
  recipient(name: string): string;
  /** The body of a test message to them. */
  test(recipient: string, server: ProviderServer): object;
  /** A refusal of this message for good, that repeats its recipient; and what is told of it. */
  refusal(recipient: string): { answer: Answered; reason: RegExp };
  /** Answers that mean: never again. */
  gone: Answered[];
  /** What else may go later, or by another, although its status says no such thing. */
  account: Answered[];
  later: Answered[];
}

const email: Adapter[] = PROVIDERS.map(({ kind, server, setup, wrong }) => ({
  kind,
  channel: "email",
  server,
  setup,
  strangers: (endpoint) => {
    const given = setup(endpoint);
    return [{ ...given, credentials: { ...given.credentials, ...wrong } }];
  },
  recipient: (name) => `${name}@${kind}.example`,
  test: (to) => ({ to }),
  refusal: (to) => {
    const message = `${to} is not an address`;
    const body = { message, Message: message, ErrorCode: 406, errors: [{ message }] };
    return { answer: { status: kind === "postmark" ? 422 : 400, body }, reason: /^4\d\d .*… is not an address/ };
  },
  gone: [],
  account: [],
  later: [],
}));

/** A number for a name: the same for the same. */
const numberOf = (name: string): string =>
  `+4915${[...name]
    .reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 1e8, 7)
    .toString()
    .padStart(8, "0")}`;
const hexOf = (name: string): string => Buffer.from(name.padEnd(16, "-")).toString("hex");
/** A UUID for a name. */
const uuidOf = (name: string): string =>
  hexOf(name).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-4$3-a$4-$5");

const twilioError = (status: number, code: number, message: string): Answered => ({
  status,
  body: { code, message, status },
});
const twilioSetup = (endpoint: string) => ({
  kind: "twilio" as const,
  settings: { endpoint, accountSid: twilio.ACCOUNT_SID, from: twilio.FROM },
});

const sms: Adapter[] = [
  {
    kind: "twilio",
    channel: "sms",
    server: twilio.twilioServer,
    setup: (endpoint) => ({ ...twilioSetup(endpoint), credentials: { authToken: twilio.AUTH_TOKEN } }),
    strangers: (endpoint) => [{ ...twilioSetup(endpoint), credentials: { authToken: "somebody-elses-token" } }],
    recipient: numberOf,
    test: (to) => ({ to }),
    refusal: (to) => ({
      answer: twilioError(400, 21617, `The body to ${to} is too long`),
      reason: /^400 21617 The body to … is too long/,
    }),
    gone: [
      twilioError(400, 21610, "Attempt to send to unsubscribed recipient"),
      twilioError(400, 21614, "'To' number is not a valid mobile number"),
    ],
    account: [twilioError(400, 21408, "Permission to send an SMS has not been enabled for the region")],
    later: [twilioError(429, 20429, "Too Many Requests")],
  },
  {
    kind: "sns",
    channel: "sms",
    server: sns.snsServer,
    setup: (endpoint) => ({
      kind: "sns",
      settings: { endpoint, region: sns.REGION, senderId: sns.SENDER_ID },
      credentials: sns.CREDENTIALS,
    }),
    strangers: (endpoint) => [
      {
        kind: "sns",
        settings: { endpoint, region: sns.REGION, senderId: sns.SENDER_ID },
        credentials: { ...sns.CREDENTIALS, secretAccessKey: "somebody-elses-secret" },
      },
    ],
    recipient: numberOf,
    test: (to) => ({ to }),
    refusal: (to) => ({
      answer: sns.snsError(400, "InvalidParameter", `Invalid parameter: Message to ${to} is empty`),
      reason: /^400 InvalidParameter Invalid parameter: Message to … is empty/,
    }),
    gone: [
      sns.snsError(400, "OptedOut", "Phone number is opted out"),
      sns.snsError(
        400,
        "InvalidParameter",
        "Invalid parameter: PhoneNumber Reason: +491500 is not valid to publish to",
      ),
    ],
    account: [sns.snsError(403, "AuthorizationError", "not authorized to perform: SNS:Publish")],
    later: [sns.snsError(400, "Throttling", "Rate exceeded")],
  },
];

const fcmSetup = (endpoint: string) => ({ kind: "fcm" as const, settings: { endpoint, projectId: fcm.PROJECT } });
const onesignalSetup = (endpoint: string) => ({
  kind: "onesignal" as const,
  settings: { endpoint, appId: onesignal.APP_ID },
});
const text = (status: number, said: string): Answered => ({
  status,
  headers: { "content-type": "text/plain" },
  text: said,
});

const push: Adapter[] = [
  {
    kind: "fcm",
    channel: "push",
    server: () => new fcm.FcmServer(),
    setup: (endpoint) => ({ ...fcmSetup(endpoint), credentials: fcm.ACCOUNT }),
    strangers: (endpoint) => [
      { ...fcmSetup(endpoint), credentials: { ...fcm.ACCOUNT, privateKey: fcm.STRANGERS_KEY } },
      { ...fcmSetup(endpoint), credentials: { ...fcm.ACCOUNT, clientEmail: "somebody-else@kiln.example" } },
      {
        ...fcmSetup(endpoint),
        credentials: {
          ...fcm.ACCOUNT,
          privateKey: "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n",
        },
      },
    ],
    recipient: (name) => `token-of:${name.padEnd(20, "-")}`,
    test: (token) => ({ target: { kind: "fcm", token } }),
    refusal: () => ({
      answer: fcm.googleError(400, "INVALID_ARGUMENT", "Message is too big", "INVALID_ARGUMENT"),
      reason: /^400 INVALID_ARGUMENT Message is too big/,
    }),
    gone: [
      fcm.googleError(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED"),
      fcm.googleError(403, "PERMISSION_DENIED", "SenderId mismatch", "SENDER_ID_MISMATCH"),
    ],
    account: [fcm.googleError(403, "PERMISSION_DENIED", "FCM API has not been used in project before")],
    later: [fcm.googleError(429, "RESOURCE_EXHAUSTED", "quota", "QUOTA_EXCEEDED")],
  },
  {
    kind: "onesignal",
    channel: "push",
    server: onesignal.onesignalServer,
    setup: (endpoint) => ({ ...onesignalSetup(endpoint), credentials: { apiKey: onesignal.API_KEY } }),
    strangers: (endpoint) => [{ ...onesignalSetup(endpoint), credentials: { apiKey: "os_v2_app_somebody_elses" } }],
    recipient: uuidOf,
    test: (subscriptionId) => ({ target: { kind: "onesignal", subscriptionId } }),
    refusal: () => ({
      answer: { status: 400, body: { errors: ["Message Notifications must have English language content"] } },
      reason: /^400 Message Notifications must have English/,
    }),
    gone: [
      { status: 200, body: { id: "", errors: { invalid_player_ids: ["x"] } } },
      { status: 200, body: { id: "", errors: ["All included players are not subscribed"] } },
    ],
    account: [],
    later: [{ status: 429, body: { errors: ["API rate limit exceeded"] } }],
  },
  {
    kind: "webpush",
    channel: "push",
    server: () => new PushServer(),
    setup: () => ({ kind: "webpush", settings: { subject: "mailto:push@kiln.example" } }),
    strangers: () => [],
    recipient: (name) => name,
    test: (name, server) => ({ target: (server as PushServer).subscription(name) }),
    refusal: () => ({ answer: text(413, "payload too large"), reason: /^413 payload too large/ }),
    gone: [
      text(404, "unknown"),
      text(410, "push subscription has unsubscribed or expired"),
      text(400, '{"reason":"VapidPkHashMismatch"}'),
    ],
    account: [text(403, '{"reason":"BadJwtToken"}')],
    later: [],
  },
];

export const ADAPTERS: Adapter[] = [...email, ...sms, ...push];
