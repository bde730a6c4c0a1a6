/**
 * One good request for every operation of the OpenAPI document, by `operationId`. Nothing said: the body is the sample that
 * the reference shows, and `{id}` of a path must be given. What a request changes or deletes, it makes first.
 */
import { Merchant } from "./merchant.ts";
import type { Registered } from "./system.ts";

/** What the requests are about. */
export interface World {
  url: string;
  merchant: Merchant;
  cartId: string;
  deliveryId: string;
  /** Tokens of links in the message that was sent. */
  recovery: string;
  unsubscribe: string;
}

export interface Fixture {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  headers?: Record<string, string>;
  /** A status other than the first that is documented. */
  status?: number;
  /** For what is no plain HTTP exchange: does it, and answers the status. */
  exchange?(url: string): Promise<number>;
}

type Make = (world: World) => Fixture | Promise<Fixture>;

const TEMPLATE = { name: "T", text: "{{ recovery_url }}" };
const CAMPAIGN = { name: "C", steps: [{ id: "s" }] };

/** The id of something made for one request. */
async function made({ merchant }: World, path: string, body: unknown): Promise<Fixture> {
  const { status, text, body: answer } = await merchant.call<{ id: string }>("POST", path, body);
  if (status !== 201) throw new Error(`POST ${path}: ${status} ${text}`);
  return { params: { id: answer.id } };
}

const nothing: Make = () => ({});
const store: Make = ({ merchant }) => ({ params: { id: merchant.account.storeId } });
const cart: Make = ({ cartId }) => ({ params: { id: cartId } });
const campaign: Make = (world) => made(world, "/v1/campaigns", CAMPAIGN);
const template: Make = (world) => made(world, "/v1/templates", TEMPLATE);

/** Another login of the same merchant, so that ending it ends nobody else's. */
async function session({ url, merchant }: World): Promise<Registered> {
  const { email, password } = merchant.account;
  const answer = await new Merchant(url, merchant.account).call<Registered>("POST", "/auth/login", { email, password });
  return answer.body;
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
  getPublicKeys: nothing,

  listStores: nothing,
  getStore: store,
  updateStore: store,
  getUsage: nothing,
  listApiKeys: nothing,
  createApiKey: nothing,
  deleteApiKey: (world) => made(world, "/v1/api-keys", {}),
  listAuditEntries: nothing,
  exportAuditLog: nothing,

  listCarts: () => ({ query: { status: "active,abandoned,recovering", limit: "10" } }),
  getCart: cart,
  getCartTimeline: cart,
  getCartExplain: cart,
  deleteCartLinks: () => ({ params: { id: "another-cart" } }),

  listCampaigns: nothing,
  createCampaign: nothing,
  getCampaign: campaign,
  replaceCampaign: campaign,
  updateCampaign: campaign,
  deleteCampaign: campaign,

  listTemplates: nothing,
  createTemplate: nothing,
  previewTemplates: nothing,
  getTemplate: template,
  replaceTemplate: template,
  deleteTemplate: template,

  listDeliveries: nothing,
  getDelivery: ({ deliveryId }) => ({ params: { id: deliveryId } }),

  getAnalyticsRealtime: nothing,
  listAnalyticsRollups: nothing,

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
  getHealthReady: nothing,
  getHealthLive: nothing,
  getOpenApi: nothing,
  getDocs: nothing,
};
