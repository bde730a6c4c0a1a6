/** The page: login, or the signed-in shell with the view that the address names. */
import { useEffect, useRef } from "preact/hooks";
import { sessionState } from "./api/session.ts";
import { forgetOutbox } from "./live/outbox.ts";
import { goLive } from "./live/store.ts";
import { boardHref, type Route, route } from "./route.ts";
import { BoardPage } from "./views/board-page.tsx";
import { CartPage } from "./views/cart-page.tsx";
import { LoginPage } from "./views/login-page.tsx";
import { OutboxPage } from "./views/outbox-page.tsx";
import { TopBar } from "./views/top-bar.tsx";

const TITLES: Record<Route["name"], string> = {
  board: "Live carts",
  cart: "Cart",
  outbox: "Outbox",
  missing: "Not found",
};

export function App() {
  const state = sessionState.value;
  useEffect(() => {
    if (state === "out") document.title = "Log in · Cartwake";
  }, [state]);
  if (state === "starting") return <p class="starting">Opening the dashboard…</p>;
  return state === "out" ? <LoginPage /> : <SignedIn />;
}

function SignedIn() {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const { name } = route.value;

  useEffect(() => {
    const stop = goLive();
    return () => {
      stop();
      forgetOutbox();
    };
  }, []);

  useEffect(() => {
    document.title = `${TITLES[name]} · Cartwake`;
    // A new view starts at its top, for eyes and for screen readers alike; the first one is where the browser put them.
    if (!first.current) {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [name]);

  return (
    <div class="shell" data-view={name}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <TopBar />
      <main ref={main} tabIndex={-1}>
        <View route={route.value} />
      </main>
    </div>
  );
}

function View({ route }: { route: Route }) {
  switch (route.name) {
    case "board":
      return <BoardPage />;
    case "cart":
      return <CartPage key={route.id} id={route.id} />;
    case "outbox":
      return <OutboxPage id={route.id} />;
    case "missing":
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
