/** Which store this is, how the page looks, and the way out. A native popover: Escape and a click elsewhere close it. */
import { logout, user } from "../api/session.ts";
import { Choice } from "../ui/choice.tsx";
import { StoreIcon } from "../ui/icons.tsx";
import { chooseTheme, type Theme, theme } from "../ui/theme.ts";

const THEMES: { value: Theme; label: string }[] = [
  { value: "auto", label: "Auto" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export function StoreMenu() {
  const store = user.value?.stores[0];
  const name = store?.name ?? "Your store";
  return (
    <div class="store-menu">
      <button type="button" class="store-button" popovertarget="store-menu" data-testid="store-menu">
        <StoreIcon />
        <span class="store-name">{name}</span>
        <span class="visually-hidden">, store menu</span>
      </button>
      <div id="store-menu" class="menu" popover="auto">
        <p class="menu-store">{name}</p>
        {store?.url && <p class="menu-detail">{store.url.replace(/^https?:\/\//, "")}</p>}
        <p class="menu-detail">{user.value?.email}</p>
        <Choice name="theme" label="Appearance" value={theme.value} options={THEMES} onChange={chooseTheme} />
        <button type="button" class="button menu-out" onClick={() => void logout()} data-testid="logout">
          Log out
        </button>
      </div>
    </div>
  );
}
