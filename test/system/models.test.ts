/** A model's life over HTTP: imported, put to shadow, canary and production, rolled back; and who sees and may do what. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { armOf } from "../../shared/model/rollout.ts";
import type { ModelView, TrainingRunView } from "../../shared/model/views.ts";
import { newXgboostFile, xgboostFile } from "../support/cart-model-files.ts";
import { add, Merchant, until } from "../support/merchant.ts";
import { act, imported, listModels, moved, servingOf, upload } from "../support/models.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
afterAll(() => system?.stop());

const newMerchant = (): Promise<Merchant> => Merchant.register(system.url);

interface Entry {
  action: string;
  actor: { kind: string; email: string | null };
  object: { kind: string; id: string | null };
  before: { stage: string; serving: { production: string } } | null;
  after: { stage: string; serving: { production: string } } | null;
}
const audit = async (merchant: Merchant): Promise<Entry[]> =>
  (await merchant.get<{ items: Entry[] }>("/v1/audit?limit=200")).items.filter(({ action }) =>
    action.startsWith("model."),
  );

let events = 0;
/** Something happens to the cart, so that it hears of the newest rules; answers which model it is scored by. */
async function modelOf(merchant: Merchant, cartId: string): Promise<string> {
  await merchant.accept([add(cartId, `mug-${++events}`, "12.30")]);
  return (await merchant.cart(cartId)).prediction.model;
}
const scoredBy = (merchant: Merchant, cartId: string, version: string): Promise<true> =>
  until(`${cartId} is scored by ${version}`, async () => (await modelOf(merchant, cartId)) === version || null);

