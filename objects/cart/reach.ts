/** Where a cart's shopper can be reached, as the cart knows it. Pure. */
import { shopperIdOf, stableHash, visitorShopperId } from "../../shared/ids.ts";
import { e164Of } from "../../shared/phone.ts";
import type { MessageChannel } from "../../shared/policy/rules.ts";
import type { CartState, Effect, Process } from "./state.ts";

const MAX_GONE = 20;

/** By their address, else by their phone; else whoever uses this browser. */
export function shopperOf({ storeId, cartId, facts }: CartState): string {
  const { email, phone } = facts.person;
  const known = email ?? e164Of(phone);
  return known ? shopperIdOf(storeId, known) : visitorShopperId(facts.visitorId ?? cartId);
}

/** The address as one text, so that one that is gone can be told from the next. */
function addressOf({ facts: { person } }: CartState, channel: MessageChannel): string | null {
  if (channel === "email") return person.email;
  if (channel === "sms") return e164Of(person.phone);
  if (!person.push) return null;
  const { push } = person;
  return push.kind === "webpush" ? push.endpoint : push.kind === "fcm" ? push.token : push.subscriptionId;
}

const hash = (address: string): number => stableHash(address, 5);

/** An address is known, and no provider has said that nobody is there. */
export function isReachable(state: CartState, channel: MessageChannel): boolean {
  const address = addressOf(state, channel);
  return address !== null && !state.process.gone.includes(hash(address));
}

/** By which channels the message can go; those the shopper denied only when there is no other, so that they say why. */
export function waysFor(state: CartState, effect: Effect): MessageChannel[] {
  const chosen = effect.status === "claimed" || effect.doubtful === true;
  const channels = chosen ? effect.channels.filter((c) => c === effect.channel) : effect.channels;
  const reachable = channels.filter((channel) => isReachable(state, channel));
  const allowed = reachable.filter((channel) => state.facts.consent[channel]?.value !== "denied");
  return allowed.length > 0 ? allowed : reachable;
}

export const canReach = (state: CartState, effect: Effect): boolean => waysFor(state, effect).length > 0;

export function forgetAddress(state: CartState, process: Process, { channel }: Effect): Process {
  const address = channel === "onsite" ? null : addressOf(state, channel);
  return address === null ? process : { ...process, gone: [...process.gone, hash(address)].slice(-MAX_GONE) };
}
