/** `/v1/campaigns*`: kept by the store's actor, versioned; a cart in a journey stays on the version it entered. */
import * as z from "zod";
import { storeStub } from "../../../objects/stubs.ts";
import { AppError } from "../../../shared/errors.ts";
import { json } from "../../../shared/http.ts";
import { resultsOf } from "../../../shared/measure/results.ts";
import { resultsView } from "../../../shared/measure/results-view.ts";
import { conditionError } from "../../../shared/policy/conditions.ts";
import {
  type Campaign,
  type CampaignInput,
  campaignSchema,
  jsonBytes,
  MAX_CAMPAIGN_BYTES,
  MAX_ENABLED_BYTES,
} from "../../../shared/policy/rules.ts";
import { iso } from "../../../shared/time.ts";
import { pageOf } from "../../../shared/views.ts";
import { ifMatch, invalid, notFound, stale } from "../context.ts";
import { type MemberCall, member, type Route } from "../route.ts";
import { check } from "../validate.ts";

const view = ({ createdAt, updatedAt, ...campaign }: Campaign) => ({
  ...campaign,
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt),
});
const tagged = (campaign: Campaign, status = 200): Response =>
  json(view(campaign), status, { etag: `"${campaign.version}"` });

async function listCampaigns({ env, principal }: MemberCall): Promise<Response> {
  const campaigns = await storeStub(env, principal.storeId).campaigns();
  return json({ items: campaigns.map(view), nextCursor: null });
}

const getCampaign = async (call: MemberCall): Promise<Response> => tagged(await known(call));

async function createCampaign(call: MemberCall<unknown, CampaignInput>): Promise<Response> {
  const created = await storeStub(call.env, call.principal.storeId).createCampaign(checked(call.body));
  if (!created.ok) throw refusal(created.reason);
  call.audit({ action: "campaign.created", objectId: created.value.id, after: view(created.value) });
  return tagged(created.value, 201);
}

async function updateCampaign(call: MemberCall<unknown, CampaignInput>): Promise<Response> {
  return replace(call, await known(call), checked(call.body), ifMatch(call.request));
}

/** Only what the body names changes. */
async function patchCampaign(call: MemberCall<unknown, Record<string, unknown>>): Promise<Response> {
  const before = await known(call);
  const merged = check(campaignSchema, { ...before, ...call.body }, "body");
  return replace(call, before, checked(merged), ifMatch(call.request) ?? before.version);
}

async function replace(
  { env, principal, audit }: MemberCall,
  before: Campaign,
  input: CampaignInput,
  expected: number | null,
): Promise<Response> {
  const updated = await storeStub(env, principal.storeId).updateCampaign(before.id, input, expected);
  if (!updated.ok) throw refusal(updated.reason);
  audit({ action: "campaign.updated", objectId: before.id, before: view(before), after: view(updated.value) });
  return tagged(updated.value);
}

async function deleteCampaign(call: MemberCall): Promise<Response> {
  const before = await known(call);
  const deleted = await storeStub(call.env, call.principal.storeId).deleteCampaign(before.id);
  if (!deleted.ok) throw notFound("campaign");
  call.audit({ action: "campaign.deleted", objectId: before.id, before: view(before) });
  return new Response(null, { status: 204 });
}

async function results({ env, principal, params }: MemberCall): Promise<Response> {
  const counted = await storeStub(env, principal.storeId).results(params.id ?? "");
  if (!counted.ok) throw notFound("campaign");
  return json(resultsOf(counted.value));
}

export async function known({ env, principal, params }: MemberCall): Promise<Campaign> {
  const campaign = (await storeStub(env, principal.storeId).campaigns()).find((c) => c.id === params.id);
  if (!campaign) throw notFound("campaign");
  return campaign;
}

const tooMany = () => new AppError("CONFLICT", "The store has as many campaigns as it may: delete one first.");
const tooLarge = () =>
  new AppError(
    "CONFLICT",
    `A store's enabled campaigns may have at most ${MAX_ENABLED_BYTES} bytes together: disable or delete one first.`,
  );

