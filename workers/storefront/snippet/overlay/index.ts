/** `cartwake-offer.js`: what the snippet loads when there is something to draw, or a browser to subscribe. */
import type { ExtraSlot } from "../load.ts";
import type { Drawing, Extra, Offer, PushOptions, ScriptData } from "../types.ts";
import { button, h, openDialog } from "./dialog.ts";
import { optIn, type PushBrowser } from "./push.ts";
import { subscribe } from "./subscribe.ts";

let isOpen = false;

/** Only of the shop's own pages, or safely fetched; the policy of the page has the last word. */
function picture(address: string | null): HTMLElement | null {
  const url = address ? new URL(address, location.href) : null;
  if (!url || (url.protocol !== "https:" && url.origin !== location.origin)) return null;
  const image = h("img", { src: url.href, alt: "", width: "72", height: "72", decoding: "async" });
  image.addEventListener("error", () => image.removeAttribute("src"));
  return h("div", { class: "pic" }, image);
}

async function copy(code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(code.textContent ?? "");
    return true;
  } catch {
    getSelection()?.selectAllChildren(code);
    return document.execCommand("copy");
  }
}

function couponOf({ coupon, locale }: Offer): Node[] {
  if (!coupon) return [];
  const code = h("code", {}, coupon.code);
  const heard = h("span", { class: "hear", role: "status" });
  const press = button("copy", coupon.copy, async () => {
    if (!(await copy(code))) return;
    press.textContent = heard.textContent = coupon.copied;
  });
  const at = new Date(coupon.expiresAt);
  const when = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(at);
  const until = h("p", { class: "until" }, `${coupon.validUntil} `, h("time", { datetime: coupon.expiresAt }, when));
  return [h("div", { class: "code" }, code, press), until, heard];
}

function offer(data: ScriptData, given: Offer, { shown, accepted, dismissed }: Drawing): () => void {
  if (isOpen) throw new Error("something is on the screen already");
  const words = { headline: given.headline, text: given.text, locale: given.locale, close: given.dismiss };
  const fill = (body: HTMLElement) => {
    const image = picture(given.imageUrl);
    const text = h("p", { id: "text" }, given.text);
    body.append(image ? h("div", { class: "what" }, image, text) : text, ...couponOf(given));
    body.append(
      h("div", { class: "do" }, button("yes", given.button, accepted), button("no", given.dismiss, dismissed)),
    );
  };
  const { dialog, close } = openDialog(data, words, fill, dismissed);
  isOpen = true;
  const watcher = new IntersectionObserver(
    (entries) => {
      if (document.hidden || !entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      shown();
    },
    { threshold: 0.5 },
  );
  watcher.observe(dialog);
  return () => {
    watcher.disconnect();
    isOpen = false;
    close();
  };
}

function ask(data: ScriptData, { text = "", yes = "OK", no = "✕" }: PushOptions): Promise<boolean | null> {
  if (isOpen) return Promise.resolve(null);
  return new Promise((resolve) => {
    const answer = (granted: boolean) => {
      isOpen = false;
      close();
      resolve(granted);
    };
    const refuse = () => answer(false);
    const words = { headline: text, text: "", locale: document.documentElement.lang, close: no };
    const { close } = openDialog(
      data,
      words,
      (body) =>
        body.append(
          h(
            "div",
            { class: "do" },
            button("yes", yes, () => answer(true)),
            button("no", no, refuse),
          ),
        ),
      refuse,
    );
    isOpen = true;
  });
}

const browserOf = (data: ScriptData): PushBrowser => ({
  isSupported: () => "PushManager" in window && "Notification" in window && "serviceWorker" in navigator,
  permission: () => Notification.permission,
  request: () => Notification.requestPermission(),
  ask: (options) => ask(data, options),
  subscribe: (publicKey) => subscribe(data.sw ?? "/cartwake-sw.js", publicKey),
});

const createExtra = (data: ScriptData): Extra => ({
  offer: (given, drawing) => offer(data, given, drawing),
  push: (options, via) => optIn(options, via, browserOf(data)),
});

const slot = (window as { cartwake?: ExtraSlot }).cartwake;
if (slot) slot.extra = createExtra;
