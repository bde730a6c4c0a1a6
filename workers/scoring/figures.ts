/** Why carts were lost in a week, as far as counting tells: the index, the deliveries and the store's rollups. */
import { storeStub } from "../../objects/stubs.ts";
import type { LossFigures, LossReason } from "../../shared/loss.ts";
import { toMoney } from "../../shared/money.ts";
import { callActor } from "../../shared/retry.ts";
import { DAY_MS } from "../../shared/time.ts";
import type { Env } from "../env.ts";

export const WEEK_MS = 7 * DAY_MS;
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

/** The Monday (UTC) of a time, in ms. */
export const mondayOf = (at: number): number => at - ((((at - FIRST_MONDAY_MS) % WEEK_MS) + WEEK_MS) % WEEK_MS);
export const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** A cart that was begun longer ago than this before the week is not looked for: the index is read by the time of creation. */
const MAX_AGE_MS = 90 * DAY_MS;

interface Counts {
  left_carts: number;
  recovered: number;
  bought: number;
  lost: number;
  lost_minor: number | null;
  without_address: number;
  messaged: number;
}

const COUNTS = `SELECT count(*) AS left_carts, count(*) FILTER (WHERE status = 'recovered') AS recovered,
  count(*) FILTER (WHERE status = 'purchased') AS bought, count(*) FILTER (WHERE is_lost) AS lost,
  sum(total_minor) FILTER (WHERE is_lost AND currency = ?5) AS lost_minor,
  count(*) FILTER (WHERE is_lost AND email IS NULL) AS without_address,
  count(*) FILTER (WHERE is_lost AND was_sent AND email IS NOT NULL) AS messaged
  FROM (SELECT c.*, c.status IN ('abandoned', 'recovering', 'expired') AS is_lost,
      EXISTS (SELECT 1 FROM deliveries AS d WHERE d.store_id = c.store_id AND d.cart_id = c.id AND d.sent_at IS NOT NULL) AS was_sent
    FROM carts AS c WHERE c.store_id = ?1 AND c.created_at >= ?2 AND coalesce(c.recovered_at, c.abandoned_at) >= ?3 AND coalesce(c.recovered_at, c.abandoned_at) < ?4)`;

export async function figuresOf(env: Env, storeId: string, monday: number, currency: string): Promise<LossFigures> {
  const counts = async (from: number): Promise<Counts> => {
    const row = await env.DB.prepare(COUNTS)
      .bind(storeId, from - MAX_AGE_MS, from, from + WEEK_MS, currency)
      .first<Counts>();
    if (!row) throw new Error("an aggregate without a row");
    return row;
  };
  const [now, before, days] = await Promise.all([
    counts(monday),
    counts(monday - WEEK_MS),
    callActor("store", () => storeStub(env, storeId).rollups("day", monday, monday + WEEK_MS)),
  ]);
  const events = (type: keyof NonNullable<(typeof days)[number]["delta"]["events"]>): number =>
    days.reduce((sum, { delta }) => sum + (delta.events?.[type] ?? 0), 0);
  const figures = {
    week: dateOf(monday),
    left: now.left_carts,
    lost: now.lost,
    boughtAfterAll: now.bought,
    recovered: now.recovered,
    lostPercent: share(now.lost, now.left_carts),
    lostValue: toMoney(now.lost_minor ?? 0, currency),
    lostLastWeek: before.lost,
    withoutAddress: now.without_address,
    withoutMessage: now.lost - now.without_address - now.messaged,
    messagedInVain: now.messaged,
    adds: events("product_added_to_cart"),
    checkoutsStarted: events("checkout_started"),
    paymentsEntered: events("payment_info_submitted"),
    ordersCompleted: events("checkout_completed"),
    paymentsFailed: events("payment_failed"),
    exitIntents: events("exit_intent_detected"),
  };
  return { ...figures, reasons: reasonsFor(figures) };
}

const share = (part: number, whole: number): number =>
  whole <= 0 ? 0 : Math.min(100, Math.max(0, Math.round((part / whole) * 100)));

/** What stands out. Shares of carts are of the lost ones, those of the checkout are of who came so far. Pure. */
export function reasonsFor(figures: Omit<LossFigures, "reasons">): LossFigures["reasons"] {
  const { lost, adds, checkoutsStarted, paymentsEntered, ordersCompleted, paymentsFailed } = figures;
  const found: [LossReason, number, number][] = [
    ["no_address", figures.withoutAddress, lost],
    ["not_messaged", figures.withoutMessage, lost],
    ["message_without_effect", figures.messagedInVain, lost],
    ["payment_failed", paymentsFailed, Math.max(paymentsEntered, paymentsFailed)],
    ["left_before_checkout", adds - checkoutsStarted, adds],
    ["left_in_checkout", checkoutsStarted - ordersCompleted, checkoutsStarted],
  ];
  return found
    .filter(([, count]) => count > 0)
    .map(([code, count, whole]) => ({ code, count, percent: share(count, whole) }))
    .sort((a, b) => b.count - a.count);
}
