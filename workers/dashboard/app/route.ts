/** Where the reader is. The hash, because the page is one static file and the server knows no other path under `/app/`. */
import { signal } from "@preact/signals";

export const SECTIONS = ["profile", "security", "members", "keys", "providers", "audit", "stores"] as const;
export type Section = (typeof SECTIONS)[number];

/** What a campaign's page shows. */
export const TABS = ["edit", "simulate", "results"] as const;
export type Tab = (typeof TABS)[number];

export type Route =
  | { name: "board" }
  | { name: "cart"; id: string }
  | { name: "outbox"; id: string | null }
  | { name: "campaigns" }
  /** `id`: `null` for one that is being made. */
  | { name: "campaign"; id: string | null; tab: Tab }
  | { name: "templates" }
  /** `from`: which of the gallery, or which channel, one that is being made begins with. */
  | { name: "template"; id: string | null; from: string }
  | { name: "coupons" }
  | { name: "models" }
  | { name: "model"; version: string }
  | { name: "settings"; section: Section }
  | { name: "forgot" }
  | { name: "reset"; token: string }
  | { name: "invitation"; token: string }
  | { name: "missing" };

export function parseRoute(hash: string): Route {
  const [name = "", id = "", ...rest] = hash.replace(/^#\/?/, "").split("/").map(decode);
  if (name === "campaigns") return campaigns(id, rest);
  if (name === "templates") return templates(id, rest);
  if (rest.length > 0) return { name: "missing" };
  if (name === "" && id === "") return { name: "board" };
  if (name === "carts" && id !== "") return { name: "cart", id };
  if (name === "coupons" && id === "") return { name: "coupons" };
  if (name === "outbox") return { name: "outbox", id: id === "" ? null : id };
  if (name === "models") return id === "" ? { name: "models" } : { name: "model", version: id };
  if (name === "settings") return settings(id);
  if (name === "forgot" && id === "") return { name: "forgot" };
  if ((name === "reset" || name === "invitation") && id !== "") return { name, token: id };
  return { name: "missing" };
}

function campaigns(id: string, [given = "edit", ...rest]: string[]): Route {
  const tab = TABS.find((known) => known === given);
  if (!tab || rest.length > 0) return { name: "missing" };
  if (id === "") return { name: "campaigns" };
  return { name: "campaign", id: id === "new" ? null : id, tab };
}

function templates(id: string, [from = "", ...rest]: string[]): Route {
  const made = id === "new";
  if (rest.length > 0 || (from !== "" && !made)) return { name: "missing" };
  if (id === "") return { name: "templates" };
  return { name: "template", id: made ? null : id, from };
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
export const campaignsHref = "#/campaigns";
export const campaignHref = (id: string | null, tab: Tab = "edit"): string =>
  `#/campaigns/${id === null ? "new" : encodeURIComponent(id)}${tab === "edit" ? "" : `/${tab}`}`;
export const templatesHref = "#/templates";
export const templateHref = (id: string): string => `#/templates/${encodeURIComponent(id)}`;
export const newTemplateHref = (from: string): string => `#/templates/new/${encodeURIComponent(from)}`;
export const couponsHref = "#/coupons";
export const modelsHref = "#/models";
export const modelHref = (version: string): string => `#/models/${encodeURIComponent(version)}`;
export const settingsHref = (section: Section): string => `#/settings/${section}`;

export const route = signal<Route>({ name: "board" });

let here = "";

/** Goes somewhere else without keeping the present address in the history: a used link is of no use. */
export function replaceRoute(href: string): void {
  history.replaceState(null, "", href);
  here = href;
  route.value = parseRoute(href);
}

/** Asked before the reader goes elsewhere; `false` keeps them here. One view at a time has unsaved work. */
export type Guard = (next: Route, href: string) => boolean;
let guard: Guard | null = null;

export function setGuard(next: Guard | null): void {
  guard = next;
}

export function followHash(): void {
  const read = () => {
    const next = parseRoute(location.hash);
    // The address has already changed: whoever is kept here gets the one of this page back.
    if (guard && location.hash !== here && !guard(next, location.hash))
      return history.pushState(null, "", here || "#/");
    here = location.hash;
    route.value = next;
  };
  addEventListener("hashchange", read);
  read();
}
