/** States of carts and deliveries as chips: colour and word, never colour alone. */
import type { CartStatus, DeliveryStatus } from "../../../../shared/views.ts";
import { words } from "../format.ts";

export const CartStatusChip = ({ status }: { status: CartStatus }) => (
  <span class="chip" data-tone={status}>
    {words(status)}
  </span>
);

const TONES: Record<DeliveryStatus, "waiting" | "good" | "bad" | "still"> = {
  scheduled: "waiting",
  claimed: "waiting",
  sent: "good",
  delivered: "good",
  opened: "good",
  clicked: "good",
  bounced: "bad",
  complained: "bad",
  failed: "bad",
  unknown: "bad",
  cancelled: "still",
  suppressed: "still",
  raced: "still",
};

export const DeliveryStatusChip = ({ status }: { status: DeliveryStatus }) => (
  <span class="chip" data-tone={TONES[status] ?? "still"}>
    {words(status)}
  </span>
);
