/** Auto, light or dark, remembered on this device. `public/theme.js` applies it before the first paint. */
import { signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";
const KEY = "cartwake.theme";

const parse = (value: string | null | undefined): Theme => (value === "light" || value === "dark" ? value : "auto");

export const theme = signal<Theme>(parse(document.documentElement.dataset.theme));

export function chooseTheme(value: Theme): void {
  theme.value = value;
  document.documentElement.dataset.theme = value;
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // private browsing without storage: the choice lasts as long as the page
  }
}
