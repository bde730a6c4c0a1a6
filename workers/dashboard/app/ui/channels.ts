/** What channels are called. */
import type { Channel } from "../../../../shared/views.ts";

export const CHANNEL_LABELS: Readonly<Record<Channel, string>> = {
  email: "E-mail",
  sms: "SMS",
  push: "Push",
  onsite: "On-site offer",
};
