/** Campaigns, and what they are made of: templates and coupons. Loaded when one of them is first asked for. */
import type { Route } from "../../route.ts";
import "../../styles/editing.css";
import "../../styles/campaigns.css";
import "../../styles/campaign-editor.css";
import "../../styles/campaign-steps.css";
import "../../styles/figure-table.css";
import "../../styles/campaign-results.css";
import "../../styles/templates.css";
import "../../styles/template-editor.css";
import "../../styles/coupons.css";
import { CouponsPage } from "../coupons/coupons-page.tsx";
import { TemplateList } from "../templates/template-list.tsx";
import { TemplatePage } from "../templates/template-page.tsx";
import { CampaignList } from "./campaign-list.tsx";
import { CampaignPage } from "./campaign-page.tsx";

type Place = "campaigns" | "campaign" | "templates" | "template" | "coupons";

export default function CampaignsPage({ at }: { at: Extract<Route, { name: Place }> }) {
  switch (at.name) {
    case "campaigns":
      return <CampaignList />;
    case "campaign":
      return <CampaignPage key={at.id} id={at.id} tab={at.tab} />;
    case "templates":
      return <TemplateList />;
    case "template":
      return <TemplatePage key={`${at.id}/${at.from}`} id={at.id} from={at.from} />;
    case "coupons":
      return <CouponsPage />;
  }
}
