/** `/v1/shoppers*`: who a shopper is, what they consented to and what was sent to them, from their actor; their carts from the index. */
import * as z from "zod";
import { shopperStub } from "../../../objects/stubs.ts";
import { json } from "../../../shared/http.ts";
import { shopperIdOf } from "../../../shared/ids.ts";
import { MESSAGE_CHANNELS } from "../../../shared/policy/rules.ts";
import { iso } from "../../../shared/time.ts";
import { cartStatus, pageOf } from "../../../shared/views.ts";
import { notFound } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";

const channels = z.enum(MESSAGE_CHANNELS);
const time = z.iso.datetime().describe("ISO 8601, UTC");

const consentView = z
  .object({
    value: z.enum(["granted", "denied"]),
    at: time,
    source: z.enum(["storefront", "shopper", "merchant", "provider"]).optional().describe("Who told"),
    url: z.string().optional().describe("The page on which it was said"),
    text: z.string().optional().describe("The words that the shopper agreed to, or declined"),
  })
  .meta({ id: "Consent" });

const suppressionView = z
  .object({ reason: z.string().describe("unsubscribed, stop, bounced, complained"), at: time })
  .meta({ id: "Suppression" });

const shopperView = z
  .object({
    id: z.string().describe("Another than the one asked for, when that visitor turned out to be this shopper"),
    email: z.string().nullable(),
    phone: z.string().nullable(),
    push: z.boolean().describe("Some device of theirs takes push messages"),
    name: z.string().nullable(),
    timezone: z.string().nullable(),
    consent: z.record(z.string(), consentView).describe("The latest word, by channel"),
    consentHistory: z
      .array(consentView.extend({ channel: z.string() }))
      .describe("Who said what, when and where: the latest 50, oldest first"),
    suppressed: z.record(z.string(), suppressionView).describe("Channels that are never used again, and why"),
    answered: z
      .record(z.string(), z.object({ deliveryId: z.string(), at: time }))
      .describe("The last message that was clicked, by channel"),
    sends: z
      .array(z.object({ deliveryId: z.string(), channel: channels, status: z.enum(["reserved", "sent"]), at: time }))
      .describe("The latest 50 messages, oldest first"),
    waiting: z
      .array(z.object({ deliveryId: z.string(), priority: z.number(), until: time }))
      .describe("Messages that are held back, the next one first"),
    carts: z
      .array(z.object({ id: z.string(), status: cartStatus, createdAt: time, lastActivityAt: time }))
      .describe("The latest 50"),
  })
  .meta({ id: "Shopper" });

const MAX_LISTED = 50;
/** D1 binds a hundred values: of more devices the carts are not listed here. */
const MAX_NAMES = 50;

interface CartRow {
  id: string;
  status: z.infer<typeof cartStatus>;
  created_at: number;
  last_activity_at: number;
}

/** The shopper, or `null` when neither an actor nor a cart knows of them. Asking creates nothing. */
async function find({ env, principal }: MemberCall, id: string): Promise<z.infer<typeof shopperView> | null> {
  const profile = await shopperStub(env, principal.storeId, id).profile();
  const names = [...new Set([profile.id, id, ...profile.adopted.slice(-MAX_NAMES)])];
  const { results } = await env.DB.prepare(
    `SELECT id, status, created_at, last_activity_at FROM carts
     WHERE store_id = ? AND shopper_id IN (${names.map(() => "?").join(", ")}) ORDER BY created_at DESC LIMIT ?`,
  )
    .bind(principal.storeId, ...names, MAX_LISTED)
    .all<CartRow>();
  if (!profile.isKnown && results.length === 0) return null;
  const { email, phone, push, name, timezone } = profile;
  return {
    ...{ id: profile.id, email, phone, push, name, timezone },
    consent: mapped(profile.consent, timed),
    consentHistory: profile.history.map(timed),
    suppressed: mapped(profile.suppressed, timed),
    answered: mapped(profile.answered, timed),
    sends: profile.sends
      .slice(-MAX_LISTED)
      .map(({ deliveryId, channel, status, at }) => ({ deliveryId, channel, status, at: iso(at) })),
    waiting: profile.wishes
      .slice(0, MAX_LISTED)
      .map(({ deliveryId, priority, until }) => ({ deliveryId, priority, until: iso(until) })),
    carts: results.map((row) => ({
      id: row.id,
      status: row.status,
      createdAt: iso(row.created_at),
      lastActivityAt: iso(row.last_activity_at),
    })),
  };
}

