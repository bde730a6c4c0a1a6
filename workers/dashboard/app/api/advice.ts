/** What the adviser proposed for a cart. */
import type { Channel } from "../../../../shared/views.ts";
import { get, one } from "./client.ts";

export interface Proposal {
  action: "keep" | "wait" | "skip" | "adjust";
  delayMinutes?: number;
  channel?: Channel;
  discountPercent?: number;
}

export interface Advice {
  id: string;
  at: string;
  /** Empty: none was asked. */
  model: string;
  /** `applied`, `refused`, or why the rules decided. */
  status: string;
  /** The model's for what was applied, else a code. */
  reason: string;
  proposal: Proposal | null;
  neurons: number;
}

export const listAdvice = (cartId: string) => get<{ items: Advice[] }>(`${one("/v1/carts", cartId)}/advice`);
