/** Campaigns, their results and simulation. */
import type { StepCoupons } from "../../../../shared/coupons.ts";
import type { ResultsView } from "../../../../shared/measure/results-view.ts";
import type { CampaignInput } from "../../../../shared/policy/rules.ts";
import type { SimulationView } from "../../../../shared/simulation.ts";
import { call, get, one, type Page } from "./client.ts";

export type Campaign = CampaignInput & { id: string; version: number; createdAt: string; updatedAt: string };

const PATH = "/v1/campaigns";

export const listCampaigns = () => get<Page<Campaign>>(PATH);
export const getCampaign = (id: string) => get<Campaign>(one(PATH, id));
export const createCampaign = (campaign: CampaignInput) => call<Campaign>("POST", PATH, campaign);
export const replaceCampaign = (id: string, campaign: CampaignInput, version: number) =>
  call<Campaign>("PUT", one(PATH, id), campaign, version);
export const changeCampaign = (id: string, change: Partial<CampaignInput>, version: number) =>
  call<Campaign>("PATCH", one(PATH, id), change, version);
export const deleteCampaign = (id: string) => call("DELETE", one(PATH, id));
export const getResults = (id: string) => get<ResultsView>(`${one(PATH, id)}/results`);
export const getStepCoupons = (id: string) => get<{ steps: StepCoupons[] }>(`${one(PATH, id)}/coupons`);
export const simulate = (id: string, campaign: CampaignInput, limit: number) =>
  call<SimulationView>("POST", `${one(PATH, id)}/simulate`, { campaign, limit });
