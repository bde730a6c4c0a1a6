import type { PushOptions, PushState, PushVia } from "../types.ts";

const KEY = "cartwake.push";
const REFUSED = "no";

/** The browser's side of it. */
export interface PushBrowser {
  isSupported(): boolean;
  permission(): NotificationPermission;
  request(): Promise<NotificationPermission>;
  /** `null` while something else is on the screen. */
  ask(options: PushOptions): Promise<boolean | null>;
  subscribe(publicKey: string): Promise<PushSubscriptionJSON>;
}

/**
 * `cartwake("push")` in a click, where the snippet has asked the browser already, or `cartwake("push", { ask: true, text, yes, no })`
 * at any time. Who said no, here or to the browser, is not asked again; a click of theirs on the shop's own button still counts.
 */
export async function optIn(options: PushOptions, via: PushVia, browser: PushBrowser): Promise<PushState> {
  const { store } = via;
  if (!browser.isSupported()) return "unsupported";
  const known = store.get(KEY);
  const mayAsk = options.ask && browser.permission() === "default";
  if (mayAsk && known === REFUSED) return "denied";
  const key = browser.permission() === "denied" ? null : await via.publicKey();
  if (mayAsk && key) {
    const yes = await browser.ask(options);
    if (yes === false) store.set(KEY, REFUSED);
    if (yes) await browser.request();
  }
  const permission = browser.permission();
  if (permission === "denied") {
    store.set(KEY, REFUSED);
    return "denied";
  }
  if (!key) return "unavailable";
  if (permission !== "granted") return "dismissed";
  const subscription = await browser.subscribe(key);
  const told = `${via.visitorId()} ${subscription.endpoint}`;
  if (told !== known) {
    via.record("push_subscribed", { subscription });
    via.consent(options.text);
    store.set(KEY, told);
  }
  return "subscribed";
}
