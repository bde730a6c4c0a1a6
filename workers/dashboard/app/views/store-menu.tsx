/** Which store this is, how the page looks, and the way out. A native popover: Escape and a click elsewhere close it. */
import { useRef } from "preact/hooks";
import type { UserView } from "../../../../shared/views.ts";
import { logout, store, switchStore, user } from "../api/session.ts";
import { hostOf } from "../format.ts";
import { useAction } from "../live/action.ts";
import { boardHref, replaceRoute, route, settingsHref } from "../route.ts";
import { Choice } from "../ui/choice.tsx";
import { StoreIcon } from "../ui/icons.tsx";
import { ProblemNotice } from "../ui/notice.tsx";
import { chooseTheme, type Theme, theme } from "../ui/theme.ts";

const THEMES: { value: Theme; label: string }[] = [
  { value: "auto", label: "Auto" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export function StoreMenu() {
  const menu = useRef<HTMLDivElement>(null);
  const name = store.value?.name ?? "Your store";
  const others = user.value?.stores.filter(({ id }) => id !== user.value?.storeId) ?? [];
  const close = () => menu.current?.hidePopover();
  return (
    <div class="store-menu">
      <button type="button" class="store-button" popovertarget="store-menu" data-testid="store-menu">
        <StoreIcon />
        <span class="store-name">{name}</span>
        <span class="visually-hidden">, store menu</span>
      </button>
      <div ref={menu} id="store-menu" class="menu" popover="auto">
        <p class="menu-store">{name}</p>
        {store.value?.url && <p class="menu-detail">{hostOf(store.value.url)}</p>}
        <p class="menu-detail">{user.value?.email}</p>
        {others.length > 0 && <OtherStores stores={others} />}
        <ul class="menu-links">
          <li>
            <a href={settingsHref("profile")} onClick={close}>
              Settings
            </a>
          </li>
          <li>
            <a href={settingsHref("stores")} onClick={close}>
              Stores
            </a>
          </li>
        </ul>
        <Choice name="theme" label="Appearance" value={theme.value} options={THEMES} onChange={chooseTheme} />
        <button type="button" class="button menu-out" onClick={() => void logout()} data-testid="logout">
          Log out
        </button>
      </div>
    </div>
  );
}

function OtherStores({ stores }: { stores: UserView["stores"] }) {
  const { busy, problem, run } = useAction(async (id: string) => {
    const { name } = route.value;
    // What is on the page belongs to the store before.
    if ((await switchStore(id)) && (name === "cart" || name === "outbox")) replaceRoute(boardHref);
  });
  return (
    <div class="menu-stores">
      <p id="menu-switch">Switch to</p>
      {problem && <ProblemNotice problem={problem} />}
      <ul aria-labelledby="menu-switch">
        {stores.map(({ id, name }) => (
          <li key={id}>
            <button
              type="button"
              aria-disabled={busy}
              onClick={() => void run(id)}
              data-testid="menu-switch"
              data-store-id={id}
            >
              {name}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
