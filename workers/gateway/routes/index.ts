/** Every route of the gateway. */
import type { Route } from "../route.ts";
import * as adviser from "./adviser.ts";
import * as analytics from "./analytics.ts";
import * as apiKeys from "./api-keys.ts";
import * as audit from "./audit.ts";
import * as auth from "./auth.ts";
import * as callbacks from "./callbacks.ts";
import * as campaigns from "./campaigns.ts";
import * as carts from "./carts.ts";
import * as coupons from "./coupons.ts";
import * as deliveries from "./deliveries.ts";
import * as docs from "./docs.ts";
import * as health from "./health.ts";
import * as invitations from "./invitations.ts";
import * as jwks from "./jwks.ts";
import * as local from "./local.ts";
import * as members from "./members.ts";
import * as metrics from "./metrics.ts";
import * as mfa from "./mfa.ts";
import * as modelImport from "./model-import.ts";
import * as modelStages from "./model-stages.ts";
import * as models from "./models.ts";
import * as orderSignal from "./order-signal.ts";
import * as passwords from "./passwords.ts";
import * as predictions from "./predictions.ts";
import * as providers from "./providers.ts";
import * as sessions from "./sessions.ts";
import * as shoppers from "./shoppers.ts";
import * as simulate from "./simulate.ts";
import * as storefront from "./storefront.ts";
import * as stores from "./stores.ts";
import * as templates from "./templates.ts";

const described = (neighbours: storefront.Neighbours): Route[] => [
  ...auth.routes,
  ...mfa.routes,
  ...passwords.routes,
  ...sessions.routes,
  ...stores.routes,
  ...orderSignal.routes,
  ...members.routes,
  ...invitations.routes,
  ...apiKeys.routes,
  ...audit.routes,
  ...carts.routes,
  ...shoppers.routes,
  ...campaigns.routes,
  ...coupons.routes,
  ...simulate.routes,
  ...templates.routes,
  ...providers.routes(neighbours),
  ...deliveries.routes,
  ...predictions.routes,
  ...models.routes(neighbours),
  ...modelStages.routes,
  ...modelImport.routes,
  ...analytics.routes,
  ...adviser.routes(neighbours),
  ...callbacks.routes(neighbours),
  storefront.beacons(neighbours),
  ...storefront.routes(neighbours),
  ...jwks.routes,
  ...health.routes,
  ...metrics.routes,
  ...local.routes(neighbours),
];

export function allRoutes(neighbours: storefront.Neighbours): Route[] {
  const routes: Route[] = [...described(neighbours), ...docs.routes(() => routes)];
  return routes;
}
