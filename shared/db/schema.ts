/** D1: what is relational and asked across actors. Written from queue consumers and admin routes, never by a beacon. */
import { index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

export const users = sqliteTable("users", {
  id: text("id").primaryKey(),
  email: text("email").notNull().unique(),
  name: text("name"),
  passwordHash: text("password_hash").notNull(),
  createdAt: integer("created_at").notNull(),
  lastLoginAt: integer("last_login_at"),
  /** Wrong passwords or codes in a row; each beyond the free ones doubles the lock. */
  failedLogins: integer("failed_logins").notNull().default(0),
  lockedUntil: integer("locked_until"),
  /** The TOTP secret, sealed; it counts from `mfaEnabledAt` on. */
  mfaSecret: text("mfa_secret"),
  mfaEnabledAt: integer("mfa_enabled_at"),
  /** The time step of the last code that was accepted: no code is taken twice. */
  mfaLastStep: integer("mfa_last_step"),
});

/** One-time codes for who has lost the second factor. Only hashes; a used one is deleted. */
export const recoveryCodes = sqliteTable(
  "recovery_codes",
  {
    userId: text("user_id").notNull(),
    hash: text("hash").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.hash] })],
);

export const stores = sqliteTable("stores", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  url: text("url").notNull(),
  currency: text("currency").notNull(),
  timezone: text("timezone").notNull(),
  createdAt: integer("created_at").notNull(),
});

export const members = sqliteTable(
  "members",
  {
    storeId: text("store_id").notNull(),
    userId: text("user_id").notNull(),
    role: text("role").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.storeId, t.userId] }), index("members_by_user").on(t.userId)],
);

/** An offer to join a store. Its token is derived from the id and a secret: nothing here lets anybody in. */
export const invitations = sqliteTable(
  "invitations",
  {
    id: text("id").primaryKey(),
    storeId: text("store_id").notNull(),
    email: text("email").notNull(),
    role: text("role").notNull(),
    invitedBy: text("invited_by").notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at").notNull(),
    acceptedAt: integer("accepted_at"),
    revokedAt: integer("revoked_at"),
  },
  (t) => [index("invitations_by_store").on(t.storeId, t.createdAt)],
);

/**
 * Mails about an account, sent once each: the row comes first, the queue only hints at it. `data` holds no secret; links
 * are made when the mail is rendered.
 */
export const accountMails = sqliteTable(
  "account_mails",
  {
    id: text("id").primaryKey(),
    kind: text("kind").notNull(),
    recipient: text("recipient").notNull(),
    userId: text("user_id"),
    storeId: text("store_id"),
    data: text("data").notNull(),
    status: text("status").notNull(),
    attempts: integer("attempts").notNull().default(0),
    createdAt: integer("created_at").notNull(),
    /** When it is tried next; `null` once it is sent or given up. */
    dueAt: integer("due_at"),
    sentAt: integer("sent_at"),
    reason: text("reason"),
    /** The link in it, once followed to its end, works no more. */
    usedAt: integer("used_at"),
    expiresAt: integer("expires_at").notNull(),
  },
  (t) => [index("account_mails_due").on(t.dueAt), index("account_mails_by_user").on(t.userId, t.createdAt)],
);

/** Who did what to which object, from where. Rows are only added, and swept after 90 days. */
export const auditLog = sqliteTable(
  "audit_log",
  {
    id: text("id").primaryKey(),
    storeId: text("store_id").notNull(),
    at: integer("at").notNull(),
    /** `user`, `key` or `system`. */
    actorKind: text("actor_kind").notNull(),
    actorId: text("actor_id"),
    actorEmail: text("actor_email"),
    action: text("action").notNull(),
    objectKind: text("object_kind").notNull(),
    objectId: text("object_id"),
    address: text("address"),
    userAgent: text("user_agent"),
    requestId: text("request_id"),
    before: text("before"),
    after: text("after"),
  },
  (t) => [index("audit_by_time").on(t.storeId, t.at), index("audit_sweep").on(t.at)],
);

