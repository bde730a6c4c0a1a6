/**
 * The storefront snippet: `<script async src="https://…/cartwake.js" data-key="cw_pk_…"></script>`.
 * This file, pages.ts and load.ts are the only ones that touch the page; all else takes it through parameters.
 */
import { createClient } from "./client.ts";
import { createHesitation } from "./hesitation.ts";
import { createIdentity } from "./identity.ts";
import { type ExtraSlot, loadExtra } from "./load.ts";
import { announce, createOffers, OFFERS_KEY } from "./offers.ts";
import { watchActivity, watchExit, watchPages } from "./pages.ts";
import { createQueue } from "./queue.ts";
import { fetchCart, RESTORE_TIMEOUT_MS, takeToken } from "./restore.ts";
import { safeStore } from "./storage.ts";
import { createTransport } from "./transport.ts";
import type { Clock, PushOptions, PushState, PushVia } from "./types.ts";

type Cartwake = ((command: string, ...args: unknown[]) => unknown) &
  ExtraSlot & { q?: ArrayLike<unknown>[]; ready?: true };
type Page = Window & typeof globalThis & { cartwake?: Cartwake };

const HESITATE_S = 45;

/** A card's number is being typed; where the fields are the payment provider's own frame, all that can be known is that it has the focus. */
const isTypingCard = (): boolean =>
  document.activeElement?.matches("[autocomplete^='cc-'],iframe") === true && document.hasFocus();

function start(page: Page, script: HTMLScriptElement): void {
  const { origin } = new URL(script.src);
  const key = encodeURIComponent(script.dataset.key ?? "");
  const clock: Clock = {
    now: () => Date.now(),
    random: () => Math.random(),
    later: (run, ms) => setTimeout(run, ms),
    cancel: (handle) => clearTimeout(handle as number),
  };
  const store = safeStore(() => page.localStorage);
  const session = safeStore(() => page.sessionStorage);
  const identity = createIdentity(store, session, clock);
  const queue = createQueue(store, identity.tabId(), clock);
  const request = (url: string, init: RequestInit) => fetch(url, init);
  const transport = createTransport({
    url: `${origin}/v1/events?key=${key}`,
    queue,
    clock,
    fetch: request,
    beacon: (url, body) => navigator.sendBeacon?.(url, body) ?? false,
    onReply(reply) {
      client.emit("accepted", reply);
      if (script.dataset.offers !== "off") offers.receive(reply.offers);
    },
  });
  let referrer = document.referrer;
  let paying = false;
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
    onStep(step) {
      paying = step === "payment";
      hesitation.enter(step);
    },
    onOrder() {
      paying = false;
      hesitation.leave();
      offers.end();
    },
  });
  const extra = loadExtra(script, () => page.cartwake);
  const offers = createOffers({
    store,
    clock,
    record: client.record,
    announce: (offer) => announce("offer", offer),
    accepted(offer) {
      client.emit("offer", offer);
      announce("accept", offer);
    },
    isBusy: () => document.hidden || paying || isTypingCard(),
    draw: async (offer, drawing) => (await extra()).offer(offer, drawing),
  });
  const hesitation = createHesitation({
    clock,
    session,
    waitMs: (Number(script.dataset.hesitateSeconds) || HESITATE_S) * 1_000,
    isVisible: () => !document.hidden,
    cartId: identity.cartId,
    hesitating: () => client.record("exit_intent_detected", { kind: "hesitation" }),
  });
  const via: PushVia = {
    store,
    publicKey: async () => (await (await request(`${origin}/v1/push-key?key=${key}`, {})).json()).publicKey,
    visitorId: identity.visitorId,
    record: client.record,
    consent: (text) => client.run("consent", [{ push: "granted" }, { text }]),
  };
  async function push(options: PushOptions = {}): Promise<void> {
    let state: PushState = "failed";
    try {
      // At once, while the click still counts: browsers ask in answer to one only.
      if (!options.ask) await page.Notification?.requestPermission();
      state = await (await extra()).push(options, via);
    } catch {
      // Out of reach: the next call tries again.
    }
    client.emit("push", { state });
    announce("push", { state });
  }

  // Until a recovery link has said which cart this is, nothing may be recorded under another.
  let waiting: (() => void)[] | null = [];
  const stub = page.cartwake;
  const cartwake: Cartwake = (command, ...args) => {
    hesitation.active();
    if (command === "push") return push(args[0] as PushOptions | undefined);
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
  const pageViewed = watchExit(() => cartwake("track", "exit_intent_detected"));
  watchActivity(hesitation.active);
  watchPages((previous) => {
    referrer = previous;
    paying = false;
    hesitation.leave();
    pageViewed();
    cartwake("track", "page_viewed");
  });
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
  addEventListener("storage", (event) => event.key === OFFERS_KEY && offers.recheck());
  addEventListener("online", () => transport.online());
  transport.show();
}

try {
  const page: Page = window;
  const script = (document.currentScript ?? document.querySelector("script[data-key][src*='cartwake.js']")) as
    | HTMLScriptElement
    | undefined;
  if (script?.dataset.key && !page.cartwake?.ready) {
    const begin = () => start(page, script);
    // A page that is only being prerendered has no visitor yet.
    if ((document as { prerendering?: boolean }).prerendering)
      document.addEventListener("prerenderingchange", begin, { once: true });
    else begin();
  }
} catch {
  // Never the shop's problem.
}
