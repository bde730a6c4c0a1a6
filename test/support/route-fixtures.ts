/**
 * One good request for every operation of the OpenAPI document, by `operationId`. Nothing said: the body is the sample that
 * the reference shows, and `{id}` of a path must be given. What a request changes or deletes, it makes first.
 */
import { TOTP } from "otpauth";
import { shopperIdOf } from "../../shared/ids.ts";
import { sampleOf } from "../../workers/gateway/docs/sample.ts";
import type { Operation, Spec } from "../../workers/gateway/docs/spec.ts";
import { newXgboostFile } from "./cart-model-files.ts";
import { type Invited, invite, joinAs, tokenOf } from "./members.ts";
import { type Answer, add, http, identify, Merchant, until } from "./merchant.ts";
import type { Registered, System } from "./system.ts";

/** What the requests are about. */
export interface World {
  url: string;
  system: System;
  merchant: Merchant;
  cartId: string;
  deliveryId: string;
  /** Tokens of links in the message that was sent. */
  recovery: string;
  unsubscribe: string;
}

/** A merchant with a cart that was left behind, and the message about it. */
export async function worldOf(system: System): Promise<World> {
  const merchant = await Merchant.register(system.url);
  await merchant.settings({ abandonAfterMinutes: 0.01 });
  await merchant.accept([add("kept", "mug", "12.30", 2), identify("kept", "ada@example.com", "Ada")]);
  const delivery = await until("a message was sent", async () => (await merchant.deliveries("&status=sent"))[0]);
  const token = (link: string | null | undefined): string => link?.split("/").at(-1) ?? "";
  return {
    url: system.url,
    system,
    merchant,
    cartId: "kept",
    deliveryId: delivery.id,
    recovery: token(delivery.recoveryUrl),
    unsubscribe: token(delivery.unsubscribeUrl),
  };
}

/** What a good request carries: the fixture's body, or the sample that the reference shows. */
export function bodyOf(spec: Spec, operation: Operation, { body }: Fixture): unknown {
  const schema = operation.requestBody?.content["application/json"]?.schema;
  return body ?? (schema ? sampleOf(spec, schema, true) : undefined);
}

export interface Fixture {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string>;
  /** Whose access token it is sent with; the merchant's, when nothing is said. */
  credential?: string;
  /** A status other than the first that is documented. */
  status?: number;
  /** For what is no plain HTTP exchange: does it, and answers the status. */
  exchange?(url: string): Promise<number>;
}

type Make = (world: World) => Fixture | Promise<Fixture>;

const TEMPLATE = { name: "T", text: "{{ recovery_url }}" };
const CAMPAIGN = { name: "C", steps: [{ id: "s" }] };

const POSTMARK = {
  kind: "postmark",
  from: { email: "hello@kiln.example" },
  settings: { endpoint: "http://127.0.0.1:9" },
  credentials: { serverToken: "postmark-token", webhookSecret: "postmark-secret" },
};

/** The id of something made for one request. */
async function made({ merchant }: World, path: string, body: unknown): Promise<Fixture> {
  const { status, text, body: answer } = await merchant.call<{ id: string }>("POST", path, body);
  if (status !== 201) throw new Error(`POST ${path}: ${status} ${text}`);
  return { params: { id: answer.id } };
}

const nothing: Make = () => ({});
const store: Make = ({ merchant }) => ({ params: { id: merchant.account.storeId } });
const cart: Make = ({ cartId }) => ({ params: { id: cartId } });
const shopper: Make = ({ merchant }) => ({
  params: { id: shopperIdOf(merchant.account.storeId, "ada@example.com") },
});
const campaign: Make = (world) => made(world, "/v1/campaigns", CAMPAIGN);
const pool: Make = (world) => made(world, "/v1/coupon-pools", { name: "P" });
const template: Make = (world) => made(world, "/v1/templates", TEMPLATE);

/** A model of its own. `to`: where it is moved first. */
async function model({ merchant }: World, to?: string): Promise<Fixture> {
  const path = "/v1/models/import?name=Fixture";
  const { version } = must(await merchant.call<{ version: string }>("POST", path, newXgboostFile()));
  if (to) must(await merchant.call("POST", `/v1/models/${version}/${to}`));
  return { params: { version } };
}

/** Another login of the same merchant, so that ending it ends nobody else's. */
async function session({ url, merchant }: World): Promise<Registered> {
  const { email, password } = merchant.account;
  const answer = await new Merchant(url, merchant.account).call<Registered>("POST", "/auth/login", { email, password });
  return answer.body;
}

let people = 0;
const newEmail = () => `fixture-${++people}@member.example`;

/** A merchant of their own, for what ends sessions or changes passwords. */
const alone = ({ url }: World): Promise<Merchant> => Merchant.register(url);
const password = "correct horse battery";

/** A provider of a store of its own, so that nobody's mail goes by it. */
const provider: Make = async (world) => {
  const merchant = await alone(world);
  return { ...(await made({ ...world, merchant }, "/v1/providers", POSTMARK)), credential: merchant.credential };
};

