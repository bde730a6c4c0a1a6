/** A shop for the tests of complaints: its carts live under a clock that moves, its queues deliver to the real consumers. */
import { applyD1Migrations, type D1Migration, runDurableObjectAlarm } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterAll, beforeAll, beforeEach, vi } from "vitest";
import { shopperStub } from "../../objects/stubs.ts";
import { readLink } from "../../shared/auth/links.ts";
import type { CartNews, SendCommand } from "../../shared/events/messages.ts";
import { type Campaign, campaignSchema, type Settings } from "../../shared/policy/rules.ts";
import { MINUTE_MS } from "../../shared/time.ts";
import type { CartDeliveryView, CartView } from "../../shared/views.ts";
import type { Env } from "../../workers/env.ts";
import { consumeEvents } from "../../workers/ingest/consumer.ts";
import { consumeInterventions } from "../../workers/interventions/sender.ts";
import { add, identified } from "../support/cart-life.ts";
import { cartOf, env, HeldQueues, newStore, rowsOf, setClock, T0, type TestCart } from "./support.ts";

export const queues = new HeldQueues();

/** Once in each file. */
export function hooks(): void {
  beforeAll(async () => {
    queues.hold();
    await applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS);
  });
  afterAll(() => {
    queues.release();
    vi.useRealTimers();
  });
  beforeEach(() => setClock(T0));
}

/** A loaded machine takes its time. */
export const POLL = { timeout: 20_000 };

export const ORIGIN = "https://cw.example";

/** The Worker as the world meets it. */
export const fetchWorker = (path: string, init: RequestInit = {}): Promise<Response> =>
  (exports as unknown as { default: Fetcher }).default.fetch(ORIGIN + path, { redirect: "manual", ...init });

/** When a cart that was filled at `T0` has been left. */
export const LEFT = T0 + 31 * MINUTE_MS;
export const mailStep = (id: string, delayMinutes = 0) => ({ id, delayMinutes, channel: "email" });
export const TWO_STEPS = { name: "Two", steps: [mailStep("first"), mailStep("second", 60)] };

/** A mail as the provider was given it; `at` is when. */
export interface Mailed {
  at: number;
  to: string;
  subject: string;
  text: string;
  headers: Record<string, string>;
  deliveryId: string;
  cartId: string;
}

export class Shop {
  /** What reached the provider, in that order. */
  readonly mails: Mailed[] = [];
  /** What else happens at the provider, after it took the mail: it may fail, hang, or see the world change. */
  atProvider: (mail: Mailed) => Promise<void> = async () => undefined;
  readonly id: string;
  readonly store: TestCart["store"];
  readonly carts: TestCart[] = [];
  /** A deployment whose mail comes here. */
  readonly env: Env;

  private constructor(id: string, store: TestCart["store"]) {
    this.id = id;
    this.store = store;
    this.env = {
      ...env,
      EMAIL_PROVIDER: "send_email",
      EMAIL: { send: (mail: Omit<Mailed, "at" | "deliveryId" | "cartId">) => this.#take(mail) } as unknown as SendEmail,
    };
  }

  /** Its only campaigns are these; one mail as soon as a cart is left unless told. */
  static async open(over: Partial<Settings> = {}, campaigns?: unknown[]): Promise<Shop> {
    const { id, store } = await newStore({ baseUrl: ORIGIN, ...over });
    const shop = new Shop(id, store);
    if (campaigns) {
      const [given] = await store.campaigns();
      await store.deleteCampaign(given!.id);
      for (const campaign of campaigns) await shop.campaign(campaign);
    }
    return shop;
  }

  async campaign(input: unknown): Promise<Campaign> {
    return made(await this.store.createCampaign(campaignSchema.parse(input)));
  }

  async change(campaign: Campaign, over: object): Promise<Campaign> {
    const changed = campaignSchema.parse({ ...campaign, ...over });
    return made(await this.store.updateCampaign(campaign.id, changed, null));
  }

  async cart(id?: string): Promise<TestCart> {
    const cart = cartOf(this.id, this.store, await this.store.rules(), id);
    this.carts.push(cart);
    return cart;
  }

  profile(shopperId: string) {
    return shopperStub(env, this.id, shopperId).profile();
  }

  /** The platform until then: alarms ring in their time, and what they hand to the queues arrives at once. */
  async until(end: number, on: Env = this.env): Promise<void> {
    for (let rang = 0; ; rang++) {
      if (rang > 2_000) throw new Error("the alarms never end");
      const armed = await Promise.all(this.carts.map(async (cart) => ({ cart, at: (await rowsOf(cart.stub)).alarm })));
      const next = armed
        .filter((a): a is { cart: TestCart; at: number } => a.at !== null && a.at <= end)
        .sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      setClock(Math.max(Date.now(), next.at));
      await runDurableObjectAlarm(next.cart.stub);
      await this.deliver(queues.takeCommands(next.cart.id), on);
      await this.tell();
    }
    setClock(Math.max(Date.now(), end));
  }

  /** Until then nothing is delivered: what the alarms handed to the queue is returned. */
  async commandsAt(at: number, cart: TestCart): Promise<SendCommand[]> {
    setClock(at);
    await runDurableObjectAlarm(cart.stub);
    return queues.takeCommands(cart.id);
  }

  /** One batch of the queue `interventions`. What became of each message: `ack` or `retry`. */
  async deliver(commands: SendCommand[], on: Env = this.env): Promise<string[]> {
    const said = commands.map(() => "");
    const messages = commands.map((body, i) => ({
      ...{ id: String(i), body: structuredClone(body), attempts: 1, timestamp: new Date() },
      ack: () => said.splice(i, 1, "ack"),
      retry: () => said.splice(i, 1, "retry"),
    }));
    if (messages.length > 0)
      await consumeInterventions({ queue: "interventions", messages } as unknown as MessageBatch<SendCommand>, on);
    return said;
  }

  /** What the carts told goes to the index and to the store, twice, as queues do. */
  async tell(): Promise<void> {
    const news = this.carts.flatMap((cart) => queues.take(cart.id));
    const messages = [...news, ...news].map((body) => ({
      ...{ body, attempts: 1, timestamp: new Date() },
      ack: () => undefined,
      retry: () => {
        throw new Error("the news were not taken");
      },
    }));
    if (messages.length > 0) await consumeEvents({ messages } as unknown as MessageBatch<CartNews>, env);
  }

  mailsOf = (cart: TestCart): Mailed[] => this.mails.filter((mail) => mail.cartId === cart.id);

  async #take(given: Omit<Mailed, "at" | "deliveryId" | "cartId">): Promise<void> {
    const claims = await readLink(tokenIn(given.text, "r"), "r", env.LINK_SECRET, Date.now());
    if (!claims) throw new Error("a mail without its recovery link");
    const mail = { ...given, at: Date.now(), deliveryId: claims.delivery, cartId: claims.cart };
    this.mails.push(mail);
    await this.atProvider(mail);
  }
}

