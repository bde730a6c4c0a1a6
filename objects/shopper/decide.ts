/**
 * The one arbiter of a shopper: may this message go out now? Consent, suppression, holdout, quiet hours in the
 * shopper's own zone and the frequency cap, whatever campaign asks. Pure.
 */
import type { Permit, Prospect } from "../../shared/events/messages.ts";
import type { ConsentChannel, ConsentRecord } from "../../shared/events/types.ts";
import { isHeldOut } from "../../shared/measure/assign.ts";
import { quietUntil } from "../../shared/policy/quiet-hours.ts";
import type { Rules } from "../../shared/policy/rules.ts";
import { HOUR_MS } from "../../shared/time.ts";

export interface Profile {
  email: string | null;
  phone: string | null;
  name: string | null;
  timezone: string | null;
  visitors: string[];
  consent: Partial<Record<ConsentChannel, ConsentRecord>>;
  /** Channels the shopper must never be written to again, and why: unsubscribed, bounced, complained. */
  suppressed: Partial<Record<ConsentChannel, { reason: string; at: number }>>;
}

export interface Send {
  deliveryId: string;
  at: number;
  status: "reserved" | "sent";
}

export const emptyProfile = (): Profile => ({
  email: null,
  phone: null,
  name: null,
  timezone: null,
  visitors: [],
  consent: {},
  suppressed: {},
});

const MAX_VISITORS = 50;

/** What a cart knows of its shopper, merged in: latest claim of consent wins, contact data is only added. */
export function learn(profile: Profile, told: Prospect): Profile {
  const consent = { ...profile.consent };
  for (const [channel, said] of Object.entries(told.consent) as [ConsentChannel, ConsentRecord][]) {
    const known = consent[channel];
    if (!known || said.at > known.at) consent[channel] = said;
  }
  const visitors =
    told.visitorId && !profile.visitors.includes(told.visitorId)
      ? [...profile.visitors, told.visitorId]
      : profile.visitors;
  return {
    ...profile,
    email: told.email,
    phone: told.phone ?? profile.phone,
    name: told.name ?? profile.name,
    timezone: told.timezone ?? profile.timezone,
    visitors: visitors.slice(-MAX_VISITORS),
    consent,
  };
}

/** `sends` are this shopper's reservations and messages. Asking again for the same delivery gives the same answer. */
export function permit(
  profile: Profile,
  sends: readonly Send[],
  asked: Prospect & { storeId: string },
  rules: Pick<Rules, "frequencyCap" | "quietHours" | "timezone">,
  now: number,
): Permit {
  const channel = asked.channels[0] ?? "email";
  const suppressed = profile.suppressed[channel];
  if (suppressed) return { granted: false, reason: `suppressed_${suppressed.reason}`, until: null };
  if (profile.consent[channel]?.value === "denied") return { granted: false, reason: "no_consent", until: null };
  if (isHeldOut(asked.storeId, asked.campaignId, asked.shopperId, asked.holdout)) {
    return { granted: false, reason: "holdout", until: null };
  }
  const quiet = quietUntil(rules.quietHours, now, profile.timezone ?? rules.timezone);
  if (quiet !== null) return { granted: false, reason: "quiet_hours", until: quiet };
  const since = now - rules.frequencyCap.perHours * HOUR_MS;
  const recent = sends.filter((send) => send.at > since && send.deliveryId !== asked.deliveryId);
  if (recent.length >= rules.frequencyCap.max) return { granted: false, reason: "frequency_cap", until: null };
  return { granted: true, channel };
}