const timed = <T extends { at: number }>({ at, ...rest }: T) => ({ ...rest, at: iso(at) });

const mapped = <T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

/** Nobody has another name: it would be looked for in vain. */
function idOf({ params }: MemberCall): string {
  const id = params.id ?? "";
  if (!/^(sh|v)_[^/]{1,256}$/.test(id)) throw notFound("shopper");
  return id;
}

async function getShopper(call: MemberCall): Promise<Response> {
  const shopper = await find(call, idOf(call));
  if (!shopper) throw notFound("shopper");
  return json(shopper);
}

const listQuery = z.object({ email: z.email().max(254).describe("In any spelling of upper and lower case") });

/** Ids are hashes: this is how one is found. */
async function findShopper(call: MemberCall<z.infer<typeof listQuery>>): Promise<Response> {
  const shopper = await find(call, shopperIdOf(call.principal.storeId, call.query.email));
  return json({ items: shopper ? [shopper] : [], nextCursor: null });
}

const consentInput = z.strictObject({
  channel: channels,
  value: z.enum(["granted", "denied"]),
  text: z.string().min(1).max(1_000).optional().describe("The words that the shopper agreed to, or declined"),
  url: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .optional()
    .describe("Where they stood"),
});

const consentAnswer = consentView
  .extend({
    channel: channels,
    suppressed: suppressionView.nullable().describe("Bounces and complaints stay, whatever is consented to"),
  })
  .meta({ id: "ConsentOfChannel" });

async function setConsent(call: MemberCall<unknown, z.infer<typeof consentInput>>): Promise<Response> {
  const { env, principal, body } = call;
  const id = idOf(call);
  const before = await find(call, id);
  if (!before) throw notFound("shopper");
  const { channel, value, text, url } = body;
  const proof = { ...(text === undefined ? {} : { text }), ...(url === undefined ? {} : { url }) };
  const shopper = shopperStub(env, principal.storeId, id);
  await shopper.consent(channel, { value, at: Date.now(), source: "merchant", ...proof });
  const after = await shopper.profile();
  call.audit({
    action: "shopper.consent_set",
    objectId: after.id,
    before: { channel, value: before.consent[channel]?.value ?? null },
    after: { channel, value, ...proof },
  });
  const suppressed = after.suppressed[channel];
  const said = after.consent[channel];
  return json({ channel, ...(said ? timed(said) : {}), suppressed: suppressed ? timed(suppressed) : null });
}

const read = { method: "GET", access: "shoppers:read", tag: "Shoppers" } as const;

export const routes: Route[] = [
  member(
    {
      ...read,
      path: "/v1/shoppers",
      summary: "Find a shopper by e-mail address",
      query: listQuery,
      answers: { 200: { description: "One, or none", schema: pageOf(shopperView) } },
    },
    findShopper,
  ),
  member(
    {
      ...read,
      path: "/v1/shoppers/:id",
      summary: "Read a shopper: consent with its history, suppressions, messages and carts",
      answers: { 200: { description: "The shopper", schema: shopperView } },
    },
    getShopper,
  ),
  member(
    {
      method: "PUT",
      path: "/v1/shoppers/:id/consent",
      operationId: "setShopperConsent",
      access: "carts:write",
      tag: "Shoppers",
      summary: "Set a shopper's consent to a channel",
      description:
        "What the shopper told you, with the words and the page as proof. A denial stops every message that was not sent yet; a grant lifts what the shopper unsubscribed from, but neither bounces nor complaints.",
      body: consentInput,
      audit: "shopper.consent_set",
      answers: { 200: { description: "What holds now", schema: consentAnswer } },
    },
    setConsent,
  ),
];