const invited: Make = async ({ merchant }) => ({
  params: { id: merchant.account.storeId, invitationId: (await invite(merchant, newEmail(), "api_user")).id },
});
const member: Make = async ({ system, merchant }) => ({
  params: { id: merchant.account.storeId, userId: (await joinAs(system, merchant, "api_user", newEmail())).userId },
});
const offer = async ({ system, merchant }: World): Promise<Fixture> => {
  const open: Invited = await invite(merchant, newEmail(), "api_user");
  return { params: { token: await tokenOf(system, open) } };
};

function must<T>(answer: Answer<T>): T {
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body;
}

/** Codes of the step before, of this one and of the one after: each is taken once, and all of them are taken now. */
const codesOf = (secret: string): [string, string, string] => {
  const totp = new TOTP({ secret });
  const now = Date.now();
  return [-30_000, 0, 30_000].map((ms) => totp.generate({ timestamp: now + ms })) as [string, string, string];
};

/** A merchant whose authenticator app is set up, and switched on when `on`. */
async function withApp(world: World, on: boolean) {
  const merchant = await alone(world);
  const { secret } = must(await merchant.call<{ secret: string }>("POST", "/auth/mfa/setup"));
  const left = 30_000 - (Date.now() % 30_000);
  if (left < 5_000) await new Promise((resolve) => setTimeout(resolve, left));
  const codes = codesOf(secret);
  if (on) must(await merchant.call("POST", "/auth/mfa/enable", { code: codes[0] }));
  return { merchant, codes, credential: merchant.credential };
}

async function resetToken(world: World): Promise<string> {
  const { account } = await alone(world);
  must(await world.merchant.call("POST", "/auth/password/forgot", { email: account.email }));
  const mail = await until("the mail with the link", async () => {
    const { items } = must(await http<{ items: { to: string; text: string }[] }>(`${world.url}/local/mails`));
    return items.find(({ to }) => to === account.email);
  });
  return /#\/reset\/([\w.-]+)/.exec(mail.text)?.[1] ?? "";
}

