/** Every kind of provider: its server, how a store sets it up, and what it says in a callback. */
import type { ProviderKind } from "../../../shared/providers.ts";
import * as mailgun from "./mailgun.ts";
import * as postmark from "./postmark.ts";
import * as resend from "./resend.ts";
import * as sendgrid from "./sendgrid.ts";
import type { ProviderServer } from "./server.ts";
import * as ses from "./ses.ts";
import { snsMessage, TOPIC } from "./sns.ts";

export type Happening = "delivered" | "opened" | "clicked" | "hardBounce" | "softBounce" | "complaint" | "unsubscribe";

export interface Provider {
  kind: ProviderKind;
  server(): ProviderServer;
  /** The body of `POST /v1/providers`. */
  setup(endpoint: string): { kind: ProviderKind; from: { email: string }; settings: object; credentials: object };
  /** The same with a credential that is not the account's. */
  wrong: Record<string, string>;
  /** A callback about a message; `endpoint`: where its certificate is, if it has one. */
  callback(happening: Happening, deliveryId: string, to: string, endpoint: string, at?: number): RequestInit;
  /** How much older a callback may be than now. */
  toleranceMs: number | null;
}

const from = { email: "hello@kiln.example" };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The event of each kind, in a provider's own words. */
type Words = Record<Happening, Record<string, unknown>>;

const SENDGRID: Words = {
  delivered: { event: "delivered", response: "250 OK" },
  opened: { event: "open" },
  clicked: { event: "click", url: "https://shop.example/" },
  hardBounce: { event: "bounce", type: "bounce", reason: "550 no such user <ada@shopper.example>" },
  softBounce: { event: "bounce", type: "blocked", reason: "421 later" },
  complaint: { event: "spamreport" },
  unsubscribe: { event: "unsubscribe" },
};

const POSTMARK: Words = {
  delivered: { RecordType: "Delivery" },
  opened: { RecordType: "Open" },
  clicked: { RecordType: "Click" },
  hardBounce: { RecordType: "Bounce", Type: "HardBounce", Description: "The server was unable to deliver" },
  softBounce: { RecordType: "Bounce", Type: "SoftBounce", Description: "Mailbox full" },
  complaint: { RecordType: "SpamComplaint", Type: "SpamComplaint" },
  unsubscribe: { RecordType: "SubscriptionChange", SuppressSending: true, SuppressionReason: "ManualSuppression" },
};

const RESEND: Words = {
  delivered: { type: "email.delivered" },
  opened: { type: "email.opened" },
  clicked: { type: "email.clicked" },
  hardBounce: { type: "email.bounced", bounce: { type: "Permanent", message: "no such user" } },
  softBounce: { type: "email.bounced", bounce: { type: "Transient", message: "mailbox full" } },
  complaint: { type: "email.complained" },
  // It has no such event: who unsubscribes does so by our own link.
  unsubscribe: { type: "contact.updated" },
};

const SES: Words = {
  delivered: { eventType: "Delivery" },
  opened: { eventType: "Open" },
  clicked: { eventType: "Click" },
  hardBounce: { eventType: "Bounce", bounce: { bounceType: "Permanent", bounceSubType: "General" } },
  softBounce: { eventType: "Bounce", bounce: { bounceType: "Transient", bounceSubType: "MailboxFull" } },
  complaint: { eventType: "Complaint" },
  unsubscribe: { eventType: "Subscription" },
};

const MAILGUN: Words = {
  delivered: { event: "delivered" },
  opened: { event: "opened" },
  clicked: { event: "clicked" },
  hardBounce: { event: "failed", severity: "permanent", "delivery-status": { message: "550 no such user" } },
  softBounce: { event: "rejected", reason: "sandbox" },
  complaint: { event: "complained" },
  unsubscribe: { event: "unsubscribed" },
};

export const PROVIDERS: Provider[] = [
  {
    kind: "sendgrid",
    server: sendgrid.sendgridServer,
    setup: (endpoint) => ({
      kind: "sendgrid",
      from,
      settings: { endpoint, webhookPublicKey: sendgrid.PUBLIC_KEY },
      credentials: { apiKey: sendgrid.API_KEY },
    }),
    wrong: { apiKey: "SG.somebody-else" },
    callback: (happening, deliveryId, to, _endpoint, at) =>
      sendgrid.sendgridCallback([{ sg_event_id: "e1", email: to, deliveryId, ...SENDGRID[happening] }], at),
    toleranceMs: 5 * MINUTE,
  },
  {
    kind: "postmark",
    server: postmark.postmarkServer,
    setup: (endpoint) => ({
      kind: "postmark",
      from,
      settings: { endpoint, messageStream: "recovery" },
      credentials: { serverToken: postmark.SERVER_TOKEN, webhookSecret: postmark.WEBHOOK_SECRET },
    }),
    wrong: { serverToken: "somebody-elses-token" },
    callback: (happening, deliveryId, to) =>
      postmark.postmarkCallback({ MessageID: "m1", Recipient: to, Metadata: { deliveryId }, ...POSTMARK[happening] }),
    toleranceMs: null,
  },
  {
    kind: "resend",
    server: resend.resendServer,
    setup: (endpoint) => ({
      kind: "resend",
      from,
      settings: { endpoint },
      credentials: { apiKey: resend.API_KEY, webhookSecret: resend.WEBHOOK_SECRET },
    }),
    wrong: { apiKey: "re_somebody_else" },
    callback: (happening, deliveryId, to, _endpoint, at) => {
      const { type, ...data } = RESEND[happening];
      return resend.resendCallback({ type, data: { email_id: "m1", to: [to], tags: { deliveryId }, ...data } }, at);
    },
    toleranceMs: 5 * MINUTE,
  },
  {
    kind: "ses",
    server: ses.sesServer,
    setup: (endpoint) => ({
      kind: "ses",
      from,
      settings: { endpoint, region: ses.REGION, configurationSet: ses.CONFIGURATION_SET, topicArn: TOPIC },
      credentials: ses.CREDENTIALS,
    }),
    wrong: { secretAccessKey: "somebody-elses-secret" },
    callback: (happening, deliveryId, to, endpoint, at = Date.now()) => {
      const event = {
        mail: { destination: [to], tags: { deliveryId: [deliveryId], "ses:caller": ["x"] } },
        ...SES[happening],
      };
      return snsMessage(endpoint, event, { Timestamp: new Date(at).toISOString() });
    },
    toleranceMs: 2 * HOUR,
  },
  {
    kind: "mailgun",
    server: mailgun.mailgunServer,
    setup: (endpoint) => ({
      kind: "mailgun",
      from,
      settings: { endpoint, domain: mailgun.DOMAIN, region: "eu" },
      credentials: { apiKey: mailgun.API_KEY, webhookSigningKey: mailgun.SIGNING_KEY },
    }),
    wrong: { apiKey: "somebody-elses-key" },
    callback: (happening, deliveryId, to, _endpoint, at) =>
      mailgun.mailgunCallback({ id: "e1", recipient: to, "user-variables": { deliveryId }, ...MAILGUN[happening] }, at),
    toleranceMs: 9 * HOUR,
  },
];
