import { byId } from "./dom.ts";

export interface View {
  title: string;
  content: HTMLElement;
}

let render: (query: URLSearchParams) => View = () => {
  throw new Error("no routes yet");
};

/** Renders the present address, again if need be. */
export function show(): void {
  const { title, content } = render(new URLSearchParams(location.search));
  document.title = title;
  byId("main").replaceChildren(content);
}

/** Goes to an address within the shop. */
export function navigate(href: string): void {
  history.pushState(null, "", href);
  show();
  scrollTo(0, 0);
  byId("main").focus({ preventScroll: true });
}

function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = (event.target as Element).closest("a");
  if (
    !link ||
    link.target ||
    link.origin !== location.origin ||
    link.pathname !== import.meta.env.BASE_URL ||
    link.hash
  )
    return;
  event.preventDefault();
  navigate(link.href);
}

export function startRouter(routes: (query: URLSearchParams) => View): void {
  render = routes;
  addEventListener("popstate", show);
  document.addEventListener("click", follow);
  show();
}
