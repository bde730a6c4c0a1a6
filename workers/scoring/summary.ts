/**
 * Why carts were lost this week, in words. Rules work out the figures; a model may write the sentences around them, in which
 * every number must be one of the figures. When it may not or cannot, rules write them too.
 */
import { storeStub } from "../../objects/stubs.ts";
import { lossSummary, saveLossSummary } from "../../shared/db/advice.ts";
import type { LossFigures, LossView } from "../../shared/loss.ts";
import { withoutLinks } from "../../shared/names.ts";
import type { Result } from "../../shared/result.ts";
import { no, ok } from "../../shared/result.ts";
import { callActor } from "../../shared/retry.ts";
import { iso } from "../../shared/time.ts";
import type { Env } from "../env.ts";
import { dateOf, figuresOf, mondayOf } from "./figures.ts";
import { rulesText } from "./loss-words.ts";
import { summaryMessages } from "./prompts.ts";
import { adviserOf, write } from "./writing.ts";

const MAX_TEXT = 1_200;

/** The last one that was written for the week, else the figures of now in the rules' words. `day`: any of the week. */
export async function readLossSummary(env: Env, storeId: string, day: number): Promise<Result<LossView>> {
  const monday = mondayOf(day);
  const kept = await lossSummary(env.DB, storeId, dateOf(monday));
  if (kept) return ok(kept);
  const found = await figuresFor(env, storeId, monday);
  return found.ok ? ok(byRules(found.value, "not_asked", Date.now())) : found;
}

/** With the figures of now, by a model where there is one. Kept: it takes the place of an earlier one of the week. */
export async function makeLossSummary(env: Env, storeId: string, day: number): Promise<Result<LossView>> {
  const found = await figuresFor(env, storeId, mondayOf(day));
  if (!found.ok) return found;
  const now = Date.now();
  const view = await inWords(env, storeId, found.value, now);
  await saveLossSummary(env.DB, storeId, view, now);
  return ok(view);
}

interface Found {
  figures: LossFigures;
  /** What the merchant wants summaries in. */
  language: string;
}

async function figuresFor(env: Env, storeId: string, monday: number): Promise<Result<Found>> {
  const settings = await callActor("store", () => storeStub(env, storeId).settings());
  if (!settings.ok) return no("not_found");
  const { currency, ai } = settings.value;
  return ok({ figures: await figuresOf(env, storeId, monday, currency), language: ai?.language ?? "en" });
}

async function inWords(env: Env, storeId: string, found: Found, now: number): Promise<LossView> {
  const { figures, language } = found;
  const adviser = await adviserOf(env, storeId);
  if (!adviser) return byRules(found, "ai_off", now);
  const { tone } = adviser.settings;
  const read = (text: string): string | null => usable(text, figures);
  const written = await write(env, storeId, adviser.ai, "summary", summaryMessages(figures, language, tone), read);
  if (!written.ok) return byRules(found, written.reason, now);
  const { value: text, model } = written;
  return { figures, text, source: "model", model, reason: null, at: iso(now) };
}

const byRules = ({ figures, language }: Found, reason: string, now: number): LossView => ({
  figures,
  text: rulesText(figures, language),
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
