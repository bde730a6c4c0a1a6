/** What the adviser proposed, in words. Pure. */
import type { Advice, Proposal } from "../api/advice.ts";
import { plural, words } from "../format.ts";
import { CHANNEL_LABELS } from "./channels.ts";

export function proposalWords({ action, delayMinutes, channel, discountPercent }: Proposal): string {
  switch (action) {
    case "keep":
      return "Send as planned";
    case "skip":
      return "Send nothing";
    case "wait":
      return `Wait ${delayMinutes === undefined ? "longer" : plural(Math.round(delayMinutes), "minute")}`;
    case "adjust": {
      const parts = [channel && `by ${CHANNEL_LABELS[channel]}`, discountPercent && `with ${discountPercent}% off`];
      return `Send ${parts.filter(Boolean).join(", ") || "otherwise"}`;
    }
  }
}

export interface Outcome {
  label: string;
  tone: "good" | "still" | "recovering";
  why: string;
}

export function outcomeOf({ status, reason }: Pick<Advice, "status" | "reason">): Outcome {
  if (status === "applied") return { label: "Followed", tone: "good", why: reason };
  if (status === "refused") return { label: "Refused by the store’s rules", tone: "recovering", why: words(reason) };
  return { label: "Rules decided", tone: "still", why: words(reason === status || reason === "" ? status : reason) };
}
