/** The stages of models: which moves are allowed, what serves after them, and what a reader sees when a copy was left behind. */
import { describe, expect, it } from "vitest";
import { type Move, moved, servesAs, stageOf, stagesAfter } from "../../shared/model/registry.ts";
import { NO_SERVING, type Serving } from "../../shared/model/serving.ts";
import { MODEL_STAGES, type ModelStage } from "../../shared/model/views.ts";
import { random } from "../support/random.ts";

const serving = (over: Partial<Serving> = {}): Serving => ({ ...NO_SERVING, ...over });
const canary = (version: string, share = 0.1) => ({ version, share });
/** Everything is taken. */
const FULL = serving({ production: "p", canary: canary("c"), shadow: "s", previous: "o" });

const to = (stage: Exclude<Move["to"], "canary">): Move => ({ to: stage });
const share = (value: number): Move => ({ to: "canary", share: value });

describe("a move that is allowed", () => {
  it.each<[string, Serving, string, ModelStage, Move, Partial<Serving>]>([
    [
      "the first model to production",
      NO_SERVING,
      "a",
      "staging",
      to("production"),
      { production: "a", previous: null },
    ],
    ["another one to production", FULL, "a", "staging", to("production"), { production: "a", previous: "p" }],
    [
      "the canary to production",
      FULL,
      "c",
      "canary",
      to("production"),
      { production: "c", previous: "p", canary: null },
    ],
    [
      "the shadow to production",
      FULL,
      "s",
      "shadow",
      to("production"),
      { production: "s", previous: "p", shadow: null },
    ],
    ["the former one to production", FULL, "o", "archived", to("production"), { production: "o", previous: "p" }],
    [
      "a rejected one, by somebody who knows better",
      FULL,
      "a",
      "rejected",
      to("production"),
      { production: "a", previous: "p" },
    ],
    ["the prior back to production", FULL, "prior", "archived", to("production"), { production: null, previous: "p" }],
    ["a new one to canary", serving({ production: "p" }), "a", "staging", share(0.1), { canary: canary("a") }],
    [
      "the shadow to canary",
      serving({ shadow: "s" }),
      "s",
      "shadow",
      share(0.2),
      { canary: canary("s", 0.2), shadow: null },
    ],
    ["the canary to a larger share", FULL, "c", "canary", share(0.5), { canary: canary("c", 0.5) }],
    ["the canary to no carts", FULL, "c", "canary", share(0), { canary: canary("c", 0) }],
    ["a new one to shadow", serving({ production: "p" }), "a", "staging", to("shadow"), { shadow: "a" }],
    ["a shadow in the place of another", FULL, "a", "staging", to("shadow"), { shadow: "a" }],
    ["the canary to shadow", FULL, "c", "canary", to("shadow"), { shadow: "c", canary: null }],
    ["the canary out of service", FULL, "c", "canary", to("archived"), { canary: null }],
    ["the shadow back to staging", FULL, "s", "shadow", to("staging"), { shadow: null }],
    ["the canary rejected", FULL, "c", "canary", to("rejected"), { canary: null }],
    ["an unused one to the archive", FULL, "a", "staging", to("archived"), {}],
    [
      "production back to what was before",
      FULL,
      "p",
      "production",
      to("rollback"),
      { production: "o", previous: null },
    ],
    [
      "production back to the prior",
      serving({ production: "p" }),
      "p",
      "production",
      to("rollback"),
      { production: null },
    ],
    [
      "production back to what is the canary now",
      serving({ production: "p", previous: "c", canary: canary("c") }),
      "p",
      "production",
      to("rollback"),
      { production: "c", previous: null, canary: null },
    ],
    ["the canary rolled back", FULL, "c", "canary", to("rollback"), { canary: null }],
    ["the shadow rolled back", FULL, "s", "shadow", to("rollback"), { shadow: null }],
  ])("%s", (_, before, version, stored, move, change) => {
    expect(moved(before, version, stored, move)).toEqual({ ok: true, value: { ...before, ...change } });
  });
});