test("from a file to production and back: the carts follow, and the audit log says who did it", async () => {
  const merchant = await newMerchant();
  const before = await listModels(merchant);
  expect(before.serving).toMatchObject({ production: "prior", canary: null, shadow: null, previous: null, version: 0 });
  expect(before.items).toMatchObject([{ version: "prior", kind: "prior", stage: "production", metrics: null }]);
  const prior = await modelOf(merchant, "c");

  const first = await upload(merchant, newXgboostFile(), { name: "From the warehouse", type: "application/json" });
  expect(first.status, first.text).toBe(201);
  const { version } = first.body;
  expect(first.body).toMatchObject({
    stage: "staging",
    kind: "imported",
    algorithm: "trees",
    name: "From the warehouse",
    trees: 1,
    features: ["adds", "priorPurchases"],
    createdBy: merchant.account.email,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect((await listModels(merchant)).items.map((item) => item.version)).toEqual([version, "prior"]);

  expect(await moved(merchant, version, "shadow")).toMatchObject({ stage: "shadow", share: null });
  expect(await modelOf(merchant, "c"), "a shadow scores no cart").toBe(prior);
  expect(await moved(merchant, version, "canary", { share: 0.1 })).toMatchObject({ stage: "canary", share: 0.1 });
  expect(await servingOf(merchant)).toMatchObject({ shadow: null, canary: { version, share: 0.1 } });
  expect(await moved(merchant, version, "promote")).toMatchObject({ stage: "production", share: null });
  await scoredBy(merchant, "c", version);
  expect((await merchant.get<ModelView>("/v1/models/prior")).stage).toBe("archived");

  const second = await imported(merchant, newXgboostFile());
  await moved(merchant, second, "stage", { stage: "production" });
  expect((await merchant.get<ModelView>(`/v1/models/${version}`)).stage).toBe("archived");
  await scoredBy(merchant, "c", second);
  expect(await moved(merchant, second, "rollback")).toMatchObject({ stage: "rejected" });
  await scoredBy(merchant, "c", version);
  expectProblem(await act(merchant, second, "rollback"), "CONFLICT");
  await moved(merchant, version, "rollback");
  await scoredBy(merchant, "c", prior);
  expect(await servingOf(merchant)).toMatchObject({ production: "prior", canary: null, shadow: null, previous: null });

  const lines = (await audit(merchant)).reverse();
  expect(lines.map(({ action, object }) => [action, object.id])).toEqual([
    ["model.imported", version],
    ["model.shadowed", version],
    ["model.canaried", version],
    ["model.promoted", version],
    ["model.imported", second],
    ["model.staged", second],
    ["model.rolled_back", second],
    ["model.rolled_back", version],
  ]);
  expect(lines.every(({ actor }) => actor.kind === "user" && actor.email === merchant.account.email)).toBe(true);
  expect(lines[3]).toMatchObject({
    before: { stage: "canary", serving: { production: "prior", canary: { version, share: 0.1 } } },
    after: { stage: "production", serving: { production: version, canary: null } },
  });
});

test("a canary scores exactly the carts of its share, and keeps them as it grows", async () => {
  const merchant = await newMerchant();
  const prior = await modelOf(merchant, "first");
  const version = await imported(merchant, newXgboostFile());
  const ids = Array.from({ length: 40 }, (_, i) => `cart-${i}`);
  let before: string[] = [];
  for (const share of [0.1, 0.5]) {
    await moved(merchant, version, "canary", { share });
    const expected = ids.filter((id) => armOf({ canary: { version, share } }, id) === "canary");
    await until(`the carts know of the share ${share}`, async () => {
      const models = await Promise.all(ids.map((id) => modelOf(merchant, id)));
      expect(new Set([...models, prior, version]).size, models.join()).toBe(2);
      const canaries = ids.filter((_, i) => models[i] === version);
      return canaries.join() === expected.join() || null;
    });
    expect(before.every((id) => expected.includes(id))).toBe(true);
    before = expected;
  }
  expect(before.length).toBeGreaterThan(10);
  expect(before.length).toBeLessThan(30);
});

describe("who changes what somebody else just changed", () => {
  test("is told, when they say what they saw", async () => {
    const merchant = await newMerchant();
    const [a, b] = [await imported(merchant, newXgboostFile()), await imported(merchant, newXgboostFile())];
    const seen = { "if-match": `"${(await servingOf(merchant)).version}"` };
    const first = await act(merchant, a, "promote", undefined, seen);
    expect([first.status, first.headers.get("etag")]).toEqual([200, '"1"']);
    expectProblem(await act(merchant, b, "promote", undefined, seen), "CONFLICT");
    expect(await servingOf(merchant)).toMatchObject({ production: a, version: 1 });
    const again = await act(merchant, b, "promote", undefined, { "if-match": '"1"' });
    expect(again.status, again.text).toBe(200);
  });

  test("at the same moment: what serves is one of the two, and every answer was true when it was given", async () => {
    const merchant = await newMerchant();
    const versions = await Promise.all(Array.from({ length: 6 }, () => imported(merchant, newXgboostFile())));
    const answers = await Promise.all(versions.map((version) => act(merchant, version, "promote")));
    const good = answers.filter(({ status }) => status === 200);
    for (const answer of answers) if (answer.status !== 200) expectProblem(answer, "CONFLICT");
    const { serving, items } = await listModels(merchant);
    expect(serving.version).toBe(good.length);
    expect(good.map(({ body }) => body.version)).toContain(serving.production);
    expect(items.filter(({ stage }) => stage === "production").map(({ version }) => version)).toEqual([
      serving.production,
    ]);
    expect((await audit(merchant)).filter(({ action }) => action === "model.promoted")).toHaveLength(good.length);
  });

  test("a repeat with the same Idempotency-Key changes nothing and gets the same answer", async () => {
    const merchant = await newMerchant();
    const key = { "idempotency-key": "promote-once" };
    const file = newXgboostFile();
    const [first, repeat] = [
      await upload(merchant, file, { headers: { "idempotency-key": "import-once" } }),
      await upload(merchant, file, { headers: { "idempotency-key": "import-once" } }),
    ];
    expect([first.status, repeat.status, repeat.headers.get("idempotency-replayed")]).toEqual([201, 201, "true"]);
    expect(repeat.text).toBe(first.text);
    const other = await upload(merchant, newXgboostFile(), { headers: { "idempotency-key": "import-once" } });
    expectProblem(other, "CONFLICT");
    const { version } = first.body;
    const once = await act(merchant, version, "promote", undefined, key);
    const twice = await act(merchant, version, "promote", undefined, key);
    expect([once.status, twice.status, twice.text]).toEqual([200, 200, once.text]);
    expect((await servingOf(merchant)).version).toBe(1);
  });
});

describe("a move that makes no sense", () => {
  let merchant: Merchant;
  beforeAll(async () => {
    merchant = await newMerchant();
  });

  test.each<[string, string, unknown, "VALIDATION_ERROR" | "CONFLICT", string?]>([
    ["a stage nobody knows", "stage", { stage: "rejected" }, "VALIDATION_ERROR", "stage"],
    ["a canary without a share", "stage", { stage: "canary" }, "VALIDATION_ERROR", "share"],
    ["a share of something else", "stage", { stage: "shadow", share: 0.5 }, "VALIDATION_ERROR", "share"],
    ["a share over one", "canary", { share: 1.01 }, "VALIDATION_ERROR", "share"],
    ["a share below nought", "canary", { share: -0.1 }, "VALIDATION_ERROR", "share"],
    ["a share in words", "canary", { share: "ten" }, "VALIDATION_ERROR", "share"],
    ["no share", "canary", {}, "VALIDATION_ERROR", "share"],
    ["staging what is in staging", "stage", { stage: "staging" }, "CONFLICT"],
    ["a rollback of what never served", "rollback", undefined, "CONFLICT"],
  ])("%s", async (_, action, body, code, field) => {
    const version = await imported(merchant, newXgboostFile());
    expectProblem(await act(merchant, version, action, body), code, field);
    expect((await servingOf(merchant)).version).toBe(0);
    expect(new Set((await audit(merchant)).map(({ action: done }) => done))).toEqual(new Set(["model.imported"]));
  });

  test("with the prior: it can be promoted, and nothing else", async () => {
    for (const [action, body] of [["shadow"], ["rollback"], ["promote"], ["canary", { share: 0.1 }]] as const)
      expectProblem(await act(merchant, "prior", action, body), "CONFLICT");
    const version = await imported(merchant, newXgboostFile());
    await moved(merchant, version, "promote");
    expect(await moved(merchant, "prior", "promote")).toMatchObject({ version: "prior", stage: "production" });
    expect(await servingOf(merchant)).toMatchObject({ production: "prior", previous: version });
  });
});

test("tenants never meet: another store's models, runs and drift do not exist", async () => {
  const [mine, other] = [await newMerchant(), await newMerchant()];
  const version = await imported(mine, newXgboostFile());
  await moved(mine, version, "promote");
  const { body: started } = await mine.call<{ runId: string }>("POST", "/v1/models/train");
  expect((await listModels(other)).items.map((item) => item.version)).toEqual(["prior"]);
  expect(await servingOf(other)).toMatchObject({ production: "prior", version: 0 });
  for (const path of ["", "/artefact"])
    expectProblem(await other.call("GET", `/v1/models/${version}${path}`), "NOT_FOUND");
  for (const action of ["promote", "shadow", "rollback"]) expectProblem(await act(other, version, action), "NOT_FOUND");
  expectProblem(await act(other, version, "canary", { share: 0.5 }), "NOT_FOUND");
  expectProblem(await other.call("GET", `/v1/models/drift?version=${version}`), "NOT_FOUND");
  expectProblem(await other.call("GET", `/v1/models/runs/${started.runId}`), "NOT_FOUND");
  expect((await other.get<{ items: unknown[] }>("/v1/models/runs")).items).toEqual([]);
  expect(await modelOf(other, "c")).not.toBe(version);
  // The same file is theirs as well, under the same name, and moves without the other.
  const theirs = await upload(other, xgboostFile(-0.5, 0.25));
  const twin = await upload(mine, xgboostFile(-0.5, 0.25));
  expect(theirs.body.version).toBe(twin.body.version);
  await moved(other, theirs.body.version, "promote");
  expect((await servingOf(mine)).production).toBe(version);
});

test("a list is told in pages, the prior last", async () => {
  const merchant = await newMerchant();
  const made: string[] = [];
  for (let i = 0; i < 4; i++) made.unshift(await imported(merchant, newXgboostFile()));
  for (const limit of [1, 2, 3, 4, 5]) {
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await listModels(
        merchant,
        `?limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
      );
      expect(page.items.length).toBeLessThanOrEqual(limit);
      seen.push(...page.items.map(({ version }) => version));
      cursor = page.nextCursor;
    }
    expect(seen, `pages of ${limit}`).toEqual([...made, "prior"]);
  }
});

test("training runs never overlap, whoever asks for them at once; and nothing is said of drift before there is a report", async () => {
  const merchant = await newMerchant();
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => merchant.call<{ runId: string }>("POST", "/v1/models/train")),
  );
  for (const answer of answers) if (answer.status !== 202) expectProblem(answer, "CONFLICT");
  const begun = answers.filter(({ status }) => status === 202);
  const { items } = await merchant.get<{ items: TrainingRunView[] }>("/v1/models/runs");
  expect(items.map(({ id }) => id).sort()).toEqual(begun.map(({ body }) => body.runId).sort());
  items.reduce((later, earlier) => {
    expect(earlier.endedAt !== null && earlier.endedAt <= later.startedAt).toBe(true);
    return earlier;
  });
  const started = begun[0]!;
  const run = await merchant.get<{ id: string; trigger: string }>(`/v1/models/runs/${started.body.runId}`);
  expect(run).toMatchObject({ id: started.body.runId, trigger: "hand" });
  expect(await merchant.get("/v1/models/drift")).toMatchObject({
    version: "prior",
    status: "unknown",
    rows: 0,
    history: [],
  });
  const lines = (await merchant.get<{ items: Entry[] }>("/v1/audit")).items;
  expect(lines.map(({ action }) => action)).toContain("training_run.started");
});
