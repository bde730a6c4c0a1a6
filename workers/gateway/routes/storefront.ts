/** What shops, shoppers and their mail programs call. The handlers live in other folders; here they are declared. */
import * as z from "zod";
import { liveRoom, lobbyRoom, storeStub } from "../../../objects/stubs.ts";
import { verifyAccessToken } from "../../../shared/auth/tokens.ts";
import type { ProviderRow } from "../../../shared/db/providers.ts";
import type { DraftInput, DraftView } from "../../../shared/drafts.ts";
import { AppError } from "../../../shared/errors.ts";
import { eventSchema, LIMITS } from "../../../shared/events/schema.ts";
import type { PushTarget } from "../../../shared/events/types.ts";
import { stableHash } from "../../../shared/ids.ts";
import type { LossView } from "../../../shared/loss.ts";
import { offerView } from "../../../shared/offers.ts";
import type { Result } from "../../../shared/result.ts";
import type { Env } from "../../env.ts";
import { publicKeysFor } from "../authenticate.ts";
import { type Call, open, type Route } from "../route.ts";
import type { ModelNeighbours } from "./models.ts";
import type { ProviderVerdict } from "./providers.ts";

/** Whom a provider is tried out with: an address, a number, or a device and where a tap on it leads. */
export type TestRecipient =
  | { channel: "email" | "sms"; to: string }
  | { channel: "push"; target: PushTarget; url: string };

/** Routes of other folders, handed in by the entry point: worker folders do not import each other. */
export interface Neighbours extends ModelNeighbours {
  postEvents(request: Request, url: URL, env: Env, ctx: ExecutionContext, requestId: string): Promise<Response>;
  preflight(request: Request, env: Env): Promise<Response>;
  forgetTenant(storeId: string): void;
  followRecoveryLink(request: Request, env: Env, token: string): Promise<Response>;
  restoreCart(env: Env, token: string, requestId: string): Promise<Response>;
  unsubscribePage(request: Request, env: Env, token: string): Promise<Response>;
  unsubscribe(request: Request, env: Env, token: string): Promise<Response>;
  testProvider(env: Env, row: ProviderRow, to: TestRecipient, traceparent: string | null): Promise<ProviderVerdict>;
  receiveCallback(request: Request, env: Env, kind: string, providerId: string): Promise<number>;
  pushKey(request: Request, url: URL, env: Env, requestId: string): Promise<Response>;
  localMails(env: Env): Promise<Response | null>;
  draftCopy(env: Env, storeId: string, wish: DraftInput): Promise<DraftView>;
  /** `day`: any of the week (ms). */
  readLossSummary(env: Env, storeId: string, day: number): Promise<Result<LossView>>;
  makeLossSummary(env: Env, storeId: string, day: number): Promise<Result<LossView>>;
}

/** `GET /ws`: to the store's own room when the token comes with the upgrade, else to a lobby that waits for it. */
async function openSocket({ request, env, address }: Call): Promise<Response> {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket")
    throw new AppError("VALIDATION_ERROR", "This is a WebSocket: send an upgrade.");
  const token = /cartwake\.bearer\.([^\s,]+)/.exec(request.headers.get("sec-websocket-protocol") ?? "")?.[1];
  const principal = token ? await verifyAccessToken(token, await publicKeysFor(token, env)) : null;
  if (principal && (await storeStub(env, principal.storeId).settings()).ok)
    return liveRoom(env, principal.storeId).fetch(request);
  return lobbyRoom(env, stableHash(address === "unknown" ? crypto.randomUUID() : address)).fetch(request);
}

const receipt = z
  .object({
    accepted: z.number().int(),
    duplicates: z.number().int(),
    rejected: z.array(
      z.object({ index: z.number().int(), id: z.string().nullable(), code: z.string(), message: z.string() }),
    ),
    offers: z.array(offerView).describe("What the shopper is to see now, by `cartwake.js` or by the shop itself"),
  })
  .meta({ id: "Receipt" });

const EXAMPLE = {
  id: "evt-0001",
  type: "product_added_to_cart",
  occurredAt: "2026-11-21T10:00:00Z",
  cartId: "c-1",
  visitorId: "v-1",
  data: { item: { productId: "p1", name: "Mug", price: "12.30", currency: "EUR", quantity: 1 } },
};

const sent = z
  .union([
    eventSchema,
    z.object({
      events: z.array(eventSchema).min(1).max(LIMITS.eventsPerRequest),
      sentAt: z.iso.datetime().optional().describe("The sender's clock at sending: it tells how wrong that clock is"),
    }),
  ])
  .meta({ examples: [EXAMPLE] });

