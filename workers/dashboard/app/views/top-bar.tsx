/** The brand, the places to go, the state of the line and the store menu. */
import { may } from "../api/session.ts";
import { connection } from "../live/store.ts";
import { boardHref, campaignsHref, modelsHref, outboxHref, route, settingsHref } from "../route.ts";
import { BoardIcon, CampaignsIcon, MailIcon, ModelsIcon, SettingsIcon, WakeMark } from "../ui/icons.tsx";
import { StoreMenu } from "./store-menu.tsx";

/** What campaigns are made of stands beside them. */
const OF_CAMPAIGNS: ReadonlySet<string> = new Set(["campaigns", "campaign", "templates", "template", "coupons"]);

export function TopBar() {
  const { name } = route.value;
  const current = (yes: boolean) => (yes ? ("page" as const) : undefined);
  return (
    <header class="top-bar">
      <a class="brand" href={boardHref}>
        <WakeMark />
        <span>Cartwake</span>
      </a>
      <nav class="places" aria-label="Dashboard">
        {may("carts:read") && (
          <>
            <a href={boardHref} aria-current={current(name === "board" || name === "cart")}>
              <BoardIcon />
              Live carts
            </a>
            <a href={outboxHref()} aria-current={current(name === "outbox")}>
              <MailIcon />
              Outbox
            </a>
            <a href={campaignsHref} aria-current={current(OF_CAMPAIGNS.has(name))}>
              <CampaignsIcon />
              Campaigns
            </a>
          </>
        )}
        {may("analytics:read") && (
          <a href={modelsHref} aria-current={current(name === "models" || name === "model")}>
            <ModelsIcon />
            Models
          </a>
        )}
        <a href={settingsHref("profile")} aria-current={current(name === "settings")}>
          <SettingsIcon />
          Settings
        </a>
      </nav>
      {may("carts:read") && <LiveBadge />}
      <StoreMenu />
    </header>
  );
}

const WORDS = { online: "Live", connecting: "Connecting…", offline: "Offline" };

function LiveBadge() {
  const state = connection.value;
  return (
    <p
      class="live"
      role="status"
      data-testid="live"
      data-state={state === "online" ? "online" : "offline"}
      data-phase={state}
    >
      <span class="live-dot" aria-hidden="true" />
      {WORDS[state]}
    </p>
  );
}
