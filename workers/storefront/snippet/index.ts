/**
 * The storefront snippet: `<script async src="https://…/cartwake.js" data-key="cw_pk_…"></script>`.
 * This file is the only one that touches the page; all else takes it through parameters.
 */
import { createClient } from "./client.ts";
import { createIdentity } from "./identity.ts";
import { announce, announceOffers } from "./offers.ts";
import { watchExit, watchPages } from "./pages.ts";
import { createQueue } from "./queue.ts";
import { fetchCart, RESTORE_TIMEOUT_MS, takeToken } from "./restore.ts";
import { safeStore } from "./storage.ts";
import { createTransport } from "./transport.ts";
import type { Clock } from "./types.ts";

type Cartwake = ((command: string, ...args: unknown[]) => unknown) & { q?: ArrayLike<unknown>[]; ready?: true };
type Page = Window & typeof globalThis & { cartwake?: Cartwake };

function start(page: Page, origin: string, key: string): void {
  const clock: Clock = {
    now: () => Date.now(),
    random: () => Math.random(),
    later: (run, ms) => setTimeout(run, ms),
    cancel: (handle) => clearTimeout(handle as number),
  };
  const store = safeStore(() => page.localStorage);
  const identity = createIdentity(
    store,
    safeStore(() => page.sessionStorage),
    clock,
  );
  const queue = createQueue(store, identity.tabId(), clock);
  const request = (url: string, init: RequestInit) => fetch(url, init);
  const transport = createTransport({
    url: `${origin}/v1/events?key=${encodeURIComponent(key)}`,
    queue,
    clock,
    fetch: request,
    beacon: (url, body) => navigator.sendBeacon?.(url, body) ?? false,
    onReply(reply) {
      client.emit("accepted", reply);
      announceOffers(reply.offers);
    },
  });
  let referrer = document.referrer;
  const client = createClient({
    identity,
    queue,
    transport,
    clock,
    store,
    context: () => ({
      url: location.href,
      referrer,
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      userAgent: navigator.userAgent,
    }),
    globalPrivacyControl: () => (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true,
  });

  // Until a recovery link has said which cart this is, nothing may be recorded under another.
  let waiting: (() => void)[] | null = [];
  const stub = page.cartwake;
  const cartwake: Cartwake = (command, ...args) => {
    if (!waiting || command === "on" || (command === "cartId" && !args.length)) return client.run(command, args);
    waiting.push(() => client.run(command, args));
    return undefined;
  };
  cartwake.ready = true;
  page.cartwake = cartwake;
  for (const args of stub?.q ?? []) cartwake(...(Array.from(args) as [string]));

  function open(): void {
    const commands = waiting ?? [];
    waiting = null;
    for (const command of commands) command();
  }

  const { token, href } = takeToken(location.href);
  if (token) {
    history.replaceState(history.state, "", href);
    const timeout = clock.later(open, RESTORE_TIMEOUT_MS);
    fetchCart(request, origin, token)
      .then((cart) => cart && client.restore(cart) && announce("restore", cart))
      .catch(() => {})
      .then(() => {
        clock.cancel(timeout);
        open();
      });
  }
  watchPages((previous) => {
    referrer = previous;
    cartwake("track", "page_viewed");
  });
  watchExit(() => cartwake("track", "exit_intent_detected"));
  if (!token) open();

  addEventListener("pagehide", () => {
    open();
    transport.hide();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") return transport.hide();
    queue.adopt();
    transport.show();
  });
  addEventListener("online", () => transport.online());
  transport.show();
}

try {
  const page: Page = window;
  const script = (document.currentScript ?? document.querySelector("script[data-key][src*='cartwake.js']")) as
    | HTMLScriptElement
    | undefined;
  const key = script?.dataset.key;
  const begin = () => start(page, new URL(script!.src).origin, key!);
  if (key && !page.cartwake?.ready) {
    // A page that is only being prerendered has no visitor yet.
    if ((document as { prerendering?: boolean }).prerendering)
      document.addEventListener("prerenderingchange", begin, { once: true });
    else begin();
  }
} catch {
  // Never the shop's problem.
}
