/** The models: all of them, or one. Loaded when they are first asked for. */
import type { Route } from "../../route.ts";
import "../../styles/models.css";
import "../../styles/model-lanes.css";
import "../../styles/model-charts.css";
import "../../styles/model-drift.css";
import "../../styles/model-importance.css";
import { ModelList } from "./model-list.tsx";
import { ModelPage } from "./model-page.tsx";

export default function ModelsPage({ at }: { at: Extract<Route, { name: "models" | "model" }> }) {
  return at.name === "models" ? <ModelList /> : <ModelPage key={at.version} version={at.version} />;
}
