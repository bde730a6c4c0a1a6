/** What a training run keeps in R2 between its steps, under names of its own. */
import { decodeDataset } from "../../shared/model/dataset.ts";
import { free } from "../../shared/model/free.ts";
import type { Dataset } from "../../shared/model/model.ts";
import type { Env } from "../env.ts";

const PREFIX = "runs/";

/** One run: of whom, and which. */
export interface RunId {
  storeId: string;
  runId: string;
}

const folderOf = ({ storeId, runId }: RunId): string => `${PREFIX}${storeId}/${runId}/`;
const keyOf = (run: RunId, name: string): string => folderOf(run) + name;

/** The bytes are given away: they are empty afterwards. */
export async function putFile(env: Env, run: RunId, name: string, bytes: Uint8Array): Promise<void> {
  await env.ARTEFACTS.put(keyOf(run, name), bytes);
  free(bytes);
}

/** Throws where there is none: the step that writes it came before. */
export async function readFile(env: Env, run: RunId, name: string): Promise<ArrayBuffer> {
  const found = await env.ARTEFACTS.get(keyOf(run, name));
  if (!found) throw new Error(`${name} of the run is gone`);
  return found.arrayBuffer();
}

export const deleteFile = (env: Env, run: RunId, name: string): Promise<void> => env.ARTEFACTS.delete(keyOf(run, name));

/** The data set is there while `work` looks at it, and no longer. */
export async function withDataset<T>(
  env: Env,
  run: RunId,
  name: string,
  work: (data: Dataset) => T | Promise<T>,
): Promise<T> {
  const data = decodeDataset(await readFile(env, run, name));
  try {
    return await work(data);
  } finally {
    free(data.labels);
  }
}

export const putJson = (env: Env, run: RunId, name: string, value: unknown): Promise<void> =>
  putFile(env, run, name, new TextEncoder().encode(JSON.stringify(value)));

export const readJson = async <T>(env: Env, run: RunId, name: string): Promise<T> =>
  JSON.parse(new TextDecoder().decode(await readFile(env, run, name))) as T;

/** R2 lists and deletes at most so many at once. */
const LISTED = 1_000;

/** Everything of a run. */
export async function clearRun(env: Env, run: RunId): Promise<void> {
  const { objects } = await env.ARTEFACTS.list({ prefix: folderOf(run), limit: LISTED });
  if (objects.length > 0) await env.ARTEFACTS.delete(objects.map(({ key }) => key));
}

const MAX_PAGES = 50;

/** What runs left that died before they could clear up. `before` in ms: no run is that old and still at work. */
export async function sweepRuns(env: Env, before: number): Promise<number> {
  let swept = 0;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const listed = await env.ARTEFACTS.list({ prefix: PREFIX, limit: LISTED, cursor });
    const old = listed.objects.filter(({ uploaded }) => uploaded.getTime() < before).map(({ key }) => key);
    if (old.length > 0) await env.ARTEFACTS.delete(old);
    swept += old.length;
    if (!listed.truncated) break;
    cursor = listed.cursor;
  }
  return swept;
}
