/**
 * What a shopper is and how that changes, command by command: who they are, what they consented to, what was sent to them
 * and what waits. Whether a message may go out is decided in shared/policy/permit.ts. Pure.
 */
import type { Permit, Prospect } from "../../shared/events/messages.ts";
import type { ConsentChannel, ConsentRecord } from "../../shared/events/types.ts";
import {
  counts,
  lapsesAt,
  type PermitRules,
  permit,
  RESERVATION_MS,
  rank,
  type Send,
  type Standing,
} from "../../shared/policy/permit.ts";
import type { MessageChannel } from "../../shared/policy/rules.ts";
import { HOUR_MS } from "../../shared/time.ts";

/** Somebody said something about a channel: where, when, and in answer to which words. */
export type ConsentEntry = ConsentRecord & { channel: ConsentChannel };

export interface Shopper extends Omit<Standing, "sends" | "wishes"> {
  email: string | null;
  phone: string | null;
  /** Some browser or device of theirs takes push messages. */
  push: boolean;
  name: string | null;
  visitors: string[];
  /** Who said what about consent, oldest first; `consent` is the latest of each channel. */
  history: ConsentEntry[];
  sends: Send[];
  wishes: Standing["wishes"][number][];
  /** Shoppers that turned out to be this one, whose past is in here. */
  adopted: string[];
}

/** An anonymous shopper that turned out to be somebody: all there is left of it is the way there. */
export interface Moved {
  to: string;
  /** The other one has everything; until then it is told again and again. */
  done: boolean;
  /** Times that it could not be told. */
  tries: number;
}

export const STRANGER: Shopper = {
  email: null,
  phone: null,
  push: false,
  name: null,
  timezone: null,
  visitors: [],
  consent: {},
  suppressed: {},
  answered: {},
  history: [],
  sends: [],
  wishes: [],
  adopted: [],
};

const MAX_VISITORS = 50;
const MAX_HISTORY = 50;
const MAX_WISHES = 100;
const MAX_ADOPTED = 1_000;
/** No cap allows more in its window (policy/rules.ts), so no older ones are asked for. */
const MAX_SENDS = 1_000;
/** The longest window a cap may have. */
const KEEP_SENDS_MS = 8760 * HOUR_MS;
const MAX_TEXT = 1_000;
const MAX_URL = 2_048;

/** Reasons that are the shopper's own word, which they may take back. */
const SOFT: readonly string[] = ["unsubscribed", "stop"];
const isSoft = (reason: string): boolean => SOFT.includes(reason);

/** What a cart knows of its shopper, merged in: the latest claim of consent wins, contact data is only added. */
export function learn(shopper: Shopper, told: Prospect): Shopper {
  const known: Shopper = {
    ...shopper,
    email: told.email ?? shopper.email,
    phone: told.phone ?? shopper.phone,
    push: shopper.push || told.push !== null,
    name: told.name ?? shopper.name,
    timezone: told.timezone ?? shopper.timezone,
    visitors: told.visitorId ? withVisitors(shopper.visitors, [told.visitorId]) : shopper.visitors,
  };
  const said = Object.entries(told.consent) as [ConsentChannel, ConsentRecord][];
  return said.reduce((all, [channel, record]) => heard(all, { ...record, channel }), known);
}

/** Somebody known, on a browser that nobody has met with them yet. */
export const isNewVisitor = ({ visitors }: Shopper, { shopperId, visitorId }: Prospect): boolean =>
  visitorId !== null && shopperId.startsWith("sh_") && !visitors.includes(visitorId);

const withVisitors = (known: readonly string[], added: readonly string[]): string[] =>
  [...new Set([...known, ...added])].slice(-MAX_VISITORS);

/** May this message go out? A yes takes a place; what is held back waits in line, so that it is not overtaken. */
export function ask(
  before: Shopper,
  asked: Prospect & { storeId: string },
  rules: PermitRules,
  now: number,
): { shopper: Shopper; permit: Permit } {
  const shopper = learn(before, asked);
  const answer = permit(shopper, asked, rules, now);
  const { deliveryId, priority } = asked;
  const at = shopper.wishes.find((wish) => wish.deliveryId === deliveryId)?.at ?? now;
  const others = shopper.wishes.filter((wish) => wish.deliveryId !== deliveryId && lapsesAt(wish) > now);
  if (answer.granted) {
    const send: Send = { deliveryId, channel: answer.channel, at: now, status: "reserved" };
    const known = shopper.sends.find((s) => s.deliveryId === deliveryId);
    const isUsed = known?.status === "sent" && counts(known, rules, now);
    const sends = isUsed ? shopper.sends : [...shopper.sends.filter((s) => s !== known), send];
    const isFirst = !shopper.sends.some(({ status }) => status === "sent");
    return { shopper: { ...shopper, sends, wishes: others }, permit: { ...answer, ...(isFirst && { isFirst }) } };
  }
  const { until } = answer;
  const wishes =
    until === null ? others : [...others, { deliveryId, priority, at, until }].sort(rank).slice(0, MAX_WISHES);
  return { shopper: { ...shopper, wishes }, permit: answer };
}

