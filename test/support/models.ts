/** A store's models over HTTP. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { ModelView, ServingView } from "../../shared/model/views.ts";
import { type Answer, http, type Merchant } from "./merchant.ts";

export interface ModelsPage {
  items: ModelView[];
  nextCursor: string | null;
  serving: ServingView;
}

export const listModels = (merchant: Merchant, query = ""): Promise<ModelsPage> =>
  merchant.get<ModelsPage>(`/v1/models${query}`);
export const servingOf = async (merchant: Merchant): Promise<ServingView> => (await listModels(merchant)).serving;

export interface Upload {
  name?: string;
  features?: readonly string[];
  type?: string;
  headers?: Record<string, string>;
}

/** A file as it is, or what is its JSON. */
export function upload(
  merchant: Merchant,
  file: Uint8Array<ArrayBuffer> | string | object,
  { name = "Mine", features, type = "application/octet-stream", headers = {} }: Upload = {},
): Promise<Answer<ModelView>> {
  const query = new URLSearchParams({ name, ...(features ? { features: features.join() } : {}) });
  const isRaw = typeof file === "string" || file instanceof Uint8Array;
  return http<ModelView>(`${merchant.url}/v1/models/import?${query}`, {
    method: "POST",
    headers: { authorization: `Bearer ${merchant.credential}`, "content-type": type, ...headers },
    body: isRaw ? file : JSON.stringify(file),
  });
}

/** An import that must succeed; its version. */
export async function imported(merchant: Merchant, file: object, over?: Upload): Promise<string> {
  const answer = await upload(merchant, file, over);
  expect(answer.status, answer.text).toBe(201);
  return answer.body.version;
}

export const act = (
  merchant: Merchant,
  version: string,
  action: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<ModelView>> => merchant.call<ModelView>("POST", `/v1/models/${version}/${action}`, body, headers);

/** A move that must succeed; the model after it. */
export async function moved(merchant: Merchant, version: string, action: string, body?: unknown): Promise<ModelView> {
  const answer = await act(merchant, version, action, body);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

const FOLDER = join(import.meta.dirname, "models");
export const fixtureFile = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(join(FOLDER, name)));

/** What the exporting library itself answered. */
export const fixturePredictions = (name: string): { rows: (number | null)[][]; library: number[] } =>
  JSON.parse(readFileSync(join(FOLDER, `${name}.predictions.json`), "utf8"));
