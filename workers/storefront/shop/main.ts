/** The demo shop: a storefront that uses the snippet as a real one would. */
import * as basket from "./basket.ts";
import { findProduct } from "./catalogue.ts";
import { byId } from "./dom.ts";
import { recall, remember } from "./memory.ts";
import { startRouter } from "./router.ts";
import * as tracking from "./tracking.ts";
import { checkout, done } from "./views/checkout.ts";
import { mountCounter } from "./views/counter.ts";
import { mountDrawer } from "./views/drawer.ts";
import { home } from "./views/home.ts";
import { showMissingKey, showRestored } from "./views/notices.ts";
import { mountOffers, mountPush } from "./views/offers.ts";
import { product } from "./views/product.ts";

function route(query: URLSearchParams) {
  const item = findProduct(query.get("product"));
  if (item) return product(item);
  if (query.get("page") === "checkout") return checkout();
  if (query.get("page") === "done") return done();
  return home();
}

function mountPrivacy(): void {
  const choice = byId<HTMLInputElement>("analytics");
  const refused = (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true;
  choice.checked = recall<boolean>("analytics") ?? !refused;
  choice.addEventListener("change", () => {
    remember("analytics", choice.checked);
    tracking.consented({ analytics: choice.checked });
  });
}

const key = tracking.findKey();
if (key) tracking.connect(key);
else showMissingKey();

tracking.onRestore((recovered, otherCart) => {
  const more = basket.restore(recovered, otherCart);
  if (more) tracking.changed();
  showRestored(basket.count());
});
mountDrawer();
mountPrivacy();
mountOffers();
mountPush();
mountCounter();
startRouter(route);