/** A cart with a mug and an address in it. */
export async function filled(shop: Shop, email = "ada@example.com", at = T0, id?: string): Promise<TestCart> {
  const cart = await shop.cart(id);
  setClock(at);
  await cart.beacon(add(at), identified(at, email));
  return cart;
}

function made<T>(result: { ok: true; value: T } | { ok: false; reason: string }): T {
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}

export async function viewOf({ cart }: TestCart): Promise<CartView> {
  return made(await cart.view());
}

export const deliveriesOf = async (cart: TestCart): Promise<CartDeliveryView[]> => (await viewOf(cart)).deliveries;
export const statusesOf = async (cart: TestCart): Promise<string[]> => (await deliveriesOf(cart)).map((d) => d.status);
export const reasonsOf = (delivery: CartDeliveryView | undefined): (string | undefined)[] =>
  (delivery?.statusHistory ?? []).map((entry) => entry.reason);

/** The token of the link of this kind in a mail's text. */
export function tokenIn(text: string, kind: "r" | "u"): string {
  const token = new RegExp(`/${kind}/([\\w.-]+)`).exec(text)?.[1];
  if (!token) throw new Error(`no /${kind}/ link in: ${text}`);
  return token.replace(/\.$/, "");
}

/** A binding whose actors' methods can be intercepted: `around` may answer itself, or let the call through. */
export function intercepted<N extends object>(
  namespace: N,
  around: (method: string, call: () => Promise<unknown>, name: string, args: unknown[]) => Promise<unknown>,
): N {
  const byName = (name: string): object => {
    const stub = (namespace as unknown as { getByName(name: string): object }).getByName(name);
    return new Proxy(stub, {
      get: (_, method) => {
        const found: unknown = Reflect.get(stub, method);
        if (typeof method !== "string" || typeof found !== "function") return found;
        return (...args: unknown[]) =>
          around(method, () => Reflect.apply(found, stub, args) as Promise<unknown>, name, args);
      },
    });
  };
  return { getByName: byName } as unknown as N;
}

/** The deliveries that the local outbox keeps. */
export async function outboxOf(storeId: string): Promise<string[]> {
  const { results } = await env.DB.prepare("SELECT delivery_id AS id FROM outbox WHERE store_id = ?")
    .bind(storeId)
    .all<{ id: string }>();
  return results.map(({ id }) => id);
}

export interface Restored {
  status: number;
  cartId?: string;
  items?: { productId: string; variantId: string | null; quantity: number; price: { amount: string } }[];
  detail?: string;
  code?: string;
}
/** What the snippet of a device is given by the link. */
export async function restore(token: string): Promise<Restored> {
  const response = await fetchWorker(`/r/${token}/cart`);
  return { ...(await response.json<Omit<Restored, "status">>()), status: response.status };
}

export const lines = ({ items = [] }: Restored) =>
  items.map(({ productId, variantId, quantity, price }) => [productId, variantId, quantity, price.amount]);