/**
 * The message is about to go out: its place is used, also when nobody learns what became of it, and also when it had lost
 * it: what goes out counts.
 */
export function settle(shopper: Shopper, deliveryId: string, claimedAt: number, now: number): Shopper {
  const known = shopper.sends.find((s) => s.deliveryId === deliveryId);
  if (known?.status === "sent") {
    if ((known.claimedAt ?? 0) >= claimedAt) return shopper;
    return { ...shopper, sends: shopper.sends.map((s) => (s === known ? { ...known, claimedAt } : s)) };
  }
  const send: Send = { deliveryId, channel: known?.channel ?? "email", at: now, status: "sent", claimedAt };
  const sends = [...shopper.sends.filter((s) => s !== known), send].slice(-MAX_SENDS);
  return { ...without(shopper, deliveryId), sends };
}

const without = (shopper: Shopper, deliveryId: string): Shopper => ({
  ...shopper,
  wishes: shopper.wishes.filter((wish) => wish.deliveryId !== deliveryId),
});

/** The cart did not hand the message out: it waits no more, a reserved place is free again, a used one is not. */
export const release = (shopper: Shopper, deliveryId: string): Shopper => ({
  ...without(shopper, deliveryId),
  sends: shopper.sends.filter((s) => s.deliveryId !== deliveryId || s.status === "sent"),
});

/**
 * The provider surely did not send what was claimed then: the place is free again, although it was used ahead of the answer.
 * Told late, after another attempt has taken it over, it frees nothing.
 */
export const unsent = (shopper: Shopper, deliveryId: string, claimedAt: number): Shopper => ({
  ...shopper,
  sends: shopper.sends.filter((s) => s.deliveryId !== deliveryId || (s.claimedAt ?? 0) > claimedAt),
});

/** A message was clicked. Telling it twice changes nothing. */
export function answered(shopper: Shopper, channel: MessageChannel, deliveryId: string, now: number): Shopper {
  if (shopper.answered[channel]?.deliveryId === deliveryId) return shopper;
  return { ...shopper, answered: { ...shopper.answered, [channel]: { deliveryId, at: now } } };
}

/** Never write on this channel again. The first reason stays, unless a harder one comes: that is not the shopper's to lift. */
export function suppress(shopper: Shopper, channel: ConsentChannel, reason: string, now: number): Shopper {
  const known = shopper.suppressed[channel];
  if (known && (!isSoft(known.reason) || isSoft(reason))) return shopper;
  const suppressed = { ...shopper.suppressed, [channel]: { reason, at: now } };
  if (!isSoft(reason)) return { ...shopper, suppressed };
  // It came in by a provider: the shopper's answer to a message, or their word in the mail program.
  const proof: Partial<ConsentRecord> =
    reason === "stop" ? { source: "shopper", text: "STOP" } : { source: "provider" };
  return heard({ ...shopper, suppressed }, { channel, value: "denied", at: now, ...proof });
}

/** A word on consent, said to us and not in the shop: the shopper's own no is an unsubscribing, and a yes lifts it. */
export function consent(shopper: Shopper, entry: ConsentEntry): Shopper {
  const after = heard(shopper, entry);
  const { channel, value, source, at } = entry;
  if (value === "granted" || source !== "shopper" || after.suppressed[channel]) return after;
  const latest = after.consent[channel];
  // Only another word to us takes it back: the clock of a shop's page may be minutes ahead.
  if (latest?.value === "granted" && isOwn(latest)) return after;
  return { ...after, suppressed: { ...after.suppressed, [channel]: { reason: "unsubscribed", at } } };
}

/** One more entry of the history. Its order does not matter: the latest word counts, a no before a yes of the same moment. */
function heard(shopper: Shopper, entry: ConsentEntry): Shopper {
  const { channel, ...record } = bounded(entry);
  const known = shopper.consent[channel];
  const isLatest = !known || record.at > known.at || (record.at === known.at && record.value < known.value);
  const isKnown = shopper.history.some((e) => e.channel === channel && e.at === record.at && e.value === record.value);
  const history = isKnown
    ? shopper.history
    : [...shopper.history, { channel, ...record }].sort(byTime).slice(-MAX_HISTORY);
  if (!isLatest) return { ...shopper, history };
  return lifted({ ...shopper, history, consent: { ...shopper.consent, [channel]: record } });
}

