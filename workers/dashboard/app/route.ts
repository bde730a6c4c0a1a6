/** Where the reader is. The hash, because the page is one static file and the server knows no other path under `/app/`. */
import { signal } from "@preact/signals";

export type Route =
  | { name: "board" }
  | { name: "cart"; id: string }
  | { name: "outbox"; id: string | null }
  | { name: "missing" };

export function parseRoute(hash: string): Route {
  const [name = "", id = "", ...rest] = hash.replace(/^#\/?/, "").split("/").map(decode);
  if (rest.length > 0) return { name: "missing" };
  if (name === "" && id === "") return { name: "board" };
  if (name === "carts" && id !== "") return { name: "cart", id };
  if (name === "outbox") return { name: "outbox", id: id === "" ? null : id };
  return { name: "missing" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a lone percent sign, typed by hand
  }
}

export const boardHref = "#/";
export const cartHref = (id: string): string => `#/carts/${encodeURIComponent(id)}`;
export const outboxHref = (id?: string): string => (id ? `#/outbox/${encodeURIComponent(id)}` : "#/outbox");

export const route = signal<Route>({ name: "board" });

export function followHash(): void {
  const read = () => {
    route.value = parseRoute(location.hash);
  };
  addEventListener("hashchange", read);
  read();
}
