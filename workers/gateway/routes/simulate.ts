/** `POST /v1/campaigns/{id}/simulate`: recorded carts, replayed through a changed campaign. Nothing is sent or kept. */
import * as z from "zod";
import { cartStub, storeStub } from "../../../objects/stubs.ts";
import { json } from "../../../shared/http.ts";
import type { Send } from "../../../shared/policy/permit.ts";
import { campaignSchema, type Rules, withCampaign } from "../../../shared/policy/rules.ts";
import { type SimulationView, simulationView } from "../../../shared/simulation.ts";
import { type MemberCall, member, type Route } from "../route.ts";
import { checked, known } from "./campaigns.ts";

/** Shoppers whose carts are replayed at the same time. */
const PARALLEL = 8;

const body = z.object({
  campaign: campaignSchema.optional().describe("As it would be; the stored one unless given"),
  limit: z.number().int().min(1).max(200).default(50).describe("Of the newest carts, so many"),
});

interface Row {
  id: string;
  shopper_id: string;
  email: string | null;
  name: string | null;
}

type Replayed = { item: SimulationView["items"][number] } | { skipped: SimulationView["skipped"][number] };

async function simulate(call: MemberCall<unknown, z.infer<typeof body>>): Promise<Response> {
  const { env, principal } = call;
  const stored = await known(call);
  const changed = call.body.campaign ? { ...stored, ...checked(call.body.campaign) } : stored;
  const rules = withCampaign(await storeStub(env, principal.storeId).rules(), changed);
  const { results } = await env.DB.prepare(
    "SELECT id, shopper_id, email, name FROM carts WHERE store_id = ? ORDER BY created_at DESC, id DESC LIMIT ?",
  )
    .bind(principal.storeId, call.body.limit)
    .all<Row>();
  const groups = [...Map.groupBy(results.toReversed(), (row) => row.shopper_id).values()];
  const replayed: Replayed[] = [];
  for (let i = 0; i < groups.length; i += PARALLEL) {
    const some = groups.slice(i, i + PARALLEL).map((rows) => replayShopper(call, rows, rules));
    replayed.push(...(await Promise.all(some)).flat());
  }
  return json(viewOf(replayed));
}

/** One shopper's carts, the oldest first: what is sent for one counts under the caps of the next. */
async function replayShopper({ env, principal }: MemberCall, rows: readonly Row[], rules: Rules): Promise<Replayed[]> {
  const replayed: Replayed[] = [];
  let sends: Send[] = [];
  for (const { id, shopper_id, email, name } of rows) {
    const cart = await cartStub(env, principal.storeId, id).simulate(rules, sends);
    if (!cart.ok) {
      replayed.push({ skipped: { cartId: id, reason: cart.reason } });
      continue;
    }
    const { status, messages, notes, before } = cart.value;
    sends = cart.value.sends;
    const shown = principal.permissions.includes("shoppers:read");
    const shopper = { id: shopper_id, email: shown ? email : null, name: shown ? name : null };
    replayed.push({ item: { cartId: id, shopper, status, messages, notes, before } });
  }
  return replayed;
}

function viewOf(replayed: readonly Replayed[]): SimulationView {
  const items = replayed.flatMap((one) => ("item" in one ? [one.item] : []));
  const skipped = replayed.flatMap((one) => ("skipped" in one ? [one.skipped] : []));
  const all = items.flatMap((item) => item.messages);
  const counted = (outcome: string): number => all.filter((message) => message.outcome === outcome).length;
  const written = items.filter((item) => item.messages.some((message) => message.outcome === "sent"));
  return {
    carts: items.length,
    skipped,
    summary: {
      sent: counted("sent"),
      heldOut: counted("held_out"),
      suppressed: counted("suppressed"),
      cancelled: counted("cancelled"),
      waiting: counted("waiting"),
      shoppers: new Set(written.map((item) => item.shopper.id)).size,
    },
    items,
  };
}

export const routes: Route[] = [
  member(
    {
      method: "POST",
      access: "carts:read",
      tag: "Campaigns",
      path: "/v1/campaigns/:id/simulate",
      summary: "Replay recorded carts through a campaign",
      reads: true,
      description:
        "The newest carts' own events run through the store's campaigns with this one changed: alarms ring on time, every provider answers, and consent, quiet hours, caps and holdout are decided as they would have been, and what a language model advised then is obeyed as far as the rules allow. What a message would have made a shopper do is not guessed.",
      body,
      answers: { 200: { description: "What would have been sent to whom, and why not", schema: simulationView } },
    },
    simulate,
  ),
];
