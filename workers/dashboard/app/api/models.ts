/** The store's models: which serves, the others, how they are made and watched. */
import type { DriftView, ModelStage, ModelView, ServingView, TrainingRunView } from "../../../../shared/model/views.ts";
import { call, get, getFile, one, type Page, upload } from "./client.ts";

export interface ModelsPage extends Page<ModelView> {
  serving: ServingView;
}

const PATH = "/v1/models";
/** `seen`: what serves as the reader saw it; if somebody changed it since, nothing is done. */
const act = (version: string, action: string, seen: ServingView, body?: object) =>
  call<ModelView>("POST", `${one(PATH, version)}/${action}`, body, seen.version);

export const listModels = (cursor?: string) =>
  get<ModelsPage>(`${PATH}?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
export const getModel = (version: string) => get<ModelView>(one(PATH, version));
export const promoteModel = (version: string, seen: ServingView) => act(version, "promote", seen);
export const shadowModel = (version: string, seen: ServingView) => act(version, "shadow", seen);
export const rollBackModel = (version: string, seen: ServingView) => act(version, "rollback", seen);
/** `share` of the carts, 0 to 1. */
export const canaryModel = (version: string, seen: ServingView, share: number) =>
  act(version, "canary", seen, { share });
export const stageModel = (version: string, seen: ServingView, stage: ModelStage) =>
  act(version, "stage", seen, { stage });

export const train = () => call<{ runId: string }>("POST", `${PATH}/train`);
export const listRuns = () => get<{ items: TrainingRunView[] }>(`${PATH}/runs`);
export const getDrift = (version: string) => get<DriftView>(`${PATH}/drift?version=${encodeURIComponent(version)}`);
/** `features`: what the model's columns are, where the file's own names are none of a cart's. */
export const importModel = (file: Blob, name: string, features: string) =>
  upload<ModelView>(`${PATH}/import?${new URLSearchParams({ name, ...(features && { features }) })}`, file);
export const downloadModel = (version: string) => getFile(`${one(PATH, version)}/artefact`);
