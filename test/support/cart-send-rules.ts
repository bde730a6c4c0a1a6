/** Rules under which a random schedule runs: campaigns of every channel and trigger, a cap, perhaps quiet hours. */
import type { Rules } from "../../shared/policy/rules.ts";
import { DAY_MS } from "../../shared/time.ts";
import { campaign, rules } from "./cart-life.ts";
import type { Random } from "./random.ts";

export function anyRules(random: Random): Rules {
  const [step] = campaign().steps;
  const mail = campaign({
    id: "mail",
    priority: 3,
    steps: [
      { ...step!, id: "first", channel: "email" },
      { ...step!, id: "any", channel: "all", delayMinutes: random.pick([0, 60]), fallbackMinutes: 30 },
    ],
  });
  const timed = campaign({
    id: "timed",
    trigger: "time_based",
    priority: 9,
    steps: [{ ...step!, channel: "sms", delayMinutes: 5 }],
  });
  const exit = campaign({
    id: "exit",
    trigger: "exit_intent",
    steps: [
      { ...step!, id: "offer", channel: "onsite" },
      { ...step!, id: "mail", channel: "push", delayMinutes: 10 },
    ],
  });
  return rules({
    campaigns: random.chance(0.5) ? [timed, mail, exit] : [mail, exit],
    frequencyCap: random.pick([
      { max: 1, perHours: 1 },
      { max: 2, perHours: 24 },
      { max: 3, perHours: 6 },
    ]),
    quietHours: random.chance(0.5) ? { from: "21:00", to: "08:00" } : null,
    requireConsent: ["sms"],
    expireAfterMs: 3 * DAY_MS,
    retentionMs: 2 * DAY_MS,
  });
}
