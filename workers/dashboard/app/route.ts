/** Where the reader is. The hash, because the page is one static file and the server knows no other path under `/app/`. */
import { signal } from "@preact/signals";

export const SECTIONS = ["profile", "security", "members", "keys", "audit", "stores"] as const;
export type Section = (typeof SECTIONS)[number];

export type Route =
  | { name: "board" }
  | { name: "cart"; id: string }
  | { name: "outbox"; id: string | null }
  | { name: "settings"; section: Section }
  | { name: "forgot" }
  | { name: "reset"; token: string }
  | { name: "invitation"; token: string }
  | { name: "missing" };

export function parseRoute(hash: string): Route {
  const [name = "", id = "", ...rest] = hash.replace(/^#\/?/, "").split("/").map(decode);
  if (rest.length > 0) return { name: "missing" };
  if (name === "" && id === "") return { name: "board" };
  if (name === "carts" && id !== "") return { name: "cart", id };
  if (name === "outbox") return { name: "outbox", id: id === "" ? null : id };
  if (name === "settings") return settings(id);
  if (name === "forgot" && id === "") return { name: "forgot" };
  if ((name === "reset" || name === "invitation") && id !== "") return { name, token: id };
  return { name: "missing" };
}

function settings(id: string): Route {
  const section = id === "" ? "profile" : SECTIONS.find((known) => known === id);
  return section ? { name: "settings", section } : { name: "missing" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a lone percent sign, typed by hand
  }
}

export const boardHref = "#/";
export const forgotHref = "#/forgot";
export const cartHref = (id: string): string => `#/carts/${encodeURIComponent(id)}`;
export const outboxHref = (id?: string): string => (id ? `#/outbox/${encodeURIComponent(id)}` : "#/outbox");
export const settingsHref = (section: Section): string => `#/settings/${section}`;

export const route = signal<Route>({ name: "board" });

/** Goes somewhere else without keeping the present address in the history: a used link is of no use. */
export function replaceRoute(href: string): void {
  history.replaceState(null, "", href);
  route.value = parseRoute(href);
}

export function followHash(): void {
  const read = () => {
    route.value = parseRoute(location.hash);
  };
  addEventListener("hashchange", read);
  read();
}