export const FIXTURES: Record<string, Make> = {
  authRegister: () => ({
    body: {
      email: `fixture-${Date.now()}@merchant.example`,
      password: "correct horse battery",
      store: { name: "Fixture", url: "https://shop.example/", currency: "EUR", timezone: "UTC" },
    },
  }),
  authLogin: ({ merchant: { account } }) => ({ body: { email: account.email, password: account.password } }),
  authRefresh: async (world) => ({ body: { refreshToken: (await session(world)).refreshToken } }),
  authLogout: async (world) => ({ body: { refreshToken: (await session(world)).refreshToken } }),
  getAuthMe: nothing,
  updateAuthMe: () => ({ body: { name: "Owner" } }),
  getPublicKeys: nothing,

  authMfaSetup: async (world) => ({ credential: (await alone(world)).credential }),
  authMfaEnable: async (world) => {
    const { credential, codes } = await withApp(world, false);
    return { credential, body: { code: codes[1] } };
  },
  authMfaDisable: async (world) => {
    const { credential, codes } = await withApp(world, true);
    return { credential, body: { password, code: codes[1] } };
  },
  authMfaRecoveryCodes: async (world) => {
    const { credential, codes } = await withApp(world, true);
    return { credential, body: { code: codes[1] } };
  },
  authMfaVerify: async (world) => {
    const { merchant, codes } = await withApp(world, true);
    const login = { email: merchant.account.email, password };
    const { mfaToken } = must(await merchant.call<{ mfaToken: string }>("POST", "/auth/login", login));
    return { body: { mfaToken, code: codes[1] } };
  },
  authPasswordForgot: () => ({ body: { email: "nobody@member.example" } }),
  authPasswordReset: async (world) => ({ body: { token: await resetToken(world), password: "a new long secret" } }),
  authPasswordChange: async (world) => ({
    credential: (await alone(world)).credential,
    body: { currentPassword: password, newPassword: "a new long secret" },
  }),
  listSessions: nothing,
  endSessions: async (world) => ({ credential: (await alone(world)).credential }),
  endSession: async (world) => {
    const merchant = await alone(world);
    const { items } = await merchant.get<{ items: { id: string }[] }>("/auth/sessions");
    return { credential: merchant.credential, params: { id: items[0]?.id ?? "" } };
  },

  createStore: nothing,
  listStoreMembers: store,
  updateStoreMember: async (world) => ({ ...(await member(world)), body: { role: "customer" } }),
  deleteStoreMember: member,
  listStoreInvitations: store,
  createStoreInvitation: async (world) => ({ ...(await store(world)), body: { email: newEmail(), role: "api_user" } }),
  resendStoreInvitation: invited,
  deleteStoreInvitation: invited,
  getInvitation: offer,
  acceptInvitation: async (world) => ({ ...(await offer(world)), body: { password } }),

  listStores: nothing,
  getStore: store,
  updateStore: store,
  getStoreOrderSignal: store,
  overrideStoreOrderSignal: store,
  getUsage: nothing,
  listApiKeys: nothing,
  createApiKey: nothing,
  updateApiKey: async (world) => ({ ...(await made(world, "/v1/api-keys", {})), body: { name: "Renamed" } }),
  rotateApiKey: (world) => made(world, "/v1/api-keys", {}),
  deleteApiKey: (world) => made(world, "/v1/api-keys", {}),
  listAuditEntries: nothing,
  exportAuditLog: nothing,

  listCarts: () => ({ query: { status: "active,abandoned,recovering", limit: "10" } }),
  getCart: cart,
  getCartTimeline: cart,
  getCartExplain: cart,
  listAdvice: cart,
  readLossSummary: nothing,
  makeLossSummary: nothing,
  deleteCartLinks: async ({ merchant }) => {
    await merchant.accept([add("unlinked", "mug", "12.30")]);
    return { params: { id: "unlinked" } };
  },

  listShoppers: () => ({ query: { email: "ADA@example.com" } }),
  getShopper: shopper,
  setShopperConsent: async (world) => ({ ...(await shopper(world)), body: { channel: "sms", value: "granted" } }),

  listCampaigns: nothing,
  createCampaign: nothing,
  getCampaign: campaign,
  replaceCampaign: campaign,
  updateCampaign: campaign,
  deleteCampaign: campaign,
  getCampaignResults: campaign,
  simulateCampaign: campaign,

  listCoupons: () => ({ query: { status: "issued" } }),
  getCampaignCoupons: campaign,
  listCouponPools: nothing,
  createCouponPool: nothing,
  addCouponPoolCodes: pool,
  deleteCouponPool: pool,

  listTemplates: nothing,
  createTemplate: nothing,
  listGalleryTemplates: nothing,
  previewTemplates: nothing,
  testTemplate: template,
  draftTemplate: nothing,
  getTemplate: template,
  replaceTemplate: template,
  deleteTemplate: template,

  listProviders: nothing,
  createProvider: async (world) => ({ credential: (await alone(world)).credential }),
  getProvider: provider,
  updateProvider: async (world) => ({ ...(await provider(world)), body: { enabled: false } }),
  deleteProvider: provider,
  // Nobody listens there: that is an outcome too.
  testProvider: async (world) => ({ ...(await provider(world)), body: { to: "ada@example.com" } }),
  receiveCallback: async (world) => {
    const { params } = await provider(world);
    const event = { RecordType: "Open", Metadata: { deliveryId: world.deliveryId } };
    return {
      params: { provider: "postmark", providerId: params?.id ?? "" },
      headers: { "x-webhook-token": POSTMARK.credentials.webhookSecret },
      body: event,
    };
  },

  listDeliveries: nothing,
  getDelivery: ({ deliveryId }) => ({ params: { id: deliveryId } }),

  predict: ({ cartId }) => ({ body: { cartId } }),
  listModels: nothing,
  importModel: () => ({ query: { name: "Fixture" }, body: newXgboostFile() }),
  getModel: (world) => model(world),
  getModelArtefact: (world) => model(world),
  stageModel: (world) => model(world),
  promoteModel: (world) => model(world),
  canaryModel: (world) => model(world),
  shadowModel: (world) => model(world),
  rollbackModel: (world) => model(world, "promote"),
  trainModel: async (world) => ({ credential: (await alone(world)).credential }),
  listTrainingRuns: nothing,
  getTrainingRun: async (world) => {
    const merchant = await alone(world);
    const { runId } = must(await merchant.call<{ runId: string }>("POST", "/v1/models/train"));
    return { params: { id: runId }, credential: merchant.credential };
  },
  getModelDrift: nothing,

  getAnalyticsRealtime: nothing,
  listAnalyticsRollups: nothing,

  getPushKey: ({ merchant }) => ({ query: { key: merchant.account.key } }),
  sendEvents: ({ merchant }) => ({ query: { key: merchant.account.key } }),
  followRecoveryLink: ({ recovery }) => ({ params: { token: recovery } }),
  getRecoveredCart: ({ recovery }) => ({ params: { token: recovery } }),
  showUnsubscribePage: ({ unsubscribe }) => ({ params: { token: unsubscribe } }),
  unsubscribe: ({ unsubscribe }) => ({ params: { token: unsubscribe } }),

  openSocket: () => ({
    exchange: (url) =>
      new Promise((done, failed) => {
        const socket = new WebSocket(url.replace(/^http/, "ws"));
        socket.onopen = () => {
          socket.close();
          done(101);
        };
        socket.onerror = () => failed(new Error("the socket did not open"));
      }),
  }),
  goToDashboard: nothing,
  getHealth: nothing,
  getMetrics: nothing,
  getLocalMails: nothing,
  getHealthReady: nothing,
  getHealthLive: nothing,
  getOpenApi: nothing,
  getDocs: nothing,
};
