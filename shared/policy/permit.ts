/**
 * The one arbiter of a shopper: may this message go out now, and by which channel? Consent, suppression, holdout, quiet
 * hours in the shopper's own zone, priority among those that wait, and the frequency cap, whatever campaign asks. Pure.
 */
import type { Permit, Prospect } from "../events/messages.ts";
import type { ConsentChannel, ConsentRecord } from "../events/types.ts";
import { isHeldOut } from "../measure/assign.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../time.ts";
import { quietUntil } from "./quiet-hours.ts";
import type { MessageChannel, Rules } from "./rules.ts";

/** A reservation whose sender died frees its place after this. */
export const RESERVATION_MS = HOUR_MS;
/** Who waits and does not come back at its time loses its turn after this: a dead sender must not silence the others. */
export const WISH_GRACE_MS = 10 * MINUTE_MS;
/** Who must let another go first asks again this long after the other's time, then after waits that double. */
const OUTRANKED_MS = 10 * SECOND_MS;

/** A message that went out, or is about to: it takes a place under the cap. */
export interface Send {
  deliveryId: string;
  channel: MessageChannel;
  at: number;
  status: "reserved" | "sent";
  /** When the cart handed it out for the attempt that used the place: an earlier one does not free it. */
  claimedAt?: number;
}

/** A message that was held back and will be asked for again at `until`; `at` is when it was asked for first. */
export interface Wish {
  deliveryId: string;
  priority: number;
  at: number;
  until: number;
}

/** Never written to on this channel again, and why: `unsubscribed`, `stop`, `bounced`, `complained`. */
export interface Suppression {
  reason: string;
  at: number;
}

/** What the arbiter goes by. */
export interface Standing {
  timezone: string | null;
  consent: Partial<Record<ConsentChannel, ConsentRecord>>;
  suppressed: Partial<Record<ConsentChannel, Suppression>>;
  /** The last message that was clicked, by channel. */
  answered: Partial<Record<MessageChannel, { deliveryId: string; at: number }>>;
  sends: readonly Send[];
  wishes: readonly Wish[];
}

export type PermitRules = Pick<Rules, "frequencyCap" | "quietHours" | "timezone" | "requireConsent">;

const never = (reason: string): Permit => ({ granted: false, reason, until: null });
const later = (reason: string, until: number): Permit => ({ granted: false, reason, until: Math.ceil(until) });

/**
 * Asking again for a delivery that has its place gives the same answer, and takes no second place; only what speaks against
 * any message at all, consent and quiet hours, is looked at anew.
 */
export function permit(
  shopper: Standing,
  asked: Prospect & { storeId: string },
  rules: PermitRules,
  now: number,
): Permit {
  const own = shopper.sends.find((s) => s.deliveryId === asked.deliveryId && counts(s, rules, now));
  const choice = choose(shopper, asked, rules, own);
  if ("refused" in choice) return never(choice.refused);
  const said = shopper.consent[choice.channel];
  const granted: Permit = {
    granted: true,
    channel: choice.channel,
    ...(said?.value === "granted" ? { consentedAt: said.at } : {}),
  };
  if (isHeldOut(asked.storeId, asked.campaignId, asked.shopperId, asked.holdout)) return never("holdout");
  const quiet = quietUntil(rules.quietHours, now, shopper.timezone ?? rules.timezone, rules.timezone);
  if (quiet !== null) return later("quiet_hours", quiet);
  if (own) return granted;
  const frees = shopper.sends
    .map((send) => freeAt(send, rules))
    .filter((at) => at > now)
    .sort(ascending);
  const places = rules.frequencyCap.max - frees.length;
  if (places <= 0) return later("frequency_cap", frees[-places]!);
  const ahead = shopper.wishes.filter((wish) => lapsesAt(wish) > now && goesBefore(wish, shopper, asked, now));
  if (ahead.length < places) return granted;
  return later("outranked", Math.min(turnAfter(ahead, places, now), frees[0] ?? Number.POSITIVE_INFINITY));
}

const ascending = (a: number, b: number): number => a - b;

/** When the place is free again. Whether a reservation becomes a message is known when it lapses at the latest. */
function freeAt({ at, status }: Send, { frequencyCap }: PermitRules): number {
  const windowMs = frequencyCap.perHours * HOUR_MS;
  return at + (status === "reserved" ? Math.min(windowMs, RESERVATION_MS) : windowMs);
}

/** Whether it still takes a place. */
export const counts = (send: Send, rules: PermitRules, now: number): boolean => freeAt(send, rules) > now;

export const lapsesAt = (wish: Wish): number => wish.until + WISH_GRACE_MS;

/** The higher priority first, then who asked first. */
export const rank = (a: Omit<Wish, "until">, b: Omit<Wish, "until">): number =>
  b.priority - a.priority || a.at - b.at || (a.deliveryId < b.deliveryId ? -1 : 1);

function goesBefore(wish: Wish, { wishes }: Standing, { deliveryId, priority }: Prospect, now: number): boolean {
  if (wish.deliveryId === deliveryId) return false;
  const at = wishes.find((own) => own.deliveryId === deliveryId)?.at ?? now;
  return rank(wish, { deliveryId, priority, at }) < 0;
}

/** When there may be a place although all of these go first: so many of them have lapsed then, or said what they want. */
function turnAfter(ahead: readonly Wish[], places: number, now: number): number {
  const last = ahead.toSorted((a, b) => a.until - b.until)[ahead.length - places]!;
  const wait = Math.max(OUTRANKED_MS, now - last.until);
  return Math.min(lapsesAt(last), Math.max(now, last.until) + wait);
}

/** The best permitted channel: by which the shopper last answered, else the first that was asked for. */
function choose(
  shopper: Standing,
  asked: Prospect,
  rules: PermitRules,
  own: Send | undefined,
): { channel: MessageChannel } | { refused: string } {
  const answeredAt = (channel: MessageChannel): number => shopper.answered[channel]?.at ?? 0;
  const channels =
    own && asked.channels.includes(own.channel)
      ? // What went out stays where it is; a mere reservation may still move to a channel that is permitted.
        [own.channel, ...asked.channels.filter((c) => own.status === "reserved" && c !== own.channel)]
      : asked.channels.toSorted((a, b) => answeredAt(b) - answeredAt(a));
  let refused: string | null = null;
  for (const channel of channels) {
    const reason = whyNot(shopper, asked, rules, channel);
    if (reason === null) return { channel };
    refused ??= reason;
  }
  return { refused: refused ?? "no_address" };
}

function whyNot(shopper: Standing, asked: Prospect, rules: PermitRules, channel: MessageChannel): string | null {
  const suppressed = shopper.suppressed[channel];
  if (suppressed) return `suppressed_${suppressed.reason}`;
  if (!isConsented(shopper, channel, rules.requireConsent)) return "no_consent";
  return hasAddress(asked, channel) ? null : "no_address";
}

/** A denial always counts; that nothing was said, where a granted consent is required. */
export function isConsented(
  { consent }: Pick<Standing, "consent">,
  channel: MessageChannel,
  required: readonly MessageChannel[],
): boolean {
  const value = consent[channel]?.value;
  return value === "granted" || (value === undefined && !required.includes(channel));
}

const hasAddress = (asked: Prospect, channel: MessageChannel): boolean =>
  ({ email: asked.email, sms: asked.phone, push: asked.push })[channel] !== null;