describe("a move that is refused", () => {
  it.each<[string, Serving, string, ModelStage, Move, string]>([
    ["production to production", FULL, "p", "production", to("production"), "already"],
    ["the prior to production where it is", NO_SERVING, "prior", "production", to("production"), "already"],
    ["the canary to the same share", FULL, "c", "canary", share(0.1), "already"],
    ["the shadow to shadow", FULL, "s", "shadow", to("shadow"), "already"],
    ["staging to staging", FULL, "a", "staging", to("staging"), "already"],
    ["the archive to the archive", FULL, "o", "archived", to("archived"), "already"],
    ["a second canary", FULL, "a", "staging", share(0.1), "other_canary"],
    ["production to canary", serving({ production: "p" }), "p", "production", share(0.1), "in_production"],
    ["production to shadow", FULL, "p", "production", to("shadow"), "in_production"],
    ["production to the archive", FULL, "p", "production", to("archived"), "in_production"],
    ["production to staging", FULL, "p", "production", to("staging"), "in_production"],
    ["a rollback of what does not serve", FULL, "a", "staging", to("rollback"), "not_serving"],
    ["a rollback done already", serving({ production: "o" }), "p", "rejected", to("rollback"), "not_serving"],
    ["the prior rolled back", NO_SERVING, "prior", "production", to("rollback"), "prior"],
    ["the prior rolled back where it does not serve", FULL, "prior", "archived", to("rollback"), "not_serving"],
    ["the prior as a canary", FULL, "prior", "archived", share(0.1), "prior"],
    ["the prior to the archive", NO_SERVING, "prior", "production", to("archived"), "prior"],
  ])("%s", (_, before, version, stored, move, reason) => {
    expect(moved(before, version, stored, move)).toEqual({ ok: false, reason });
  });
});

describe("what a reader sees", () => {
  it("is what the actor says of whatever serves, whatever the row says", () => {
    for (const stored of MODEL_STAGES) {
      expect(stageOf(FULL, "p", stored)).toBe("production");
      expect(stageOf(FULL, "c", stored)).toBe("canary");
      expect(stageOf(FULL, "s", stored)).toBe("shadow");
    }
  });

  it.each<[ModelStage, ModelStage]>([
    ["staging", "staging"],
    ["archived", "archived"],
    ["rejected", "rejected"],
    ["production", "archived"],
    ["canary", "archived"],
    ["shadow", "archived"],
  ])("of a row that says %s and does not serve is %s", (stored, seen) => {
    expect(stageOf(FULL, "a", stored)).toBe(seen);
  });

  it("of the prior is production until something else is", () => {
    expect(servesAs(NO_SERVING, "prior")).toBe("production");
    expect(servesAs(FULL, "prior")).toBeNull();
  });
});

describe("the stages that rows are told", () => {
  const after = (before: Serving, version: string, stored: ModelStage, move: Move): Record<string, ModelStage> => {
    const next = moved(before, version, stored, move);
    if (!next.ok) throw new Error(next.reason);
    return Object.fromEntries(stagesAfter(before, next.value, version, move));
  };

  it.each<[string, Serving, string, ModelStage, Move, Record<string, ModelStage>]>([
    ["a promotion", FULL, "c", "canary", to("production"), { c: "production", p: "archived" }],
    ["a rollback in production", FULL, "p", "production", to("rollback"), { p: "rejected", o: "production" }],
    ["a rollback to the prior", serving({ production: "p" }), "p", "production", to("rollback"), { p: "rejected" }],
    ["the prior promoted", FULL, "prior", "archived", to("production"), { p: "archived" }],
    ["a canary rolled back", FULL, "c", "canary", to("rollback"), { c: "rejected" }],
    ["a new share", FULL, "c", "canary", share(0.5), {}],
    ["a shadow in the place of another", FULL, "a", "staging", to("shadow"), { a: "shadow", s: "staging" }],
    ["an archived one", FULL, "a", "staging", to("archived"), { a: "archived" }],
    ["a canary taken back to staging", FULL, "c", "canary", to("staging"), { c: "staging" }],
  ])("%s", (_, before, version, stored, move, stages) => {
    expect(after(before, version, stored, move)).toEqual(stages);
  });
});

it("after any moves a version serves as one thing at most, and rows say what a reader sees", () => {
  const { pick } = random(7);
  const versions = ["a", "b", "c", "d"];
  const moves: Move[] = [
    ...(["staging", "archived", "rejected", "shadow", "production", "rollback"] as const).map((stage) => ({
      to: stage,
    })),
    share(0.1),
    share(0.5),
  ];
  let now: Serving = NO_SERVING;
  const rows = new Map<string, ModelStage>(versions.map((version) => [version, "staging"]));
  let allowed = 0;
  for (let i = 0; i < 5_000; i++) {
    const [version, move] = [pick([...versions, "prior"]), pick(moves)];
    const next = moved(now, version, rows.get(version) ?? "archived", move);
    if (!next.ok) continue;
    allowed += 1;
    for (const [touched, stage] of stagesAfter(now, next.value, version, move)) rows.set(touched, stage);
    now = next.value;
    const serves = [now.production, now.canary?.version, now.shadow].filter((v) => v != null);
    expect(new Set(serves).size, JSON.stringify(now)).toBe(serves.length);
    expect(now.previous === null || now.previous !== now.production, JSON.stringify(now)).toBe(true);
    for (const [known, stage] of rows)
      expect(stageOf(now, known, stage), `${known} in ${JSON.stringify(now)}`).toBe(stage);
  }
  expect(allowed).toBeGreaterThan(1_000);
});