/** Answers to writes that came with an `Idempotency-Key`, kept a day. */
export const idempotencyKeys = sqliteTable(
  "idempotency_keys",
  {
    subject: text("subject").notNull(),
    key: text("key").notNull(),
    /** Hash of method, path and body: the same key with another request is a mistake. */
    fingerprint: text("fingerprint").notNull(),
    createdAt: integer("created_at").notNull(),
    status: integer("status"),
    headers: text("headers"),
    body: text("body"),
  },
  (t) => [primaryKey({ columns: [t.subject, t.key] }), index("idempotency_sweep").on(t.createdAt)],
);

/** Secret keys only as hashes; publishable ones in full, for they stand in every page of the shop. */
export const apiKeys = sqliteTable(
  "api_keys",
  {
    id: text("id").primaryKey(),
    storeId: text("store_id").notNull(),
    kind: text("kind").notNull(),
    hash: text("hash").notNull(),
    shown: text("shown").notNull(),
    scopes: text("scopes").notNull(),
    createdAt: integer("created_at").notNull(),
    revokedAt: integer("revoked_at"),
    name: text("name"),
    expiresAt: integer("expires_at"),
    /** To the hour: a row is written no more often. */
    lastUsedAt: integer("last_used_at"),
    /** JSON array; empty: wherever the store allows. */
    allowedOrigins: text("allowed_origins").notNull().default("[]"),
    /** The key that takes its place; this one works until `expiresAt`. */
    rotatedTo: text("rotated_to"),
    /** The user who made it, by themselves or through a key of theirs; `null`: made before this was kept. */
    createdBy: text("created_by"),
  },
  (t) => [uniqueIndex("api_keys_by_hash").on(t.hash), index("api_keys_by_store").on(t.storeId)],
);

/** Refresh tokens: rotated at each use; a used one that comes again revokes its whole family. */
export const sessions = sqliteTable(
  "sessions",
  {
    hash: text("hash").primaryKey(),
    family: text("family").notNull(),
    userId: text("user_id").notNull(),
    storeId: text("store_id").notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at").notNull(),
    usedAt: integer("used_at"),
    revokedAt: integer("revoked_at"),
    /** Where it was last used from, for its owner to recognise. */
    address: text("address"),
    userAgent: text("user_agent"),
  },
  (t) => [index("sessions_by_family").on(t.family), index("sessions_by_user").on(t.userId)],
);

/** An index of carts; the truth is in the actors. */
export const carts = sqliteTable(
  "carts",
  {
    storeId: text("store_id").notNull(),
    id: text("id").notNull(),
    incarnation: integer("incarnation").notNull(),
    version: integer("version").notNull(),
    status: text("status").notNull(),
    itemCount: integer("item_count").notNull(),
    totalMinor: integer("total_minor").notNull(),
    currency: text("currency"),
    shopperId: text("shopper_id").notNull(),
    email: text("email"),
    name: text("name"),
    risk: real("risk").notNull(),
    createdAt: integer("created_at").notNull(),
    lastActivityAt: integer("last_activity_at").notNull(),
    abandonedAt: integer("abandoned_at"),
    recoveredAt: integer("recovered_at"),
    orderId: text("order_id"),
  },
  (t) => [
    primaryKey({ columns: [t.storeId, t.id] }),
    index("carts_by_time").on(t.storeId, t.createdAt),
    index("carts_by_shopper").on(t.storeId, t.shopperId, t.createdAt),
  ],
);

export const deliveries = sqliteTable(
  "deliveries",
  {
    storeId: text("store_id").notNull(),
    id: text("id").notNull(),
    cartId: text("cart_id").notNull(),
    version: integer("version").notNull().default(0),
    shopperId: text("shopper_id").notNull(),
    campaignId: text("campaign_id").notNull(),
    stepId: text("step_id").notNull(),
    variantId: text("variant_id"),
    channel: text("channel").notNull(),
    provider: text("provider"),
    status: text("status").notNull(),
    history: text("history").notNull(),
    scheduledAt: integer("scheduled_at").notNull(),
    claimedAt: integer("claimed_at"),
    sentAt: integer("sent_at"),
  },
  (t) => [
    primaryKey({ columns: [t.storeId, t.id] }),
    index("deliveries_by_time").on(t.storeId, t.scheduledAt),
    index("deliveries_by_cart").on(t.storeId, t.cartId),
  ],
);