const byTime = (a: ConsentEntry, b: ConsentEntry): number =>
  a.at - b.at || (`${a.channel} ${a.value}` < `${b.channel} ${b.value}` ? -1 : 1);

const bounded = ({ channel, value, at, source, url, text }: ConsentEntry): ConsentEntry => ({
  channel,
  value,
  at,
  ...(source === undefined ? {} : { source }),
  ...(url === undefined ? {} : { url: url.slice(0, MAX_URL) }),
  ...(text === undefined ? {} : { text: text.slice(0, MAX_TEXT) }),
});

/** Said to us: on the preference page, by an answer, or by the merchant. */
const isOwn = ({ source }: ConsentRecord): boolean => source !== undefined && source !== "storefront";

/**
 * Without the suppressions that a later yes takes back. A box ticked in the shop does not: who unsubscribed by a message
 * comes back by the preference page, by an answer, or by the merchant, who vouches for it.
 */
function lifted(shopper: Shopper): Shopper {
  const kept = Object.entries(shopper.suppressed).filter(([channel, { reason, at }]) => {
    const said = shopper.consent[channel as ConsentChannel];
    return !(said?.value === "granted" && isOwn(said) && isSoft(reason) && said.at >= at);
  });
  if (kept.length === Object.keys(shopper.suppressed).length) return shopper;
  return { ...shopper, suppressed: Object.fromEntries(kept) };
}

/** Without what no cap looks back to and nobody waits for. */
export const forget = (shopper: Shopper, now: number): Shopper => ({
  ...shopper,
  sends: shopper.sends
    .filter(({ status, at }) => at > now - (status === "sent" ? KEEP_SENDS_MS : RESERVATION_MS))
    .slice(-MAX_SENDS),
  wishes: shopper.wishes.filter((wish) => lapsesAt(wish) > now),
});

/**
 * Another's past united with this one's. Once only: what was freed or lifted here since must not come back when the other,
 * who did not hear the answer, says it all again.
 */
export function adopt(shopper: Shopper, sourceId: string, source: Shopper): Shopper {
  if (shopper.adopted.includes(sourceId)) return shopper;
  const merged: Shopper = {
    ...shopper,
    email: shopper.email ?? source.email,
    phone: shopper.phone ?? source.phone,
    push: shopper.push || source.push,
    name: shopper.name ?? source.name,
    timezone: shopper.timezone ?? source.timezone,
    visitors: withVisitors(source.visitors, shopper.visitors),
    suppressed: joined(shopper.suppressed, source.suppressed, (a, b) =>
      isSoft(a.reason) === isSoft(b.reason) ? a.at <= b.at : !isSoft(a.reason),
    ),
    answered: joined(shopper.answered, source.answered, (a, b) => a.at >= b.at),
    sends: unitedSends(shopper.sends, source.sends),
    adopted: [...shopper.adopted, sourceId].slice(-MAX_ADOPTED),
  };
  const latest = Object.entries(source.consent) as [ConsentChannel, ConsentRecord][];
  const said = [...source.history, ...latest.map(([channel, record]) => ({ ...record, channel }))];
  const united = lifted(said.reduce(heard, merged));
  return { ...united, wishes: unitedWishes(united, source.wishes) };
}

/** Both, and of two under the same name the first if it is `better`. */
function joined<T extends object>(
  ours: T,
  theirs: T,
  better: (a: NonNullable<T[keyof T]>, b: NonNullable<T[keyof T]>) => boolean,
): T {
  const all = { ...theirs, ...ours };
  for (const name of Object.keys(all) as (keyof T)[]) {
    const [a, b] = [ours[name], theirs[name]];
    if (a && b && !better(a, b)) all[name] = b;
  }
  return all;
}

function unitedSends(ours: readonly Send[], theirs: readonly Send[]): Send[] {
  const all = new Map(theirs.map((send) => [send.deliveryId, send]));
  for (const send of ours) {
    const other = all.get(send.deliveryId);
    const isTheirs =
      other !== undefined && (other.status === send.status ? other.at > send.at : other.status === "sent");
    if (!isTheirs) all.set(send.deliveryId, send);
  }
  return [...all.values()].sort((a, b) => a.at - b.at || (a.deliveryId < b.deliveryId ? -1 : 1)).slice(-MAX_SENDS);
}

function unitedWishes({ sends, wishes }: Shopper, theirs: Shopper["wishes"]): Shopper["wishes"] {
  const known = new Set([...sends, ...wishes].map(({ deliveryId }) => deliveryId));
  return [...wishes, ...theirs.filter((wish) => !known.has(wish.deliveryId))].sort(rank).slice(0, MAX_WISHES);
}

/** Nothing that another would have to be told. */
export const isEmpty = (shopper: Shopper): boolean => JSON.stringify(shopper) === JSON.stringify(STRANGER);
