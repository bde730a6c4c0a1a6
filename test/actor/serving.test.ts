/** What serves a store: kept by its actor, told to carts by its rules, changed by whoever saw its latest version. */
import { applyD1Migrations, type D1Migration, evictDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { storeStub } from "../../objects/stubs.ts";
import {
  insertModel,
  MAX_MODELS,
  makeRoom,
  modelRow,
  modelRows,
  modelView,
  moveModel,
  type NewModel,
} from "../../shared/db/models.ts";
import { type Move, stageOf } from "../../shared/model/registry.ts";
import { artefactKey } from "../../shared/model/rollout.ts";
import { NO_SERVING } from "../../shared/model/serving.ts";
import type { ModelStage } from "../../shared/model/views.ts";
import { DAY_MS } from "../../shared/time.ts";
import { runSchedule } from "../../workers/jobs/cron.ts";
import { env, failure, newStore, T0, unique } from "./support.ts";

beforeAll(() => applyD1Migrations(env.DB, (env as unknown as { MIGRATIONS: D1Migration[] }).MIGRATIONS));

const model = (version: string, over: Partial<NewModel> = {}): NewModel => ({
  version,
  kind: "trained",
  algorithm: "trees",
  name: version,
  stage: "staging",
  trees: 3,
  features: ["adds"],
  metrics: null,
  baseline: null,
  reference: null,
  windowFrom: null,
  windowTo: null,
  examples: 10,
  bytes: 100,
  sha256: "00",
  runId: null,
  note: null,
  createdAt: T0,
  createdBy: null,
  ...over,
});

async function storeWith(...versions: string[]) {
  const { id, store } = await newStore();
  for (const [i, version] of versions.entries()) await insertModel(env.DB, id, model(version, { createdAt: T0 + i }));
  const move = async (version: string, to: Move, expected: number | null = null) => {
    const stored = (await modelRow(env.DB, id, version))!.stage;
    return moveModel(env.DB, storeStub(env, id), id, { version, stored }, to, T0, expected);
  };
  /** As a reader sees them. */
  const stages = async (): Promise<Record<string, ModelStage>> => {
    const [rows, serving] = [await modelRows(env.DB, id, 100), await storeStub(env, id).serving()];
    return Object.fromEntries(rows.map((row) => [row.version, modelView(row, serving).stage]));
  };
  return { id, store, move, stages };
}

describe("Store.serve", () => {
  it("is obeyed by carts at once, and survives the actor", async () => {
    const { id, store } = await newStore();
    const before = await store.rules();
    expect(before.serving).toEqual({ production: null, canary: null });
    const canary = { version: "v2", share: 0.1 };
    const served = await store.serve({ ...NO_SERVING, production: "v1", canary, shadow: "v3" }, 0);
    expect(served).toEqual({ ok: true, value: { production: "v1", canary, shadow: "v3", previous: null, version: 1 } });
    await evictDurableObject(env.STORE.getByName(id));
    const after = await storeStub(env, id).rules();
    expect(after.serving).toEqual({ production: "v1", canary });
    expect(after.version).toBeGreaterThan(before.version);
    expect((await storeStub(env, id).serving()).version).toBe(1);
  });

  it("takes the word of who saw the latest version, and nobody else's", async () => {
    const { store } = await newStore();
    expect((await store.serve({ ...NO_SERVING, production: "a" }, 0)).ok).toBe(true);
    expect(await store.serve({ ...NO_SERVING, production: "b" }, 0)).toEqual({ ok: false, reason: "version" });
    expect((await store.serving()).production).toBe("a");
    expect((await store.serve({ ...NO_SERVING, production: "b" }, 1)).ok).toBe(true);
  });

  it("is refused for a store that was never opened", async () => {
    expect(await failure(() => storeStub(env, unique("st")).serve(NO_SERVING, 0))).toContain("no such store");
  });
});

describe("a model's way", () => {
  it("leads from staging to production and back in one step each", async () => {
    const { store, move, stages } = await storeWith("v1", "v2");
    await move("v1", { to: "production" });
    await move("v2", { to: "shadow" });
    await move("v2", { to: "canary", share: 0.1 });
    expect(await stages()).toEqual({ v1: "production", v2: "canary" });
    await move("v2", { to: "production" });
    expect(await stages()).toEqual({ v1: "archived", v2: "production" });
    await move("v2", { to: "rollback" });
    expect(await stages()).toEqual({ v1: "production", v2: "rejected" });
    expect(await move("v2", { to: "rollback" })).toEqual({ ok: false, reason: "not_serving" });
    await move("v1", { to: "rollback" });
    expect(await store.serving()).toMatchObject({ production: null, previous: null, version: 6 });
  });

  it("of two who promote at once one is told to look again", async () => {
    const { id, store, stages } = await storeWith("v1", "v2");
    /** Both have read before either writes. */
    let waiting = 2;
    let release: () => void;
    const both = new Promise<void>((resolve) => {
      release = resolve;
    });
    const meeting = {
      serving: async () => {
        const seen = await storeStub(env, id).serving();
        waiting -= 1;
        if (waiting === 0) release();
        await both;
        return seen;
      },
      serve: (...args: Parameters<typeof store.serve>) => storeStub(env, id).serve(...args),
    };
    const promote = (version: string) =>
      moveModel(env.DB, meeting, id, { version, stored: "staging" }, { to: "production" }, T0);
    const [a, b] = await Promise.all([promote("v1"), promote("v2")]);
    expect([a.ok, b.ok].sort()).toEqual([false, true]);
    expect([a, b]).toContainEqual({ ok: false, reason: "version" });
    const served = (await store.serving()).production!;
    expect(await stages()).toEqual({ v1: "staging", v2: "staging", [served]: "production" });
  });

  it("is not gone by who saw an older state than they say", async () => {
    const { store, move } = await storeWith("v1", "v2");
    await move("v1", { to: "production" });
    expect(await move("v2", { to: "production" }, 0)).toEqual({ ok: false, reason: "version" });
    expect((await move("v2", { to: "production" }, 1)).ok).toBe(true);
    expect((await store.serving()).previous).toBe("v1");
  });

  it("a crash between the actor's word and the rows leaves no reader with a wrong stage", async () => {
    const { id, store, move, stages } = await storeWith("v1", "v2");
    await move("v1", { to: "production" });
    const broken = { prepare: env.DB.prepare.bind(env.DB), batch: () => Promise.reject(new Error("gone")) };
    const crash = moveModel(
      broken as unknown as D1Database,
      storeStub(env, id),
      id,
      { version: "v2", stored: "staging" },
      { to: "production" },
      T0,
    );
    expect(await failure(() => crash)).toContain("gone");
    expect((await modelRow(env.DB, id, "v1"))?.stage).toBe("production");
    expect(await stages()).toEqual({ v1: "archived", v2: "production" });
    await move("v2", { to: "rollback" });
    expect(await stages()).toEqual({ v1: "production", v2: "rejected" });
    expect(stageOf(await store.serving(), "v1", (await modelRow(env.DB, id, "v1"))!.stage)).toBe("production");
  });
});

describe("what is kept", () => {
  it("a version is inserted once: a repeat changes nothing", async () => {
    const { id } = await storeWith("v1");
    expect(await insertModel(env.DB, id, model("v1", { name: "another" }))).toBe(false);
    expect((await modelRow(env.DB, id, "v1"))?.name).toBe("v1");
  });

  it("no store sees another's", async () => {
    const [{ id: mine }, { id: theirs }] = [await storeWith("v1"), await storeWith("v1", "v2")];
    expect(await modelRow(env.DB, mine, "v2")).toBeNull();
    expect((await modelRows(env.DB, theirs, 10)).map(({ version }) => version)).toEqual(["v2", "v1"]);
    expect((await modelRows(env.DB, mine, 10)).map(({ version }) => version)).toEqual(["v1"]);
  });

  it("as many as a store may have: the oldest that is of no use makes room, with its artefact", async () => {
    const { id, store } = await newStore();
    const rows = Array.from({ length: MAX_MODELS }, (_, i) =>
      env.DB.prepare(
        `INSERT INTO models (store_id, version, kind, algorithm, name, stage, trees, features, metrics, baseline, examples, bytes, sha256, created_at, staged_at)
         VALUES (?, ?, 'trained', 'trees', 'm', ?, 1, '[]', 'null', 'null', 0, 1, '', ?, ?)`,
      ).bind(id, `v${i}`, i === 0 ? "production" : i < 3 ? "archived" : "staging", T0 + i, T0),
    );
    await env.DB.batch(rows);
    await store.serve({ ...NO_SERVING, production: "v0", previous: "v1" }, 0);
    await env.ARTEFACTS.put(artefactKey(id, "v2"), "m");
    expect(await makeRoom(env.DB, env.ARTEFACTS, id, await store.serving())).toBe(true);
    expect(await modelRow(env.DB, id, "v2")).toBeNull();
    expect(await env.ARTEFACTS.head(artefactKey(id, "v2"))).toBeNull();
    // One fewer than allowed now: nothing has to go.
    expect(await makeRoom(env.DB, env.ARTEFACTS, id, await store.serving())).toBe(true);
    expect(await modelRow(env.DB, id, "v1")).not.toBeNull();
    await insertModel(env.DB, id, model("last"));
    expect(await makeRoom(env.DB, env.ARTEFACTS, id, await store.serving())).toBe(false);
  });

  it("an artefact whose row was never written is swept, once nobody can be about to write it", async () => {
    const { id } = await storeWith("kept");
    await env.ARTEFACTS.put(artefactKey(id, "kept"), "m");
    await env.ARTEFACTS.put(artefactKey(id, "orphan"), "m");
    await env.ARTEFACTS.put(`runs/${id}/state`, "not an artefact");
    const { uploaded } = (await env.ARTEFACTS.head(artefactKey(id, "orphan")))!;
    const weekly = (now: number) => runSchedule("0 3 * * SUN", env, now);
    await weekly(uploaded.getTime() + 6 * DAY_MS);
    expect(await env.ARTEFACTS.head(artefactKey(id, "orphan"))).not.toBeNull();
    await weekly(uploaded.getTime() + 8 * DAY_MS);
    expect(await env.ARTEFACTS.head(artefactKey(id, "orphan"))).toBeNull();
    expect(await env.ARTEFACTS.head(artefactKey(id, "kept"))).not.toBeNull();
    expect(await env.ARTEFACTS.head(`runs/${id}/state`)).not.toBeNull();
  });
});
