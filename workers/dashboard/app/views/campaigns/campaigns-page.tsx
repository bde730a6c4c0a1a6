/** Campaigns: the list of them, or one. Loaded when it is first asked for. */
import type { Route } from "../../route.ts";
import "../../styles/campaigns.css";
import "../../styles/editing.css";
import "../../styles/campaign-editor.css";
import "../../styles/campaign-steps.css";
import "../../styles/campaign-results.css";
import { CampaignList } from "./campaign-list.tsx";
import { CampaignPage } from "./campaign-page.tsx";

export default function CampaignsPage({ at }: { at: Extract<Route, { name: "campaigns" | "campaign" }> }) {
  return at.name === "campaigns" ? <CampaignList /> : <CampaignPage key={at.id} id={at.id} tab={at.tab} />;
}
