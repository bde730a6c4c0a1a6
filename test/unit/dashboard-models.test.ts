import { describe, expect, it } from "vitest";
import { FEATURES } from "../../shared/model/features.ts";
import { moved } from "../../shared/model/registry.ts";
import type { Serving } from "../../shared/model/serving.ts";
import { MODEL_STAGES, type ModelStage, RUN_STEPS as STEPS_OF_RUNS } from "../../shared/model/views.ts";
import { modelHref, modelsHref, parseRoute } from "../../workers/dashboard/app/route.ts";
import { outcomeOf, proposalWords } from "../../workers/dashboard/app/ui/advice-words.ts";
import { featureName, featureSentence } from "../../workers/dashboard/app/ui/feature-words.ts";
import {
  actionsOf,
  algorithmWords,
  calibrationWords,
  comparedWith,
  liftWords,
  METRICS,
  type ModelAction,
  namesOf,
  PRIOR,
  RUN_STEPS,
  STAGES,
  servingWords,
  size,
  windowWords,
} from "../../workers/dashboard/app/views/models/model-words.ts";
import { along, boundsOf, plotOf, scaleOf } from "../../workers/dashboard/app/views/models/scale.ts";
import { metricsOf, modelOf, serving } from "../support/model-views.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");

/** What the registry would say to what is offered. */
function verdict(action: ModelAction, version: string, stage: ModelStage, state: Serving): boolean {
  if (action === "canary") return moved(state, version, stage, { to: "canary", share: 0.25 }).ok;
  const to = {
    promote: "production",
    shadow: "shadow",
    rollback: "rollback",
    stage: "staging",
    archive: "archived",
  } as const;
  return moved(state, version, stage, { to: to[action] }).ok;
}

/** A canary is stopped first; a shadow goes back to staging, where it came from. */
const LEFT_OUT = new Set(["canary shadow", "shadow rollback"]);

describe("what is offered", () => {
  const canary = { version: "c", share: 0.1 };
  const states: Serving[] = [
    { production: null, canary: null, shadow: null, previous: null },
    { production: "p", canary: null, shadow: null, previous: null },
    { production: "p", canary, shadow: "s", previous: "o" },
    { production: null, canary, shadow: null, previous: "p" },
  ];
  const stageIn = (state: Serving, version: string, stored: ModelStage): ModelStage => {
    if ((state.production ?? PRIOR) === version) return "production";
    if (state.canary?.version === version) return "canary";
    return state.shadow === version ? "shadow" : stored;
  };

  it("is never refused by the registry, and holds all but what is there already", () => {
    let offered = 0;
    for (const state of states)
      for (const version of ["p", "c", "s", "x", PRIOR])
        for (const stored of ["staging", "archived", "rejected"] as const) {
          const stage = stageIn(state, version, stored);
          const view = serving({ ...state, production: state.production ?? PRIOR });
          const actions = actionsOf({ version, stage }, view);
          for (const action of actions)
            expect([action, version, stage, verdict(action, version, stage, state)]).toEqual([
              action,
              version,
              stage,
              true,
            ]);
          for (const action of ["promote", "canary", "shadow", "rollback"] as const)
            if (!actions.includes(action) && !LEFT_OUT.has(`${stage} ${action}`))
              expect([action, version, stage, verdict(action, version, stage, state)]).toEqual([
                action,
                version,
                stage,
                false,
              ]);
          offered += actions.length;
        }
    expect(offered).toBeGreaterThan(60);
  });
});

describe("models in words", () => {
  it("know every stage and step", () => {
    expect(Object.keys(STAGES).sort()).toEqual([...MODEL_STAGES].sort());
    expect(RUN_STEPS).toEqual([...STEPS_OF_RUNS]);
  });

  it("compare with what was in production, whichever way is better", () => {
    const [better, worse] = [metricsOf(0.8, 0.01), metricsOf(0.6, 0.3)];
    for (const metric of METRICS) {
      expect(comparedWith(metric, better, worse)).toMatchObject({
        tone: "good",
        text: expect.stringMatching(/^0\.\d{3} better$/),
      });
      expect(comparedWith(metric, worse, better)).toMatchObject({
        tone: "bad",
        text: expect.stringMatching(/^0\.\d{3} worse$/),
      });
      expect(comparedWith(metric, better, better)).toEqual({ tone: "still", text: "the same" });
      expect(comparedWith(metric, better, null)).toBeNull();
    }
  });

  it("tell the widest miss, and what the first fifth of the carts holds", () => {
    const metrics = metricsOf(0.8, 0);
    metrics.calibration[9] = { predicted: 0.9, observed: 0.7, rows: 10 };
    metrics.ece.value = 0.0123;
    expect(calibrationWords(metrics)).toBe(
      "On average predictions are 1.2 points off. The widest miss: 90.0% predicted, 70.0% bought.",
    );
    metrics.lift = [
      { share: 0.05, captured: 0.2 },
      { share: 0.2, captured: 0.5 },
    ];
    expect(liftWords(metrics)).toBe("The likeliest 20% of carts hold 50% of the purchases, 2.5 times their share.");
    expect(liftWords({ ...metrics, lift: [] })).toBe("");
    expect(calibrationWords({ ...metrics, calibration: [] })).toBe("On average predictions are 1.2 points off.");
  });

  it("tell who scores which carts", () => {
    const nameOf = namesOf([modelOf({ version: "m1", name: "Autumn", age: 3 }, NOW)]);
    expect(servingWords(serving({}), nameOf)).toBe("Cartwake’s prior scores every cart.");
    const busy = serving({ production: "m1", canary: { version: "m2", share: 0.2 }, shadow: "m3" });
    expect(servingWords(busy, nameOf)).toBe(
      "Autumn scores 80% of the carts, m2 20% as the canary, m3 is compared in the shadow.",
    );
  });

  it("tell sizes, trees and windows", () => {
    expect([size(999), size(184_220), size(2_500_000)]).toEqual(["999 B", "184 kB", "2.5 MB"]);
    expect(algorithmWords({ algorithm: "logistic", trees: 0 })).toBe("logistic regression");
    expect(algorithmWords({ algorithm: "blend", trees: 12 })).toBe("12 boosted trees with logistic regression");
    expect(windowWords({ from: null, to: null })).toBeNull();
    expect(windowWords({ from: "2026-10-03T00:00:00Z", to: "2026-11-20T23:00:00Z" }, "en-GB")).toMatch(
      /^3 Oct\W+20 Nov 2026$/,
    );
  });
});