const tag = "Storefront";
const page = (description: string) => ({ description, type: "text/html" });

/** Beacons are most of the traffic: the gateway hands them over before it looks for a route, and they parse themselves. */
export const beacons = (neighbours: Neighbours): Route => ({
  method: "POST",
  path: "/v1/events",
  tag,
  access: "publishable",
  guarded: false,
  operationId: "sendEvents",
  summary: "Send events",
  description: `One event, or up to ${LIMITS.eventsPerRequest} in at most 256 KB, as application/json or text/plain (sendBeacon). What is accepted is safe; the same ids may be sent again.`,
  query: z.object({ key: z.string().describe("The store's publishable key") }),
  body: sent,
  answers: { 202: { description: "What became of each event", schema: receipt } },
  handle: ({ request, url, env, ctx, requestId }) => neighbours.postEvents(request, url, env, ctx, requestId),
});

export const routes = (neighbours: Neighbours): Route[] => [
  open(
    {
      method: "GET",
      path: "/v1/push-key",
      tag,
      operationId: "getPushKey",
      summary: "Read the key that browsers subscribe to Web Push with",
      description: "Of the store's `webpush` provider. To be kept for a few minutes.",
      query: z.object({ key: z.string().max(100).describe("The store's publishable key") }),
      problems: ["UNAUTHORIZED", "FORBIDDEN", "SERVICE_UNAVAILABLE"],
      answers: {
        200: {
          description: "The key",
          schema: z
            .object({ publicKey: z.string().nullable().describe("`null`: the store sends no Web Push") })
            .meta({ id: "PushKey" }),
        },
      },
    },
    ({ request, url, env, requestId }) => neighbours.pushKey(request, url, env, requestId),
  ),
  open(
    {
      method: "GET",
      path: "/r/:token",
      tag,
      operationId: "followRecoveryLink",
      summary: "Follow a recovery link",
      answers: { 302: { description: "To the shop, with the cart to restore" }, 404: page("The link is not valid") },
    },
    ({ request, env, params }) => neighbours.followRecoveryLink(request, env, params.token ?? ""),
  ),
  open(
    {
      method: "GET",
      path: "/r/:token/cart",
      tag,
      operationId: "getRecoveredCart",
      summary: "Read the cart of a recovery link",
      answers: {
        200: { description: "Its contents, for the snippet", schema: z.record(z.string(), z.unknown()) },
      },
    },
    ({ env, params, requestId }) => neighbours.restoreCart(env, params.token ?? "", requestId),
  ),
  open(
    {
      method: "GET",
      path: "/u/:token",
      tag,
      operationId: "showUnsubscribePage",
      summary: "Show the page to unsubscribe, or to choose channels",
      description:
        "In the language of `Accept-Language`, else of the message (en, de, fr, es, it, nl). Changes nothing: link scanners GET everything.",
      answers: { 200: page("What is on, and the forms to change it"), 404: page("The link is not valid") },
    },
    ({ request, env, params }) => neighbours.unsubscribePage(request, env, params.token ?? ""),
  ),
  open(
    {
      method: "POST",
      path: "/u/:token",
      tag,
      operationId: "unsubscribe",
      summary: "Unsubscribe (RFC 8058 one-click), or choose channels",
      description:
        "A form: `choice=none` stops all messages, `choice=these` those by channels that are not named (`email`, `sms`, `push`). Anything else, as `List-Unsubscribe=One-Click`, stops the channel of the message.",
      problems: ["PAYLOAD_TOO_LARGE"],
      answers: { 200: page("Done"), 404: page("The link is not valid") },
    },
    ({ request, env, params }) => neighbours.unsubscribe(request, env, params.token ?? ""),
  ),
  open(
    {
      method: "GET",
      path: "/ws",
      tag: "Operations",
      operationId: "openSocket",
      summary: "Open a WebSocket for live topics",
      description:
        "The first frame is `authenticate` with an access token, within 10 s; or the token comes as the protocol `cartwake.bearer.<token>`.",
      problems: ["VALIDATION_ERROR"],
      answers: { 101: { description: "Frames `{ type, payload }`, text JSON of at most 16 KB" } },
    },
    openSocket,
  ),
  open(
    {
      method: "GET",
      path: "/",
      tag: "Operations",
      operationId: "goToDashboard",
      summary: "Go to the dashboard",
      answers: { 302: { description: "To /app/" } },
    },
    ({ url }) => Response.redirect(new URL("/app/", url).href, 302),
  ),
];
