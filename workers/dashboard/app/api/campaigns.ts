/** Campaigns, their results and simulation, and the templates that their steps send. */
import type { StepCoupons } from "../../../../shared/coupons.ts";
import type { ResultsView } from "../../../../shared/measure/results-view.ts";
import type { CampaignInput } from "../../../../shared/policy/rules.ts";
import type { SimulationView } from "../../../../shared/simulation.ts";
import type { SmsSegments } from "../../../../shared/sms-segments.ts";
import type { Channel } from "../../../../shared/views.ts";
import { call, get, one, type Page } from "./client.ts";

export type Campaign = CampaignInput & { id: string; version: number; createdAt: string; updatedAt: string };

export interface TemplateParts {
  subject: string;
  html: string;
  text: string;
}

export interface Template extends TemplateParts {
  id: string;
  name: string;
  channel: Channel;
  locale: string;
  translations: Record<string, TemplateParts>;
  version?: number;
}

export interface Rendered extends TemplateParts, Partial<SmsSegments> {
  locale: string;
}

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

export const listPools = () => get<{ items: { id: string; name: string }[] }>("/v1/coupon-pools");
export const listTemplates = () => get<Page<Template>>("/v1/templates");
export const listGallery = () => get<{ items: Template[] }>("/v1/templates/gallery");
/** What a channel has no place for is refused, even empty: a text message has no subject, only a mail has HTML. */
const filled = ({ subject, html, text }: TemplateParts) => ({
  text,
  ...(subject === "" ? {} : { subject }),
  ...(html === "" ? {} : { html }),
});

/** With a cart of the store; `null`: with a sample cart. */
export function previewTemplate(template: Template, cartId: string | null): Promise<Rendered> {
  const { name, channel, locale, translations } = template;
  const others = Object.entries(translations).map(([tag, parts]) => [tag, filled(parts)] as const);
  return call<Rendered>("POST", "/v1/templates/preview", {
    ...{ name, channel, locale, ...filled(template), translations: Object.fromEntries(others) },
    ...(cartId === null ? {} : { cartId }),
  });
}