describe("charts", () => {
  it.each([
    [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [0, 0.63, [0, 0.2, 0.4, 0.6, 0.8]],
    [0, 0.05, [0, 0.01, 0.02, 0.03, 0.04, 0.05]],
    [-0.02, 0.041, [-0.02, 0, 0.02, 0.04, 0.06]],
    [3, 3, [3, 3.2, 3.4, 3.6, 3.8, 4]],
  ])("have round ticks from %f to %f", (low, high, ticks) => {
    const scale = scaleOf(low, high);
    expect(scale.ticks).toEqual(ticks);
    expect([scale.low, scale.high]).toEqual([ticks[0], ticks.at(-1)]);
  });

  it("keep what is beyond the scale at its end, and leave out what is not known", () => {
    expect([along({ low: 0, high: 2 }, 1), along({ low: 0, high: 2 }, 9), along({ low: 0, high: 2 }, -9)]).toEqual([
      0.5, 1, 0,
    ]);
    const plot = plotOf(scaleOf(0, 1), scaleOf(0, 1), 300);
    expect(
      plot.line([
        [0, null],
        [0.5, 0.5],
        [1, null],
        [1, 1],
      ]),
    ).toBe(`M${plot.x(0.5)} ${plot.y(0.5)}L${plot.x(1)} ${plot.y(1)}`);
    expect(plot.y(1)).toBeLessThan(plot.y(0));
  });

  it("hold every interval of a metric", () => {
    const within = boundsOf([{ value: 0.5, low: 0.4, high: 0.6 }, undefined, { value: 0.7, low: 0.65, high: 0.8 }]);
    expect(within.low).toBeLessThan(0.4);
    expect(within.high).toBeGreaterThan(0.8);
    expect(boundsOf([{ value: 1, low: 1, high: 1 }]).high).toBeGreaterThan(1);
  });
});

describe("features in words", () => {
  it.each(FEATURES.map(({ name }) => name))("%s has a sentence of its own, whatever its value", (name) => {
    for (const value of [0, 0.5, 1, 2, 6, 23.5, 4_000]) {
      const text = featureSentence(name, value);
      expect(text).not.toMatch(/undefined|NaN|Infinity/);
      expect(text).not.toContain(`${featureName(name)}:`);
      expect(text[0]).toMatch(/[A-Z0-9]/);
    }
  });

  it.each([
    ["adds", 1, "1 addition to the cart"],
    ["adds", 3, "3 additions to the cart"],
    ["removes", 0, "No removal from the cart"],
    ["checkoutStage", 4, "The checkout got to shipping"],
    ["idleMinutes", 14.2, "Nothing happened for 14 min"],
    ["daysSinceLastPurchase", 3, "The last purchase was 3 days before"],
    ["mobile", 1, "On a phone"],
    ["hour", 14.5, "At 14:30 where the shopper is"],
    ["priceRatio", Math.log(1.5), "Its prices are 1.5 times the mean price seen"],
    ["warehouse_score_2", 0.25, "Warehouse score 2: 0.3"],
    ["warehouse_score_2", null, "Warehouse score 2: not known"],
  ])("%s of %s", (name, value, text) => expect(featureSentence(name, value)).toBe(text));
});

describe("advice in words", () => {
  it.each([
    [{ action: "keep" }, "Send as planned"],
    [{ action: "skip" }, "Send nothing"],
    [{ action: "wait", delayMinutes: 90 }, "Wait 90 minutes"],
    [{ action: "adjust", channel: "sms", discountPercent: 10 }, "Send by SMS, with 10% off"],
    [{ action: "adjust", discountPercent: 5 }, "Send with 5% off"],
  ] as const)("%o reads %s", (proposal, text) => expect(proposalWords(proposal)).toBe(text));

  it("tells what became of it", () => {
    expect(outcomeOf({ status: "applied", reason: "She is about to buy." })).toMatchObject({
      why: "She is about to buy.",
    });
    expect(outcomeOf({ status: "refused", reason: "discount_not_allowed" })).toMatchObject({
      why: "Discount not allowed",
    });
    expect(outcomeOf({ status: "budget_spent", reason: "" })).toEqual({
      label: "Rules decided",
      tone: "still",
      why: "Budget spent",
    });
  });
});

describe("addresses", () => {
  it.each([
    [modelsHref, { name: "models" }],
    [modelHref("m-1"), { name: "model", version: "m-1" }],
    [modelHref("a/b %"), { name: "model", version: "a/b %" }],
    ["#/models/m-1/more", { name: "missing" }],
  ])("%s", (href, route) => expect(parseRoute(href)).toEqual(route));
});
