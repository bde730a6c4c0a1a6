/**
 * Queue `scoring`: carts at risk that a language model is asked about. The rules have planned a message already; the model
 * may only propose what becomes of it, and the cart decides. Whatever goes wrong here, the plan goes on: no hint is ever
 * repeated, and none is missed.
 */
import { cartStub, shopperStub, storeStub } from "../../objects/stubs.ts";
import { parseConfig } from "../../shared/config.ts";
import { type AdviceRow, recordAdvice } from "../../shared/db/advice.ts";
import type { ScoringHint } from "../../shared/events/messages.ts";
import { derivedId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { count, countAges, observe } from "../../shared/metrics.ts";
import type { Advice, AdviceBrief, AiSettings } from "../../shared/policy/advice.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { callActor } from "../../shared/retry.ts";
import { floorTo, SECOND_MS } from "../../shared/time.ts";
import type { AiBinding, Env } from "../env.ts";
import { type Advised, adviseOn, isOutage, type Outcome } from "./adviser.ts";
import { guarded } from "./circuit.ts";
import { historyOf } from "./history.ts";
import { ADVICE_LIMITS, modelsFrom } from "./models.ts";
import { StorePurse } from "./purse.ts";
import type { Sources } from "./tools.ts";

export async function consumeScoring(batch: MessageBatch<ScoringHint>, env: Env): Promise<void> {
  countAges("scoring", batch.messages, Date.now());
  await Promise.all(
    batch.messages.map(async ({ body: { storeId, cartId } }) => {
      try {
        const result = await consider(env, storeId, cartId);
        if (result !== null) count("cartwake_advice_total", { outcome: result });
      } catch (error) {
        count("cartwake_advice_total", { outcome: "failed" });
        log("warn", "advice_failed", { storeId, cart: cartId, error });
      }
    }),
  );
  batch.ackAll();
}

/** What became of one hint; `null`: there was nothing to ask. */
export async function consider(env: Env, storeId: string, cartId: string): Promise<string | null> {
  const { AI: ai } = env;
  if (!ai) return null;
  const [rules, settings] = await Promise.all([
    callActor("store", () => storeStub(env, storeId).rules()),
    callActor("store", () => storeStub(env, storeId).settings()),
  ]);
  if (!settings.ok || !settings.value.ai?.enabled || !rules.advice) return null;
  const brief = await callActor("cart", () => cartStub(env, storeId, cartId).brief(rules));
  if (!brief.ok || brief.value.abandonmentRisk < rules.advice.riskThreshold) return null;
  const asked: Question = { env, ai, storeId, cartId, rules, settings: settings.value.ai, brief: brief.value };
  return question(asked);
}

interface Question {
  env: Env;
  ai: AiBinding;
  storeId: string;
  cartId: string;
  rules: Rules;
  settings: AiSettings;
  brief: AdviceBrief;
}

async function question(asked: Question): Promise<string> {
  const { env, ai, storeId, cartId, rules, brief } = asked;
  const at = Date.now();
  const purse = new StorePurse(env, storeId, `advice/${cartId}/g${brief.generation}`);
  const models = modelsFrom(parseConfig(env).AI_MODEL);
  const advised = await guarded(env, async () => {
    const value = await adviseOn(ai, models, sourcesOf(asked, await stockOf(asked)), purse, Date.now, ADVICE_LIMITS);
    const verdict = isOutage(value.outcome) ? "failure" : value.outcome === "budget_spent" ? "void" : "success";
    return { verdict, value };
  });
  const ms = Date.now() - at;
  // Asked about today already: that is the answer that counts.
  if (purse.isRepeated) return "already_asked";
  const id = derivedId("adv", `${storeId}/${cartId}/${brief.effectId}/${floorTo(at, "day")}`);
  const result = await applied(asked, id, advised);
  count("cartwake_ai_neurons_total", { task: "advice" }, Math.ceil(advised?.neurons ?? 0));
  if (advised && advised.neurons > 0) observe("cartwake_ai_duration_seconds", { task: "advice" }, ms / SECOND_MS);
  await recorded(env, {
    storeId,
    id,
    cartId,
    at,
    model: advised && advised.neurons > 0 ? advised.model : "",
    status: result.status,
    reason: result.reason,
    proposal: JSON.stringify(advised?.proposal ?? null),
    neurons: advised?.neurons ?? 0,
    ms,
  });
  log("info", "advised", {
    storeId,
    cart: cartId,
    rules: rules.version,
    status: result.status,
    reason: result.code,
    ms,
  });
  return result.status;
}

/** The cart has its own note of what it followed: without this row only the list is shorter. */
async function recorded(env: Env, row: AdviceRow): Promise<void> {
  try {
    await recordAdvice(env.DB, row);
  } catch (error) {
    log("warn", "advice_unrecorded", { storeId: row.storeId, cart: row.cartId, error });
  }
}

/** What the cart did with it. The model's words are for the record; logs and metrics get codes. */
async function applied(
  { env, storeId, cartId, rules, brief }: Question,
  id: string,
  advised: Advised | null,
): Promise<{
  status: "applied" | "refused" | "circuit_open" | Exclude<Outcome, "proposed">;
  reason: string;
  code: string;
}> {
  if (!advised) return { status: "circuit_open", reason: "circuit_open", code: "circuit_open" };
  const { outcome, proposal, model, refused } = advised;
  if (outcome !== "proposed") return { status: outcome, reason: refused ?? outcome, code: refused ?? outcome };
  if (!proposal) throw new Error("a proposal is missing");
  const advice: Advice = { id, effectId: brief.effectId, model, proposal };
  const done = await callActor("cart", () => cartStub(env, storeId, cartId).advise(advice, rules));
  return done.ok
    ? { status: "applied", reason: proposal.reason, code: proposal.action }
    : { status: "refused", reason: done.reason, code: done.reason };
}

interface Stock {
  couponsLeft: number;
  issued?: number;
  redeemed?: number;
}

/** What is left of the planned step's coupons: of an offer that is used up nothing can be given. */
async function stockOf({ env, storeId, brief: { campaignId, stepId, plan } }: Question): Promise<Stock> {
  if (!plan.coupon) return { couponsLeft: 0 };
  const figures = await callActor("store", () => storeStub(env, storeId).couponFigures(campaignId));
  const step = figures.ok ? figures.value.find((found) => found.stepId === stepId) : undefined;
  return step ? { couponsLeft: step.left, issued: step.issued, redeemed: step.redeemed } : { couponsLeft: 0 };
}

function sourcesOf({ env, storeId, cartId, rules, settings, brief }: Question, stock: Stock): Sources {
  const { shopperId } = brief;
  const { quietHours, frequencyCap, timezone } = rules;
  return {
    brief: stock.couponsLeft > 0 ? brief : { ...brief, bounds: { ...brief.bounds, discountPercent: null } },
    settings,
    limits: { quietHours, frequencyCap, timezone },
    history: async () => {
      const past = await callActor("shopper", () => shopperStub(env, storeId, shopperId).past(cartId));
      return historyOf(past.history, Date.now());
    },
    stock: async () => stock,
  };
}
