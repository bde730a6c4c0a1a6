/**
 * The JSON shapes that the merchant surface answers with (API.md): the types of what is sent, and the schemas in the
 * OpenAPI document. Times are ISO 8601 UTC, money is `{ amount, currency }`.
 */
import * as z from "zod";
import { TRIGGERS } from "./policy/rules.ts";

const time = z.iso.datetime().describe("ISO 8601, UTC");
const timeOrNull = time.nullable();
const probability = z.number().min(0).max(1);
const count = z.number().int().min(0);

export const moneyView = z
  .object({ amount: z.string().describe("A decimal, e.g. 12.30"), currency: z.string().describe("ISO 4217") })
  .meta({ id: "Money" });

export const cartStatus = z
  .enum(["active", "abandoned", "recovering", "purchased", "recovered", "expired", "merged"])
  .meta({ id: "CartStatus" });
export type CartStatus = z.infer<typeof cartStatus>;

export const deliveryStatus = z
  .enum([
    "scheduled",
    "claimed",
    "sent",
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "complained",
    "failed",
    "cancelled",
    "suppressed",
    "raced",
    "unknown",
  ])
  .meta({ id: "DeliveryStatus" });
export type DeliveryStatus = z.infer<typeof deliveryStatus>;

export const channel = z.enum(["email", "sms", "push", "onsite"]);
export type Channel = z.infer<typeof channel>;

const itemView = z
  .object({
    productId: z.string(),
    variantId: z.string().nullable(),
    name: z.string().nullable(),
    price: moneyView,
    quantity: count,
    total: moneyView,
    url: z.string().nullable(),
    imageUrl: z.string().nullable(),
    category: z.string().nullable(),
  })
  .meta({ id: "CartItem" });
export type ItemView = z.infer<typeof itemView>;

export const predictionView = z
  .object({
    abandonmentRisk: probability.describe("Probability that the cart is left behind"),
    purchaseProbability: probability.describe("Probability that it ends in an order; the two sum to 1"),
    model: z.string(),
    reasons: z
      .array(
        z.object({ feature: z.string(), value: z.number(), effect: z.number().describe("Log-odds of a purchase") }),
      )
      .describe("The features that moved the figure most, strongest first"),
    at: time,
  })
  .meta({ id: "Prediction" });
export type PredictionView = z.infer<typeof predictionView>;

const cartBase = z.object({
  id: z.string(),
  status: cartStatus,
  version: count.describe("Grows with each change"),
  itemCount: count,
  total: moneyView.nullable(),
  shopper: z.object({ id: z.string(), email: z.string().nullable(), name: z.string().nullable() }),
  createdAt: time,
  lastActivityAt: time,
  abandonedAt: timeOrNull,
  recoveredAt: timeOrNull,
});

/** A row of `GET /v1/carts` and the payload of the `carts` topic. */
export const cartListItem = cartBase.extend({ abandonmentRisk: probability }).meta({ id: "CartListItem" });
export type CartListItem = z.infer<typeof cartListItem>;

const attributionModel = z
  .enum(["last_click", "last_open", "last_touch", "first_click", "first_open", "first_touch"])
  .describe("The last (or first) message within the window that was clicked, else opened, else sent");

const statusHistory = z.array(z.object({ status: deliveryStatus, at: time, reason: z.string().optional() }));

const cartDeliveryView = z.object({
  id: z.string(),
  campaignId: z.string(),
  stepId: z.string(),
  variantId: z.string().nullable(),
  channel,
  status: deliveryStatus,
  dueAt: timeOrNull,
  statusHistory,
});
export type CartDeliveryView = z.infer<typeof cartDeliveryView>;

const journeyView = z.object({
  campaignId: z.string(),
  campaignName: z.string(),
  trigger: z.enum(TRIGGERS),
  version: count,
  enteredAt: time,
  exit: z.string().nullable().describe("Why it ended before its last step"),
});

export const cartView = cartBase
  .extend({
    generation: count.describe("How often the cart was begun anew after an order"),
    items: z.array(itemView),
    prediction: predictionView,
    journey: journeyView.nullable().describe("The one entered last"),
    journeys: z.array(journeyView).describe("At most one for each trigger"),
    timers: z.array(z.object({ name: z.string(), at: time })),
    deliveries: z.array(cartDeliveryView),
    order: z.object({ id: z.string(), total: moneyView, at: time }).optional(),
    attribution: z.object({ campaignId: z.string(), deliveryId: z.string(), model: attributionModel }).optional(),
  })
  .meta({ id: "Cart" });
export type CartView = z.infer<typeof cartView>;

export const deliveryView = z
  .object({
    id: z.string(),
    cartId: z.string(),
    shopperId: z.string(),
    campaignId: z.string(),
    stepId: z.string(),
    variantId: z.string().nullable(),
    channel,
    provider: z.string().nullable(),
    status: deliveryStatus,
    statusHistory,
    scheduledAt: timeOrNull,
    claimedAt: timeOrNull,
    sentAt: timeOrNull,
    to: z.string().nullable().describe("In full only with `shoppers:read`"),
    subject: z.string().nullish(),
    html: z.string().nullish(),
    text: z.string().nullish().describe("Of mail and SMS"),
    title: z.string().nullish().describe("Of push, as `body` and `imageUrl`"),
    body: z.string().nullish(),
    imageUrl: z.string().nullish(),
    recoveryUrl: z.string().nullish(),
    unsubscribeUrl: z.string().nullish(),
  })
  .meta({ id: "Delivery" });