/** The rendered message, kept by the `outbox` provider. Its key is the idempotency key. */
export const outbox = sqliteTable(
  "outbox",
  {
    storeId: text("store_id").notNull(),
    deliveryId: text("delivery_id").notNull(),
    at: integer("at").notNull(),
    /** An address or a number; a device only by its service and a hash. */
    recipient: text("recipient").notNull(),
    /** Of a push message its title; its body is `text`. */
    subject: text("subject").notNull(),
    html: text("html").notNull(),
    text: text("text").notNull(),
    recoveryUrl: text("recovery_url").notNull(),
    unsubscribeUrl: text("unsubscribe_url").notNull(),
    channel: text("channel").notNull().default("email"),
    imageUrl: text("image_url"),
  },
  (t) => [primaryKey({ columns: [t.storeId, t.deliveryId] })],
);

/** Who was written to at a phone number (its hash): a reply names nothing else. Swept 400 days after the last message. */
export const smsNumbers = sqliteTable(
  "sms_numbers",
  {
    storeId: text("store_id").notNull(),
    number: text("number").notNull(),
    shopperId: text("shopper_id").notNull(),
    at: integer("at").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.storeId, t.number, t.shopperId] }),
    index("sms_numbers_by_shopper").on(t.storeId, t.shopperId),
    index("sms_numbers_sweep").on(t.at),
  ],
);

/** Recovery links for SMS, where each character is paid. Only the token's hash: nothing here opens a cart. Swept when the link has ended. */
export const shortLinks = sqliteTable(
  "short_links",
  {
    hash: text("hash").primaryKey(),
    storeId: text("store_id").notNull(),
    cartId: text("cart_id").notNull(),
    generation: integer("generation").notNull(),
    deliveryId: text("delivery_id").notNull(),
    at: integer("at").notNull(),
  },
  (t) => [index("short_links_sweep").on(t.at)],
);

/** Replies of STOP and START that were obeyed: a recording of one, played again, changes nothing. */
export const smsReplies = sqliteTable(
  "sms_replies",
  {
    storeId: text("store_id").notNull(),
    /** The provider's name for the reply. */
    id: text("id").notNull(),
    at: integer("at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.storeId, t.id] }), index("sms_replies_sweep").on(t.at)],
);

export const templates = sqliteTable(
  "templates",
  {
    storeId: text("store_id").notNull(),
    id: text("id").notNull(),
    name: text("name").notNull(),
    channel: text("channel").notNull(),
    locale: text("locale").notNull(),
    subject: text("subject").notNull(),
    html: text("html").notNull(),
    text: text("text").notNull(),
    version: integer("version").notNull(),
    updatedAt: integer("updated_at").notNull(),
    /** JSON: the same message in other languages, `{ subject, html, text }` by locale. */
    translations: text("translations").notNull().default("{}"),
  },
  (t) => [primaryKey({ columns: [t.storeId, t.id] })],
);

/** A store's own ways to send; `credentials` are sealed. In the order of `position`, the next takes what one refuses. */
export const providers = sqliteTable(
  "providers",
  {
    id: text("id").primaryKey(),
    storeId: text("store_id").notNull(),
    channel: text("channel").notNull(),
    kind: text("kind").notNull(),
    position: integer("position").notNull(),
    fromName: text("from_name"),
    /** Empty but for mail. */
    fromEmail: text("from_email").notNull(),
    /** JSON: what is no secret, such as a region. */
    settings: text("settings").notNull(),
    credentials: text("credentials").notNull(),
    /** The last characters of the main credential, for people to know it again. */
    hint: text("hint").notNull(),
    enabled: integer("enabled").notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    version: integer("version").notNull(),
  },
  (t) => [index("providers_by_store").on(t.storeId, t.channel, t.position)],
);

/** What a queue gave up on. Repaired and replayed by hand. */
export const failedEvents = sqliteTable("failed_events", {
  id: text("id").primaryKey(),
  storeId: text("store_id"),
  queue: text("queue").notNull(),
  body: text("body").notNull(),
  at: integer("at").notNull(),
});
