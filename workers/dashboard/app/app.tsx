/** The page: login, or the signed-in shell with the view that the address names. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Problem } from "./api/http.ts";
import { may, sessionState, store, user } from "./api/session.ts";
import { forgetOutbox } from "./live/outbox.ts";
import { useResource } from "./live/resource.ts";
import { goLive } from "./live/store.ts";
import { boardHref, type Route, route, settingsHref } from "./route.ts";
import { ProblemNotice } from "./ui/notice.tsx";
import { BoardPage } from "./views/board-page.tsx";
import { CartPage } from "./views/cart-page.tsx";
import { InvitationPage } from "./views/entry/invitation-page.tsx";
import { LoginPage } from "./views/entry/login-page.tsx";
import { ForgotPage, ResetPage } from "./views/entry/password-pages.tsx";
import { OutboxPage } from "./views/outbox-page.tsx";
import { TopBar } from "./views/top-bar.tsx";

const TITLES: Record<Route["name"], string> = {
  board: "Live carts",
  cart: "Cart",
  outbox: "Outbox",
  campaigns: "Campaigns",
  campaign: "Campaign",
  templates: "Templates",
  template: "Template",
  coupons: "Coupons",
  models: "Models",
  model: "Model",
  settings: "Settings",
  forgot: "Forgot password",
  reset: "New password",
  invitation: "Invitation",
  missing: "Not found",
};

export function App() {
  const state = sessionState.value;
  const at = route.value;
  if (state === "starting") return <p class="starting">Opening the dashboard…</p>;
  // Links from mails lead here, whoever is logged in on this device.
  if (at.name === "forgot") return <ForgotPage />;
  if (at.name === "reset") return <ResetPage key={at.token} token={at.token} />;
  if (at.name === "invitation") return <InvitationPage key={at.token} token={at.token} />;
  // Another store is another dashboard: nothing of the one before stays on the page.
  return state === "out" ? <LoginPage /> : <SignedIn key={user.value?.storeId} />;
}

/** What counts as another page: the tabs of a campaign do not. */
function placeOf(at: Route): string {
  if (at.name === "settings") return `settings/${at.section}`;
  if (at.name === "model") return `model/${at.version}`;
  if (at.name === "template") return `template/${at.id}/${at.from}`;
  return at.name === "campaign" ? `campaign/${at.id}` : at.name;
}

function SignedIn() {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const at = route.value;
  const { name } = at;
  const place = placeOf(at);
  const seesCarts = may("carts:read");

  useEffect(() => {
    if (!seesCarts) return;
    const stop = goLive();
    return () => {
      stop();
      forgetOutbox();
    };
  }, [seesCarts]);

  useEffect(() => {
    document.title = `${TITLES[name]} · Cartwake`;
    // A new view starts at its top, for eyes and for screen readers alike; the first one is where the browser put them.
    if (!first.current) {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [name, place]);

  return (
    <div class="shell" data-view={name}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <TopBar />
      <main ref={main} tabIndex={-1}>
        <View route={at} />
      </main>
    </div>
  );
}

/** The views that show carts and messages of the store. */
const SHOPS: ReadonlySet<Route["name"]> = new Set([
  ...(["board", "cart", "outbox"] as const),
  ...(["campaigns", "campaign", "templates", "template", "coupons"] as const),
]);
/** Those that show its figures. */
const FIGURES: ReadonlySet<Route["name"]> = new Set(["models", "model"]);

function View({ route }: { route: Route }) {
  if (SHOPS.has(route.name) && !may("carts:read")) return <Unseen what="carts" />;
  if (FIGURES.has(route.name) && !may("analytics:read")) return <Unseen what="figures" />;
  switch (route.name) {
    case "board":
      return <BoardPage />;
    case "cart":
      return <CartPage key={route.id} id={route.id} />;
    case "outbox":
      return <OutboxPage id={route.id} />;
    case "campaigns":
    case "campaign":
    case "templates":
    case "template":
    case "coupons":
      return (
        <Later name="campaigns" load={() => import("./views/campaigns/campaigns-page.tsx")}>
          {(page) => <page.default at={route} />}
        </Later>
      );
    case "models":
    case "model":
      return (
        <Later name="models" load={() => import("./views/models/models-page.tsx")}>
          {(page) => <page.default at={route} />}
        </Later>
      );
    case "settings":
      return (
        <Later name="settings" load={() => import("./views/settings/settings-page.tsx")}>
          {(page) => <page.default section={route.section} />}
        </Later>
      );
    default:
      return (
        <section class="page">
          <h1>There is nothing here</h1>
          <p>
            The address names no page. <a href={boardHref}>Back to the live carts</a>
          </p>
        </section>
      );
  }
}

function Unseen({ what }: { what: string }) {
  return (
    <section class="page">
      <h1>{store.value?.name ?? "Your store"}</h1>
      <p>
        Your role in this store does not see its {what}. <a href={settingsHref("stores")}>Your stores</a>
      </p>
    </section>
  );
}

/** Most visits are to the board: everything else comes when it is asked for. */
function Later<T>(props: { name: string; load: () => Promise<T>; children: (page: T) => JSX.Element }) {
  const { name, load, children } = props;
  const { data, problem } = useResource(name, () => load().catch(() => notLoaded(name)));
  if (data) return children(data);
  return (
    <div class="page">
      {problem ? (
        <ProblemNotice problem={problem} retry={() => location.reload()} />
      ) : (
        <p class="loading">Opening the {name}…</p>
      )}
    </div>
  );
}

function notLoaded(name: string): never {
  throw new Problem({
    status: 0,
    code: "OFFLINE",
    title: `The ${name} cannot be loaded`,
    detail: "The connection is lost, or there is a newer dashboard than this page.",
  });
}
