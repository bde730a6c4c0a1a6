/** Fitting in pieces: each step reads the examples and how far the last one came, and writes how far it came itself. */
import { createHash } from "node:crypto";
import { encodeModel } from "../../shared/model/codec.ts";
import { artefactKey } from "../../shared/model/rollout.ts";
import {
  beginTraining,
  decodeTraining,
  encodeTraining,
  TRAINING_DEFAULTS,
  Trainer,
} from "../../shared/model/train/train.ts";
import type { Env } from "../env.ts";
import { deleteFile, putFile, type RunId, readFile, withDataset } from "./files.ts";

/**
 * A step may compute for 30 s, and a Worker cannot see its own time pass while it computes: so pieces are measured in values
 * looked at. A tree on a million of them takes some 10 ms, so a piece one or two seconds; a kill costs no more than one.
 */
const VALUES_A_STEP = 150e6;
const MAX_TREES = 100;
/** Of one run: five folds and the last fit with 200 trees each make 1,200 trees. */
export const MAX_PIECES = 200;

export const treesAStep = (rows: number, features: number): number =>
  Math.max(1, Math.min(MAX_TREES, Math.floor(VALUES_A_STEP / Math.max(1, rows * features))));

export interface Piece {
  more: boolean;
  progress: number;
}

/**
 * Piece number 0 compares the logistic regressions, the others add trees. Running one again writes the same: what it begins with
 * stays until the piece after it has been written too.
 */
export async function fitPiece(env: Env, run: RunId, number: number, seed: number): Promise<Piece> {
  const state =
    number === 0
      ? beginTraining(TRAINING_DEFAULTS, seed)
      : decodeTraining(new Uint8Array(await readFile(env, run, `state-${number - 1}`)));
  const piece = await withDataset(env, run, "train", (data) => {
    const trainer = new Trainer(data, state);
    const more = trainer.advance(number === 0 ? 0 : treesAStep(data.labels.length, data.features.length));
    const { progress } = trainer;
    trainer.free();
    return { more, progress };
  });
  await putFile(env, run, `state-${number}`, encodeTraining(state));
  if (number >= 2) await deleteFile(env, run, `state-${number - 2}`);
  return piece;
}

export interface Fitted {
  algorithm: "trees" | "logistic" | "blend";
  trees: number;
  bytes: number;
  /** Of the artefact, in hex. */
  sha256: string;
}

/** The model of the last piece, as the version's artefact. */
export async function finishFit(env: Env, run: RunId, version: string, last: number): Promise<Fitted> {
  const state = decodeTraining(new Uint8Array(await readFile(env, run, `state-${last}`)));
  const model = await withDataset(env, run, "train", (data) => {
    const trainer = new Trainer(data, state);
    const finished = trainer.finish();
    trainer.free();
    return finished.model;
  });
  const bytes = encodeModel(model);
  await env.ARTEFACTS.put(artefactKey(run.storeId, version), bytes);
  return {
    algorithm: model.algorithm,
    trees: model.forest?.roots.length ?? 0,
    bytes: bytes.byteLength,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
}
