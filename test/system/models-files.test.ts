/** Files of models: what other libraries wrote scores as it does there, and what is no model changes nothing. */
import { createHash } from "node:crypto";
import { request } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MAX_MODEL_BYTES } from "../../shared/model/codec.ts";
import { FEATURE_NAMES } from "../../shared/model/features.ts";
import type { ModelView } from "../../shared/model/views.ts";
import { newXgboostFile, xgboostFile } from "../support/cart-model-files.ts";
import { type Answer, Merchant } from "../support/merchant.ts";
import {
  act,
  fixtureFile,
  fixturePredictions,
  imported,
  listModels,
  moved,
  servingOf,
  type Upload,
  upload,
} from "../support/models.ts";
import { expectProblem, unexpectedIn } from "../support/problems.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
let merchant: Merchant;
beforeAll(async () => {
  system = await startSystem();
  merchant = await Merchant.register(system.url);
});
afterEach(() => expect(unexpectedIn(system.logs())).toEqual([]));
afterAll(() => system?.stop());

const versions = async (by = merchant): Promise<string[]> => (await listModels(by)).items.map(({ version }) => version);

async function artefactOf(by: Merchant, version: string): Promise<Uint8Array<ArrayBuffer>> {
  const authorization = `Bearer ${by.credential}`;
  const answer = await fetch(`${by.url}/v1/models/${version}/artefact`, { headers: { authorization } });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/octet-stream"]);
  return new Uint8Array(await answer.arrayBuffer());
}
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

interface Prediction {
  purchaseProbability: number;
  abandonmentRisk: number;
  model: string;
  reasons: { feature: string; value: number; effect: number }[];
}

/** A model's answers for rows of its columns, asked at once. */
async function ask(version: string, features: readonly string[], rows: (number | null)[][]): Promise<Prediction[]> {
  const items = rows.map((row) => ({ features: Object.fromEntries(row.map((value, i) => [features[i], value])) }));
  const answer = await merchant.call<{ items: Prediction[] }>("POST", "/v1/predictions", { items, version });
  expect(answer.status, answer.text).toBe(200);
  return answer.body.items;
}

test.each<[string, string, string]>([
  ["XGBoost", "xgboost-native.json", "application/json"],
  ["LightGBM", "lightgbm-binary.txt", "text/plain; charset=utf-8"],
  ["ONNX", "onnx-hist-gradient-boosting.onnx", "application/octet-stream"],
  ["ONNX, of a type that the browser does not know", "onnx-xgboost.onnx", ""],
])("a file of %s predicts what its library predicts", async (_, name, type) => {
  const { rows, library } = fixturePredictions(name.replace(/\.\w+$/, ""));
  const features = FEATURE_NAMES.slice(0, rows[0]!.length);
  const version = await imported(merchant, fixtureFile(name), { name, features, type });
  const model = await merchant.get<ModelView>(`/v1/models/${version}`);
  expect(model).toMatchObject({ name, features, kind: "imported", stage: "staging" });
  const answers = await ask(version, features, rows);
  const farthest = Math.max(
    ...answers.map(({ purchaseProbability }, i) => Math.abs(purchaseProbability - library[i]!)),
  );
  // Answers have four decimals.
  expect(farthest).toBeLessThanOrEqual(0.00005 + 1e-6);
  for (const { model: named, abandonmentRisk, purchaseProbability, reasons } of answers) {
    expect(named).toBe(version);
    expect(abandonmentRisk + purchaseProbability).toBeCloseTo(1, 6);
    expect(reasons.length).toBeLessThanOrEqual(4);
    expect(reasons.every(({ feature }) => features.some((known) => known === feature))).toBe(true);
  }
});

test("a model that was downloaded can be imported elsewhere, and is the same one there", async () => {
  const features = FEATURE_NAMES.slice(0, 8);
  const version = await imported(merchant, fixtureFile("xgboost-stopped.json"), { features });
  const model = await merchant.get<ModelView>(`/v1/models/${version}`);
  const file = await artefactOf(merchant, version);
  expect([file.byteLength, sha256(file)]).toEqual([model.bytes, model.sha256]);
  const other = await Merchant.register(system.url);
  expect(await imported(other, file)).toBe(version);
  expect((await other.get<ModelView>(`/v1/models/${version}`)).sha256).toBe(model.sha256);
  expect(await artefactOf(other, version)).toEqual(file);

  const shipped = await merchant.get<ModelView>("/v1/models/prior");
  const prior = await artefactOf(merchant, "prior");
  expect([prior.byteLength, sha256(prior)]).toEqual([shipped.bytes, shipped.sha256]);
  const copy = await other.get<ModelView>(`/v1/models/${await imported(other, prior)}`);
  expect(copy).toMatchObject({ kind: "imported", trees: shipped.trees, sha256: shipped.sha256 });
});

test("the same file twice is one model: the second is told which", async () => {
  const file = newXgboostFile();
  const version = await imported(merchant, file);
  const again = await upload(merchant, file, { name: "Another name" });
  expect(expectProblem(again, "CONFLICT").detail).toContain(version);
  // With other columns it is another model.
  expect(await imported(merchant, file, { features: ["removes", "visits"] })).not.toBe(version);
});

