/** What a language model advised, drafts in the store's voice, and why carts are lost this week. */
import * as z from "zod";
import { cartStub } from "../../../objects/stubs.ts";
import { adviceView } from "../../../shared/advice-view.ts";
import { adviceOfCart } from "../../../shared/db/advice.ts";
import { type DraftInput, draftInput, draftView } from "../../../shared/drafts.ts";
import { json } from "../../../shared/http.ts";
import { type LossView, lossView } from "../../../shared/loss.ts";
import type { Result } from "../../../shared/result.ts";
import { pageOf } from "../../../shared/views.ts";
import { notFound } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";
import type { Neighbours } from "./storefront.ts";

async function listAdvice({ env, principal, params }: MemberCall): Promise<Response> {
  const id = params.id ?? "";
  if (id.length === 0 || id.length > 128 || id.includes("/")) throw notFound("cart");
  const cart = await cartStub(env, principal.storeId, id).contents();
  if (!cart.ok) throw notFound("cart");
  return json({ items: await adviceOfCart(env.DB, principal.storeId, id), nextCursor: null });
}

const week = z
  .object({ week: z.iso.date().optional().describe("Any day of it, e.g. 2026-11-21; this week unless told (UTC)") })
  .meta({ examples: [{ week: "2026-11-16" }] });
type Week = z.infer<typeof week>;
const dayOf = ({ week: day }: Week): number => (day === undefined ? Date.now() : Date.parse(day));

function summary(found: Result<LossView>): Response {
  if (!found.ok) throw notFound("store");
  return json(found.value);
}

const answers = { 200: { description: "The figures, and the words around them", schema: lossView } };
const loss = { path: "/v1/analytics/loss-summary", tag: "Analytics", answers } as const;

export const routes = (neighbours: Neighbours): Route[] => [
  member(
    {
      method: "GET",
      path: "/v1/carts/:id/advice",
      access: "carts:read",
      tag: "Carts",
      operationId: "listAdvice",
      summary: "Read what a language model advised on a cart, and what became of it",
      description:
        "Newest first. A model may only let a planned message wait, skip it or adjust it within the store's bounds (`ai` of the settings); the cart decides.",
      answers: { 200: { description: "A cart is asked about once a generation and day", schema: pageOf(adviceView) } },
    },
    listAdvice,
  ),
  member(
    {
      method: "POST",
      path: "/v1/templates/draft",
      access: "campaigns:write",
      tag: "Templates",
      operationId: "draftTemplate",
      summary: "Draft a message in the store's voice",
      description:
        "By a language model where the store has one, within its daily budget; else the built-in words. Nothing is saved: the draft is fit for `POST /v1/templates`.",
      body: draftInput,
      answers: { 200: { description: "The draft", schema: draftView } },
    },
    async ({ env, principal, body }: MemberCall<unknown, DraftInput>) =>
      json(await neighbours.draftCopy(env, principal.storeId, body)),
  ),
  member(
    {
      ...loss,
      method: "GET",
      access: "analytics:read",
      operationId: "readLossSummary",
      summary: "Read why carts are lost this week",
      description: "The summary that was last made for the week, else the figures of now in plain words.",
      query: week,
    },
    async ({ env, principal, query }: MemberCall<Week>) =>
      summary(await neighbours.readLossSummary(env, principal.storeId, dayOf(query))),
  ),
  member(
    {
      ...loss,
      method: "POST",
      access: "campaigns:write",
      operationId: "makeLossSummary",
      summary: "Have it summed up why carts are lost this week",
      description:
        "The figures are worked out anew. A language model writes the text where the store has one, within its daily budget and with no number that is not among the figures; else rules do.",
      body: week,
      audit: "loss_summary.made",
    },
    async (call: MemberCall<unknown, Week>) => {
      const { env, principal, body } = call;
      const found = await neighbours.makeLossSummary(env, principal.storeId, dayOf(body));
      if (found.ok) call.audit({ action: "loss_summary.made", objectId: found.value.figures.week });
      return summary(found);
    },
  ),
];
