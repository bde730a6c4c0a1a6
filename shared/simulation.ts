/** What `POST /v1/campaigns/{id}/simulate` answers: recorded carts, replayed through a changed campaign. */
import * as z from "zod";
import type { Send } from "./policy/permit.ts";
import { channel, deliveryStatus } from "./views.ts";

const time = z.iso.datetime();
const count = z.number().int().min(0);

const message = z.object({
  campaignId: z.string(),
  stepId: z.string(),
  variantId: z.string(),
  channel,
  at: time.describe("When it was sent, or when it was decided that it is not"),
  outcome: z.enum(["sent", "held_out", "suppressed", "cancelled", "waiting"]),
  reason: z.string().nullable().describe("Why not, as in a delivery's status history"),
});
export type SimulatedMessage = z.infer<typeof message>;

const note = z.object({ at: time, code: z.string(), text: z.string() });
export type SimulatedNote = z.infer<typeof note>;

/** One cart's part, as its actor answers. */
export interface SimulatedCart {
  status: string;
  messages: SimulatedMessage[];
  notes: SimulatedNote[];
  before: z.infer<typeof before>[];
  /** All that this shopper would have been sent so far: what the caps of their next cart count. */
  sends: Send[];
}

const before = z.object({ campaignId: z.string(), stepId: z.string(), channel, status: deliveryStatus, at: time });

export const simulationView = z
  .object({
    carts: count.describe("How many were replayed"),
    skipped: z
      .array(z.object({ cartId: z.string(), reason: z.string() }))
      .describe("`compacted`: the cart has forgotten its oldest events; `not_found`: it is gone"),
    summary: z.object({
      sent: count,
      heldOut: count,
      suppressed: count,
      cancelled: count,
      waiting: count,
      shoppers: count.describe("Who would have been written to"),
    }),
    items: z.array(
      z.object({
        cartId: z.string(),
        shopper: z.object({ id: z.string(), email: z.string().nullable(), name: z.string().nullable() }),
        status: z.string().describe("What the cart really is now"),
        messages: z.array(message),
        notes: z.array(note).describe("Every decision on the way, oldest first, at most 100"),
        before: z.array(before).describe("What was really sent or planned"),
      }),
    ),
  })
  .meta({ id: "Simulation" });
export type SimulationView = z.infer<typeof simulationView>;
