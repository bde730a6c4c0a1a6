/**
 * Which carts a language model may be asked about: at risk, with a message planned that is not due before an answer can be
 * there. Only hints: whether a cart is asked about, once a generation and day, is decided when one is taken, and a hint that
 * is lost costs nothing.
 */
import { storeStub } from "../../objects/stubs.ts";
import type { CartNews } from "../../shared/events/messages.ts";
import { log } from "../../shared/log.ts";
import { callActor } from "../../shared/retry.ts";
import { SECOND_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";

/** A message that is due sooner goes out before a model has answered. */
const LEAD_MS = 30 * SECOND_MS;
/** What a queue takes at once. */
const MAX_BATCH = 100;

export async function hintAtRisk(env: Env, storeId: string, news: readonly CartNews[], now: number): Promise<void> {
  if (!env.AI) return;
  const planned = news.filter((told) => !told.gone && told.deliveries.some((delivery) => isOpen(delivery, now)));
  if (planned.length === 0) return;
  try {
    const { advice } = await callActor("store", () => storeStub(env, storeId).rules());
    if (!advice) return;
    const risky = planned.filter(({ summary }) => summary.abandonmentRisk >= advice.riskThreshold);
    const carts = [...new Set(risky.map(({ cartId }) => cartId))];
    for (let i = 0; i < carts.length; i += MAX_BATCH) {
      const hints = carts.slice(i, i + MAX_BATCH).map((cartId) => ({ body: { storeId, cartId } }));
      await env.SCORING.sendBatch(hints.map((hint) => ({ ...hint, contentType: "json" as const })));
    }
  } catch (error) {
    log("warn", "hints_lost", { storeId, carts: planned.length, error });
  }
}

/** Planned, not on the page, not under way yet, and nobody was asked about it. */
const isOpen = ({ status, channel, dueAt, history }: CartNews["deliveries"][number], now: number): boolean =>
  status === "scheduled" &&
  channel !== "onsite" &&
  dueAt !== null &&
  dueAt >= now + LEAD_MS &&
  history.every(({ reason }) => reason !== "advised");
