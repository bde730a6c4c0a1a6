/**
 * Calls `viewed` for the page that is loaded and for each one a single-page shop moves to.
 * A change of the fragment alone is a place on the page, not another page.
 */
export function watchPages(viewed: (previous: string) => void): void {
  let current = "";
  const look = () => {
    const here = location.href.split("#")[0]!;
    if (here === current) return;
    const previous = current || document.referrer;
    current = here;
    viewed(previous);
  };
  const pushState = history.pushState;
  history.pushState = function (...args) {
    pushState.apply(this, args);
    look();
  };
  addEventListener("popstate", look);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    current = "";
    look();
  });
  look();
}

/** Calls `leaving` when the pointer leaves through the top of the window, where the tabs and the address are; once a page load. */
export function watchExit(leaving: () => void): void {
  const out = (event: MouseEvent) => {
    if (event.relatedTarget || event.clientY > 0) return;
    document.removeEventListener("mouseout", out);
    leaving();
  };
  document.addEventListener("mouseout", out);
}
