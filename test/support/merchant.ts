/** A merchant and the shoppers of their store, over HTTP. */
import type {
  CartListItem,
  CartView,
  DeliveryView,
  ExplainView,
  RealtimeView,
  TimelineView,
  UsageView,
} from "../../shared/views.ts";
import { type Registered, register } from "./system.ts";

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  text: string;
  body: T;
}

export interface Receipt {
  accepted: number;
  duplicates: number;
  rejected: { index: number; id: string | null; code: string; message: string }[];
}

export interface Rollup {
  start: string;
  events?: Record<string, number>;
  duplicates?: number;
  rejected?: number;
  carts?: number;
  abandoned?: number;
  orders?: number;
  recovered?: number;
  messages?: number;
  revenue?: Record<string, number>;
  recoveredRevenue?: Record<string, number>;
}

/** One HTTP exchange; the body parsed when it is JSON. */
export async function http<T = Record<string, unknown>>(url: string, init: RequestInit = {}): Promise<Answer<T>> {
  const response = await fetch(url, { redirect: "manual", ...init });
  const text = await response.text();
  const isJson = text !== "" && (response.headers.get("content-type")?.includes("json") ?? false);
  return { status: response.status, headers: response.headers, text, body: (isJson ? JSON.parse(text) : {}) as T };
}

export class Merchant {
  readonly url: string;
  readonly account: Registered;
  /** What the merchant authenticates with: the access token, or a secret key. */
  credential: string;

  constructor(url: string, account: Registered) {
    this.url = url;
    this.account = account;
    this.credential = account.accessToken;
  }

  static async register(url: string, store?: Parameters<typeof register>[1]): Promise<Merchant> {
    return new Merchant(url, await register(url, store));
  }

  /** From here on by a secret key, which outlives access tokens. */
  async useSecretKey(): Promise<void> {
    const { body } = await this.call<{ key: string }>("POST", "/v1/api-keys", {});
    this.credential = body.key;
  }

  /** A new access token: the old one is void after a change of roles. `false` when the session has ended too. */
  async renew(): Promise<boolean> {
    const { refreshToken } = this.account;
    const answer = await this.call<Registered>("POST", "/auth/refresh", { refreshToken });
    if (answer.status !== 200) return false;
    this.account.refreshToken = answer.body.refreshToken;
    this.credential = answer.body.accessToken;
    return true;
  }

  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    return http<T>(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.credential}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** A GET that must answer 200. */
  async get<T>(path: string): Promise<T> {
    const answer = await this.call<T>("GET", path);
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  async settings(patch: Record<string, unknown>): Promise<void> {
    const answer = await this.call("PATCH", `/v1/stores/${this.account.storeId}`, patch);
    if (answer.status !== 200) throw new Error(`settings: ${answer.status} ${answer.text}`);
  }

  beacon(events: unknown): Promise<Answer<Receipt>> {
    return http<Receipt>(`${this.url}/v1/events?key=${this.account.key}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(Array.isArray(events) ? { events } : events),
    });
  }

  /** A beacon all of whose events are new and good. */
  async accept(events: unknown[]): Promise<void> {
    const { status, text, body } = await this.beacon(events);
    if (status !== 202 || body.accepted !== events.length) throw new Error(`beacon: ${status} ${text}`);
  }

  cart = (id: string): Promise<CartView> => this.get(`/v1/carts/${encodeURIComponent(id)}`);
  timeline = (id: string): Promise<TimelineView> => this.get(`/v1/carts/${encodeURIComponent(id)}/timeline`);
  explain = (id: string): Promise<ExplainView> => this.get(`/v1/carts/${encodeURIComponent(id)}/explain`);
  usage = (): Promise<UsageView> => this.get("/v1/usage");
  realtime = (): Promise<RealtimeView> => this.get("/v1/analytics/realtime");
  delivery = (id: string): Promise<DeliveryView> => this.get(`/v1/deliveries/${id}`);
  carts = (query = ""): Promise<CartListItem[]> => this.#all(`/v1/carts?limit=200${query}`);
  deliveries = (query = ""): Promise<DeliveryView[]> => this.#all(`/v1/deliveries?limit=200${query}`);

  async rollups(grain = "day"): Promise<Rollup[]> {
    return (await this.get<{ items: Rollup[] }>(`/v1/analytics/rollups?grain=${grain}`)).items;
  }

  /** All pages of a list. */
  async #all<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: { items: T[]; nextCursor: string | null } = await this.get(
        path + (cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""),
      );
      items.push(...page.items);
      cursor = page.nextCursor;
    }
    return items;
  }
}

/**
 * Asks again until `check` answers something other than `false`, `null` or `undefined`; throws after the deadline. Unless
 * told how often, it asks the more seldom the longer it lasts: many tests that wait must not keep the server busy.
 */
export async function until<T>(
  what: string,
  check: () => Promise<T | false | null | undefined>,
  { within = 100_000, every }: { within?: number; every?: number } = {},
): Promise<T> {
  const began = Date.now();
  const deadline = began + within;
  let last: unknown = "nothing";
  for (;;) {
    try {
      const found = await check();
      if (found !== false && found !== null && found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(`not within ${within} ms: ${what} (${last instanceof Error ? last.message : last})`);
    const pause = every ?? Math.min(Math.max((Date.now() - began) / 10, 50), 500);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

let counter = 0;
/** An event of a cart, happening now, with an id of its own. */
export const event = (
  cartId: string,
  type: string,
  data: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
) => ({
  id: `evt-${cartId}-${++counter}`,
  type,
  version: 1,
  occurredAt: new Date().toISOString(),
  cartId,
  visitorId: `visitor-of-${cartId}`,
  data,
  ...more,
});

export const add = (
  cartId: string,
  productId: string,
  price: string,
  quantity = 1,
  more: Record<string, unknown> = {},
) =>
  event(cartId, "product_added_to_cart", {
    item: { productId, name: `Product ${productId}`, price, currency: "EUR", quantity, ...more },
  });

export const identify = (cartId: string, email: string, name?: string) =>
  event(cartId, "shopper_identified", { email, ...(name ? { name } : {}) });

export const order = (cartId: string, id: string, total: string, currency = "EUR") =>
  event(cartId, "checkout_completed", { order: { id, total, currency } });
