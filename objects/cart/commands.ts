/** What may be asked of a cart, and what it answers. All plain data: it crosses RPC and is kept in the log. */

import type { ErrorCode } from "../../shared/errors.ts";
import type { OfferDue } from "../../shared/events/messages.ts";
import type { CartEvent } from "../../shared/events/types.ts";
import type { ShopperHistory } from "../../shared/model/history.ts";
import type { Advice } from "../../shared/policy/advice.ts";
import type { MessageChannel } from "../../shared/policy/rules.ts";
import type { DeliveryStatus } from "../../shared/views.ts";
import type { CartState, Effect } from "./state.ts";

/** How a provider call ended. `refused`: surely not sent. `unknown`: the answer was lost. */
export type Outcome =
  | { kind: "sent"; provider: string; messageId?: string }
  /** `gone`: nobody is reached at this address any more. */
  | { kind: "refused"; provider: string; reason: string; retryable: boolean; retryAfterMs?: number; gone?: boolean }
  | { kind: "unknown"; provider: string; reason: string };

export type Command =
  /** `history`: the shopper's past, when the cart has just been told of it. */
  | { type: "receive"; now: number; events: CartEvent[]; history?: ShopperHistory }
  | { type: "wake"; now: number }
  | {
      type: "claim";
      now: number;
      effectId: string;
      provider: string;
      resumable: boolean;
      account?: string;
      /** Which of its channels the arbiter chose; its only one unless told. */
      channel?: MessageChannel;
      /** When the shopper last agreed to it, wherever they said so: a no that the cart heard before that is history. */
      consentedAt?: number;
    }
  | { type: "settle"; now: number; effectId: string; outcome: Outcome }
  /** The arbiter said no: for good (`until` null) or until then. */
  | { type: "hold"; now: number; effectId: string; reason: string; until: number | null }
  /** What the provider's callback or a link told about a sent message. */
  | { type: "report"; now: number; deliveryId: string; status: DeliveryStatus; reason?: string }
  /** What a language model proposes for a planned message. */
  | { type: "advise"; now: number; advice: Advice }
  | { type: "revoke_links"; now: number };

export interface Note {
  code: string;
  text: string;
  deliveryId?: string;
}

export type RejectionCode = Extract<ErrorCode, "CONFLICT" | "TOO_MANY_REQUESTS">;

export interface Received {
  accepted: number;
  duplicates: number;
  rejected: { id: string; code: RejectionCode; message: string }[];
}

/** What became of a beacon's events, and what the shopper is to see now. */
export interface BeaconReply extends Received {
  offers?: OfferDue[];
}

/** Everything a decision says. `state` is the same object when nothing changed. */
export interface Decision {
  state: CartState;
  /** Why, for the timeline and `explain`. */
  notes: Note[];
  /** Events that entered the log. */
  learned: CartEvent[];
  /** Effects to hand to the sender after the commit; derivable again from the ledger. */
  dispatch: Effect[];
  /** On-site offers that the shopper is to see now; the same ones again until they were shown. */
  offers?: Effect[];
  received?: Received;
  /** Claims: the effect as it may be sent now. */
  claimed?: Effect;
  /** Why a claim, settle, hold, report or advice was not carried out. */
  rejection?: string;
  /** Retention is over: the actor may forget everything. */
  forget?: true;
}