export type DeliveryView = z.infer<typeof deliveryView>;

const timelineEntry = z.object({
  seq: count,
  at: time,
  kind: z.enum(["event", "decision", "delivery"]).describe("The shopper did, the cart decided, or a message moved"),
  code: z.string().describe("Stable: the event type, or a reason such as `idle`"),
  text: z.string().describe("For people"),
  deliveryId: z.string().optional(),
});
export type TimelineEntry = z.infer<typeof timelineEntry>;

export const timelineView = z
  .object({
    id: z.string(),
    complete: z.boolean().describe("False when the oldest part was compacted away"),
    items: z.array(timelineEntry).describe("Oldest first"),
  })
  .meta({ id: "Timeline" });
export type TimelineView = z.infer<typeof timelineView>;

export const explainView = z
  .object({
    id: z.string(),
    consistent: z.boolean().describe("Every decision came out of the log as it did then"),
    cart: cartView.describe("The cart as it was at that time"),
    decisions: z.array(
      z.object({
        seq: count,
        at: time,
        command: z.string(),
        status: cartStatus,
        total: z.number().int().describe("Minor units"),
        notes: z.array(z.object({ code: z.string(), text: z.string(), deliveryId: z.string().optional() })),
        confirmed: z.boolean(),
        prediction: z
          .object({ purchaseProbability: probability, model: z.string() })
          .optional()
          .describe("What was predicted then, and by which version"),
      }),
    ),
  })
  .meta({ id: "Explanation" });
export type ExplainView = z.infer<typeof explainView>;

export const orderSignal = z
  .enum(["ok", "none_yet", "signal_loss"])
  .describe(
    "Whether the store tells of its orders. `signal_loss`: no more, so messages are paused; `none_yet`: it never did",
  );
export type OrderSignal = z.infer<typeof orderSignal>;

export const orderSignalView = z
  .object({
    signal: orderSignal,
    since: timeOrNull.describe("Since when it counts as lost"),
    why: z
      .enum(["payments", "silence"])
      .nullable()
      .describe("Payments without an order, or a silence that the store's habits make improbable"),
    overriddenUntil: timeOrNull.describe("Until then messages go out whatever the signal is"),
  })
  .meta({ id: "OrderSignal" });
export type OrderSignalView = z.infer<typeof orderSignalView>;

export const realtimeView = z
  .object({
    activeCarts: count,
    abandonedCarts: count,
    recoveringCarts: count,
    recoveredCarts: count,
    purchasedCarts: count,
    expiredCarts: count,
    revenueAtRisk: moneyView.describe("Value of the carts now abandoned or recovering"),
    recoveredRevenue: moneyView,
    purchasedRevenue: moneyView,
    eventsPerMinute: z.number(),
    eventsByMinute: z.array(count).describe("Accepted events in each of the last 30 minutes, oldest first"),
    orderSignal,
    at: time,
  })
  .meta({ id: "Realtime" });
export type RealtimeView = z.infer<typeof realtimeView>;

export interface CartDeliveryNews extends CartDeliveryView {
  cartId: string;
}

/** Frames of `GET /ws`: `{ type, payload, timestamp?, id? }`. Topic news arrive as `notification`. */
export type TopicNews =
  | { topic: "carts"; carts: CartListItem[] }
  | { topic: "metrics"; metrics: RealtimeView }
  | { topic: "deliveries"; deliveries: CartDeliveryNews[] }
  | { topic: "system"; message: string };

export const usageView = z
  .object({
    events: z.object({ accepted: count, duplicates: count, rejected: count }),
    byType: z.record(z.string(), count).describe("Accepted events by type"),
    carts: count,
    orders: count,
    messages: count,
    rowsWritten: count.describe("By the carts"),
    since: time,
  })
  .meta({ id: "Usage" });
export type UsageView = z.infer<typeof usageView>;

export const role = z.enum(["admin", "store_owner", "api_user", "customer"]).meta({ id: "Role" });

const storeOfUser = z.object({
  id: z.string(),
  name: z.string(),
  currency: z.string(),
  url: z.string(),
  timezone: z.string(),
  role,
});

export const userView = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string().nullable(),
    role: role.describe("In the store of the session"),
    storeId: z.string().describe("The store of the session"),
    permissions: z.array(z.string()),
    mfaEnabled: z.boolean(),
    lastLoginAt: timeOrNull,
    stores: z.array(storeOfUser).describe("All stores the user belongs to"),
  })
  .meta({ id: "User" });
export type UserView = z.infer<typeof userView>;

export const sessionView = z
  .object({
    accessToken: z.string(),
    refreshToken: z.string(),
    expiresIn: count.describe("Seconds the access token lives"),
    user: userView,
  })
  .meta({ id: "Session" });
export type SessionView = z.infer<typeof sessionView>;

export const stepView = z
  .object({
    requiresMfa: z.literal(true),
    mfaToken: z.string().describe("For `/auth/mfa/verify`, within five minutes"),
  })
  .meta({ id: "SecondStep" });

export const openSessionView = z
  .object({
    id: z.string(),
    createdAt: time,
    lastUsedAt: time,
    address: z.string().nullable(),
    userAgent: z.string().nullable(),
    current: z.boolean().describe("The session that asks"),
    store: z.object({ id: z.string(), name: z.string() }),
  })
  .meta({ id: "OpenSession" });
export type OpenSessionView = z.infer<typeof openSessionView>;

/** `{ items, nextCursor }`. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable().describe("`null` on the last page") });