describe("what is no model of carts is refused, and nothing is kept of it", () => {
  const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "latin1"));
  const onnx = fixtureFile("onnx-xgboost.onnx");
  const eight = FEATURE_NAMES.slice(0, 8);

  test.each<[string, Uint8Array<ArrayBuffer> | string | object, Upload, RegExp]>([
    ["nothing", "", {}, /empty/],
    ["words", "hello", {}, /.+/],
    ["an empty object", {}, {}, /no XGBoost model/],
    ["JSON that is cut off", JSON.stringify(newXgboostFile()).slice(0, -20), {}, /not JSON/],
    ["JSON that is very deep", "[".repeat(100_000), {}, /.+/],
    ["an object that is very deep", `{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, {}, /.+/],
    ["ONNX that is cut off", onnx.slice(0, onnx.length / 2), { features: eight }, /.+/],
    ["bytes at random", bytes("\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00CWM"), {}, /.+/],
    ["a header of ours that lies about its length", bytes("CWM1\xff\xff\xff\xff{}"), {}, /header/],
    ["another objective", fixtureFile("xgboost-refused-squared.json"), { features: eight }, /reg:squarederror/],
    ["a linear booster", fixtureFile("xgboost-refused-linear.json"), { features: eight }, /gblinear/],
    ["dropped trees", fixtureFile("xgboost-refused-dart.json"), { features: eight }, /dart/],
    ["more than two classes", fixtureFile("xgboost-refused-classes.json"), { features: eight }, /multi/],
    ["a forest of averages", fixtureFile("onnx-refused-random-forest.onnx"), { features: eight }, /.+/],
    ["columns of other names", fixtureFile("xgboost-native.json"), {}, /views/],
    ["columns without names", xgboostFile(0, 1, []), {}, /.+/],
    ["features that carts do not have", xgboostFile(0, 1, ["adds", "starSign"]), {}, /starSign/],
    ["a mapping to what carts do not have", newXgboostFile(), { features: ["adds", "<b>"] }, /<b>/],
    ["a mapping of another length", newXgboostFile(), { features: ["adds"] }, /2 features/],
    ["a mapping of two columns to one feature", newXgboostFile(), { features: ["adds", "adds"] }, /same name/],
    ["a circle", circle(), {}, /.+/],
  ])("%s", async (_, file, over, says) => {
    const before = await versions();
    const refused = await upload(merchant, file, over);
    expectProblem(refused, "VALIDATION_ERROR");
    expect(refused.text).toMatch(says);
    expect(refused.text.length).toBeLessThan(2_000);
    expect(await versions()).toEqual(before);
  });

  test("a file that is too large, of another media type, or without a name", async () => {
    const before = await versions();
    expect(await tooMuch({ "content-length": String(MAX_MODEL_BYTES + 1) }, 1)).toBe(413);
    expect(await tooMuch({}, 1 + MAX_MODEL_BYTES / MEGABYTE)).toBe(413);
    expectProblem(await upload(merchant, newXgboostFile(), { type: "text/html" }), "UNSUPPORTED_MEDIA_TYPE");
    expectProblem(await upload(merchant, newXgboostFile(), { type: "multipart/form-data" }), "UNSUPPORTED_MEDIA_TYPE");
    expectProblem(await upload(merchant, newXgboostFile(), { name: " " }), "VALIDATION_ERROR", "name");
    expectProblem(await upload(merchant, newXgboostFile(), { name: "x".repeat(101) }), "VALIDATION_ERROR", "name");
    expect(await versions()).toEqual(before);
  });
});

/** A tree whose node leads back to the root. */
function circle(): object {
  const file = newXgboostFile();
  const [tree] = file.learner.gradient_booster.model.trees;
  tree!.left_children[0] = 0;
  return file;
}

const MEGABYTE = 1024 * 1024;

/** The answer to a body of so many megabytes, or to one that announced more: it comes before all of it was read. */
function tooMuch(headers: Record<string, string>, megabytes: number): Promise<number | undefined> {
  const { hostname, port } = new URL(system.url);
  const authorization = `Bearer ${merchant.credential}`;
  return new Promise((done, failed) => {
    const call = request(
      { hostname, port, method: "POST", path: "/v1/models/import?name=Large", headers: { authorization, ...headers } },
      (response) => {
        done(response.statusCode);
        response.resume();
        call.destroy();
      },
    );
    call.on("error", failed); // once it was answered this says nothing
    const chunk = Buffer.alloc(MEGABYTE, " ");
    for (let sent = 0; sent < megabytes; sent++) call.write(chunk);
    if (!headers["content-length"]) call.end();
  });
}

test("kill -9 while files come in: every model in the list can be read, what serves still does, and repeats go through", async () => {
  const serves = await imported(merchant, newXgboostFile());
  await moved(merchant, serves, "promote");
  const files = Array.from({ length: 24 }, () => newXgboostFile());
  const answers: (Answer<ModelView> | null)[] = [];
  let done = 0;
  const sending = files.map(async (file, i) => {
    await new Promise((resolve) => setTimeout(resolve, i * 5));
    answers[i] = await upload(merchant, file).catch(() => null);
    done += 1;
  });
  while (done < 6) await new Promise((resolve) => setTimeout(resolve, 2));
  await system.kill9();
  await Promise.all(sending);
  await system.restart();
  const { items, serving } = await listModels(merchant, "?limit=200");
  expect(serving.production).toBe(serves);
  const known = items.filter(({ kind }) => kind === "imported");
  for (const { version, sha256: expected } of known) expect(sha256(await artefactOf(merchant, version))).toBe(expected);
  const acknowledged = answers.flatMap((answer) => (answer?.status === 201 ? [answer.body.version] : []));
  expect(acknowledged.length).toBeGreaterThanOrEqual(6);
  expect(known.map(({ version }) => version)).toEqual(expect.arrayContaining(acknowledged));
  for (const file of files) expect([201, 409]).toContain((await upload(merchant, file)).status);
  expect((await act(merchant, serves, "rollback")).status).toBe(200);
  expect((await servingOf(merchant)).production).toBe("prior");
});
