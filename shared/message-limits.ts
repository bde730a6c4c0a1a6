/** How long a rendered message may be, by channel: longer is refused when saved, and cut when a real cart makes it so. */
import type { Parts } from "./templates.ts";
import type { Channel } from "./views.ts";

export interface MessageLimits {
  subject: number;
  text: number;
}

export const MESSAGE_LIMITS: Record<Channel, MessageLimits> = {
  email: { subject: 250, text: Number.POSITIVE_INFINITY },
  // Ten parts.
  sms: { subject: 0, text: 1600 },
  // Web Push has 3993 bytes for all of it (RFC 8291), and phones show two lines.
  push: { subject: 120, text: 400 },
  onsite: { subject: 120, text: 600 },
};

/** A rendered message as its channel takes it. */
export function fitted<P extends Parts>(channel: Channel, parts: P): P {
  if (channel === "email") return parts;
  const limits = MESSAGE_LIMITS[channel];
  // One no-break space, as amounts have, would make an SMS of 160 characters one of 70.
  const text = channel === "sms" ? parts.text.replaceAll("\u00a0", " ") : parts.text;
  return { ...parts, subject: cut(parts.subject, limits.subject), text: cut(text.trim(), limits.text) };
}

function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  if (max === 0) return "";
  const points = [...text.slice(0, max - 1)];
  // Half a surrogate pair is no character.
  if (/[\ud800-\udbff]$/.test(points.at(-1) ?? "")) points.pop();
  return `${points.join("")}…`;
}
