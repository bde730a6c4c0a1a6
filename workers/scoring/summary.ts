/**
 * Why carts were lost this week, in words. Rules work out the figures; a model may write the sentences around them, in which
 * every number must be one of the figures. When it may not or cannot, rules write them too.
 */
import { storeStub } from "../../objects/stubs.ts";
import { lossSummary, saveLossSummary } from "../../shared/db/advice.ts";
import type { LossFigures, LossReason, LossView } from "../../shared/loss.ts";
import { withoutLinks } from "../../shared/names.ts";
import type { Result } from "../../shared/result.ts";
import { no, ok } from "../../shared/result.ts";
import { callActor } from "../../shared/retry.ts";
import { iso } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { dateOf, figuresOf, mondayOf } from "./figures.ts";
import { summaryMessages } from "./prompts.ts";
import { adviserOf, write } from "./writing.ts";

const MAX_TEXT = 1_200;

/** The last one that was written for the week, else the figures of now in the rules' words. `day`: any of the week. */
export async function readLossSummary(env: Env, storeId: string, day: number): Promise<Result<LossView>> {
  const monday = mondayOf(day);
  const kept = await lossSummary(env.DB, storeId, dateOf(monday));
  if (kept) return ok(kept);
  const figures = await figuresFor(env, storeId, monday);
  return figures.ok ? ok(byRules(figures.value, "not_asked", Date.now())) : figures;
}

/** With the figures of now, by a model where there is one. Kept: it takes the place of an earlier one of the week. */
export async function makeLossSummary(env: Env, storeId: string, day: number): Promise<Result<LossView>> {
  const found = await figuresFor(env, storeId, mondayOf(day));
  if (!found.ok) return found;
  const figures = found.value;
  const now = Date.now();
  const view = await inWords(env, storeId, figures, now);
  await saveLossSummary(env.DB, storeId, view, now);
  return ok(view);
}

async function figuresFor(env: Env, storeId: string, monday: number): Promise<Result<LossFigures>> {
  const settings = await callActor("store", () => storeStub(env, storeId).settings());
  return settings.ok ? ok(await figuresOf(env, storeId, monday, settings.value.currency)) : no("not_found");
}

async function inWords(env: Env, storeId: string, figures: LossFigures, now: number): Promise<LossView> {
  const adviser = await adviserOf(env, storeId);
  if (!adviser) return byRules(figures, "ai_off", now);
  const { tone, language = "en" } = adviser.settings;
  const read = (text: string): string | null => usable(text, figures);
  const written = await write(env, storeId, adviser.ai, "summary", summaryMessages(figures, language, tone), read);
  if (!written.ok) return byRules(figures, written.reason, now);
  const { value: text, model } = written;
  return { figures, text, source: "model", model, reason: null, at: iso(now) };
}

const byRules = (figures: LossFigures, reason: string, now: number): LossView => ({
  figures,
  text: textOf(figures),
  source: "rules",
  model: null,
  reason,
  at: iso(now),
});

/** A model's text, when it is plain and none of its numbers is its own invention; else `null`. */
export function usable(given: string, figures: LossFigures): string | null {
  const text = given.replace(/\s+/g, " ").trim();
  if (text.length === 0 || text.length > MAX_TEXT || /[<>{}]|https?:/.test(text) || withoutLinks(text) !== text)
    return null;
  const known = new Set(numbersIn(JSON.stringify(figures)).map(Number));
  const isKnown = (number: string): boolean =>
    [number, number.replaceAll(",", ""), number.replaceAll(".", ""), number.replaceAll(".", "").replace(",", ".")].some(
      (written) => known.has(Number(written)),
    );
  return numbersIn(text).every(isKnown) ? text : null;
}

/** Digits with what may stand between them: 1,234.50 in English, 1.234,50 in German. */
const numbersIn = (text: string): string[] => text.match(/\d+(?:[.,]\d+)*/g) ?? [];

const SAYS: Record<LossReason, (count: number, percent: number) => string> = {
  no_address: (n, p) => `${n} of the lost carts (${p}%) named no e-mail address, so nobody could be written to.`,
  not_messaged: (n, p) => `To ${n} (${p}%) nothing was sent, although an address was known.`,
  message_without_effect: (n, p) => `${n} (${p}%) were sent a message and were not bought.`,
  payment_failed: (n) => `${n} payments failed.`,
  left_before_checkout: (n, p) => `For ${n} products put into carts (${p}%) no checkout was begun.`,
  left_in_checkout: (n, p) => `${n} checkouts (${p}%) were begun and not finished.`,
};

/** The three that stand out most. */
function textOf({ left, lost, lostPercent, lostValue, lostLastWeek, recovered, reasons }: LossFigures): string {
  if (left === 0) return "No cart was left behind in this week.";
  const began = `${lost} of ${left} carts that were left (${lostPercent}%) were not bought, worth ${lostValue.amount} ${lostValue.currency}; of the week before it were ${lostLastWeek}. ${recovered} came back after a message.`;
  return [began, ...reasons.slice(0, 3).map(({ code, count, percent }) => SAYS[code](count, percent))].join(" ");
}