function refusal(reason: string): AppError {
  if (reason === "too_large") return tooLarge();
  if (reason === "too_many") return tooMany();
  const step = /^no_pool:(\d+)$/.exec(reason)?.[1];
  if (step) return invalid(`steps.${step}.coupon.poolId`, "no such pool of codes");
  return reason === "version" ? stale() : notFound("campaign");
}

/** What the schema cannot say: there is an end to it, conditions run no code, steps are told apart. */
export function checked(input: CampaignInput): CampaignInput {
  if (jsonBytes(input) > MAX_CAMPAIGN_BYTES)
    throw invalid("(body)", `a campaign may have at most ${MAX_CAMPAIGN_BYTES} bytes of JSON`);
  const all: [field: string, conditions: unknown][] = [
    ["conditions", input.conditions],
    ["exit", input.exit],
    ...input.steps.map(({ conditions }, i) => [`steps.${i}.conditions`, conditions] as [string, unknown]),
  ];
  for (const [field, given] of all) {
    const wrong = conditionError(given);
    if (wrong) throw invalid(field, wrong);
  }
  if (new Set(input.steps.map((s) => s.id)).size < input.steps.length) throw invalid("steps", "step ids must differ");
  return input;
}

const campaignView = campaignSchema
  .extend({ id: z.string(), version: z.number().int(), createdAt: z.iso.datetime(), updatedAt: z.iso.datetime() })
  .meta({ id: "Campaign" });

const read = { method: "GET", access: "carts:read", tag: "Campaigns" } as const;
const write = { access: "campaigns:write", tag: "Campaigns", changesRules: true } as const;
const one = (description: string) => ({ description, schema: campaignView });

export const routes: Route[] = [
  member(
    {
      ...read,
      path: "/v1/campaigns",
      summary: "List the campaigns",
      answers: { 200: { description: "All of them", schema: pageOf(campaignView) } },
    },
    listCampaigns,
  ),
  member(
    {
      ...write,
      method: "POST",
      path: "/v1/campaigns",
      summary: "Create a campaign",
      body: campaignSchema,
      audit: "campaign.created",
      answers: { 201: one("The campaign") },
    },
    createCampaign,
  ),
  member(
    { ...read, path: "/v1/campaigns/:id", summary: "Read a campaign", answers: { 200: one("The campaign") } },
    getCampaign,
  ),
  member(
    {
      ...write,
      method: "PUT",
      path: "/v1/campaigns/:id",
      summary: "Replace a campaign by a new version",
      description:
        "Carts already in a journey stay on the version they entered. `If-Match` guards against a change in between.",
      body: campaignSchema,
      ifMatch: true,
      audit: "campaign.updated",
      answers: { 200: one("The new version") },
    },
    updateCampaign,
  ),
  member(
    {
      ...write,
      method: "PATCH",
      path: "/v1/campaigns/:id",
      summary: "Change parts of a campaign",
      body: z
        .object({})
        .loose()
        .meta({
          description: "Any of a campaign's fields; what it does not name stays",
          examples: [{ enabled: false }],
        }),
      ifMatch: true,
      audit: "campaign.updated",
      answers: { 200: one("The new version") },
    },
    patchCampaign,
  ),
  member(
    {
      ...write,
      method: "DELETE",
      path: "/v1/campaigns/:id",
      summary: "Delete a campaign",
      audit: "campaign.deleted",
      answers: { 204: { description: "It is gone; carts in its journeys leave them" } },
    },
    deleteCampaign,
  ),
  member(
    {
      method: "GET",
      access: "analytics:read",
      tag: "Campaigns",
      path: "/v1/campaigns/:id/results",
      summary: "Read what a campaign caused",
      description:
        "Every shopper counts once, from the first message that was due to them, sent or (held out) not, and with all they bought within the window after it. `incremental` is treated minus held out with 95% intervals; `attributed`, beside it, is what the attribution rule credits to messages. Shoppers are counted for 180 days, at most the latest 100,000 messages' of a campaign.",
      answers: { 200: { description: "The counts and the estimate", schema: resultsView } },
    },
    results,
  ),
];
