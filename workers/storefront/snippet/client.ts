import { isPassive, mayObserve, rememberConsent } from "./consent.ts";
import type { Identity } from "./identity.ts";
import { randomId } from "./identity.ts";
import type { Queue } from "./queue.ts";
import type { Transport } from "./transport.ts";
import type {
  Clock,
  ConsentInput,
  EventContext,
  IdentityInput,
  ItemInput,
  OrderInput,
  OutgoingEvent,
  RestoredCart,
  Store,
} from "./types.ts";

const PASSIVE_DELAY_MS = 1_000;
/** Long enough for an add and the snapshot after it to share a request, too short to be noticed. */
const URGENT_DELAY_MS = 25;
const FULL_AT = 10;

const STEPS: Record<string, string> = {
  start: "checkout_started",
  contact: "checkout_contact_info_submitted",
  address: "checkout_address_info_submitted",
  shipping: "checkout_shipping_info_submitted",
  payment: "payment_info_submitted",
  failed: "payment_failed",
};

type Handler = (detail: never) => void;
// biome-ignore lint/suspicious/noExplicitAny: the page calls with whatever it has; each command checks what it needs
export type Commands = Record<string, (...args: any[]) => unknown>;

export interface ClientDeps {
  identity: Identity;
  queue: Queue;
  transport: Pick<Transport, "schedule">;
  clock: Clock;
  store: Store;
  context: () => EventContext;
  globalPrivacyControl: () => boolean;
  /** What else hears of a step of the checkout, and of an order. */
  onStep?: (step: string) => void;
  onOrder?: () => void;
}

export type Client = ReturnType<typeof createClient>;

/** The commands of `cartwake(command, …)`, over a queue and who is shopping. Knows no DOM. */
export function createClient({
  identity,
  queue,
  transport,
  clock,
  store,
  context,
  globalPrivacyControl,
  onStep,
  onOrder,
}: ClientDeps) {
  const handlers: Record<string, Handler[]> = {};
  let restored: RestoredCart | null = null;
  let lastAt = 0;
  let lastIdentity = "";

  function record(type: string, data: object = {}, cartId?: string): void {
    if (isPassive(type) && !mayObserve(store, globalPrivacyControl())) return;
    // Strictly increasing, so that a snapshot is never taken for simultaneous with the add before it.
    lastAt = Math.max(clock.now(), lastAt + 1);
    const event: OutgoingEvent = {
      id: randomId(clock.random),
      type,
      version: 1,
      occurredAt: new Date(lastAt).toISOString(),
      cartId: cartId ?? identity.cartId(),
      visitorId: identity.visitorId(),
      sessionId: identity.sessionId(),
      data: data as Record<string, unknown>,
      context: context(),
    };
    queue.add(event);
    // Who is about to leave must be answered now.
    const patient = isPassive(type) && type !== "exit_intent_detected" && queue.size() < FULL_AT;
    transport.schedule(patient ? PASSIVE_DELAY_MS : URGENT_DELAY_MS);
  }

  function emit(name: string, detail: unknown): void {
    for (const handler of handlers[name] ?? []) call(handler, detail);
  }

  const commands: Commands = {
    track: (type: string, data?: object) => typeof type === "string" && record(type, data),
    add(item: ItemInput) {
      identity.openCart();
      record("product_added_to_cart", { item: { quantity: 1, ...clean(item) } });
    },
    remove: (item: ItemInput) => record("product_removed_from_cart", { item: clean(item) }),
    view: (item: ItemInput) => record("product_viewed", { item: clean(item) }),
    cart(items: ItemInput[], revision?: number) {
      // Shops empty the basket once it is ordered; that is not the shopper changing her mind.
      if (!items.length && identity.cartIsOrdered()) return;
      identity.openCart();
      record("cart_updated", { items: items.map(clean), revision });
    },
    checkout(step = "start", data?: object) {
      const type = STEPS[step];
      if (!type) return;
      if (step === "start") identity.openCart();
      record(type, data);
      onStep?.(step);
    },
    order(order: OrderInput) {
      const id = String(order.id);
      if (!identity.closeCart(id)) return;
      record("checkout_completed", { order: { ...order, id, items: order.items?.map(clean) } });
      onOrder?.();
    },
    identify(who: IdentityInput) {
      // A field's change event fires more often than its value changes.
      const said = JSON.stringify(who) + identity.cartId();
      if (said === lastIdentity) return;
      lastIdentity = said;
      record("shopper_identified", who);
    },
    consent(consent: ConsentInput, { text }: { text?: string } = {}) {
      rememberConsent(store, consent);
      if (!mayObserve(store, globalPrivacyControl())) queue.drop((event) => isPassive(event.type));
      record("consent_updated", { ...consent, text });
    },
    on(name: string, handler: Handler) {
      if (typeof handler !== "function") return;
      handlers[name] = [...(handlers[name] ?? []), handler];
      if (name === "restore" && restored) call(handler, restored);
    },
    cartId(then?: (id: string) => void) {
      const id = identity.cartId();
      if (then) call(then as Handler, id);
      return id;
    },
  };

  return {
    record,
    emit,
    /** Runs one command. Never throws: a tracking script must not break a shop. */
    run(name: string, args: unknown[]): unknown {
      try {
        return Object.keys(commands).includes(name) ? commands[name]!(...args) : undefined;
      } catch {
        return undefined;
      }
    },
    /** Continues the cart of a recovery link. A cart without items is over (ordered, expired): the click counts, the basket stays. */
    restore(cart: RestoredCart): boolean {
      const alive = cart.items.length > 0;
      if (alive) identity.adoptCart(cart.cartId);
      record("message_clicked", { deliveryId: cart.deliveryId ?? undefined }, cart.cartId);
      if (!alive) return false;
      restored = cart;
      emit("restore", cart);
      return true;
    },
  };
}

/** Shops number their products; the protocol names them. Nulls are left out. */
function clean(item: ItemInput): Record<string, unknown> {
  const fields = Object.entries(item).filter(([, value]) => value != null);
  return Object.fromEntries(fields.map(([name, value]) => [name, /Id$/.test(name) ? String(value) : value]));
}

/** A handler's error is the page's own: reported as such, and no reason to skip the next handler. */
function call(handler: Handler, detail: unknown): void {
  try {
    handler(detail as never);
  } catch (error) {
    globalThis.reportError?.(error);
  }
}
