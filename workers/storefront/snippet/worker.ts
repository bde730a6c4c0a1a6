/**
 * `cartwake-sw.js`: shows push messages. A service worker must come from the shop's own origin: the shop serves a file of one
 * line, `importScripts("https://…/cartwake-sw.js")`, and names it with `data-sw`.
 */

export type {};

interface Message {
  title?: unknown;
  body?: unknown;
  url?: unknown;
  imageUrl?: unknown;
}

interface Waiting {
  waitUntil(work: Promise<unknown>): void;
}
interface PushReceived extends Waiting {
  data: { json(): unknown; text(): string } | null;
}
interface NotificationClicked extends Waiting {
  notification: { close(): void; data?: { url?: string } };
}
interface Scope {
  location: { href: string };
  registration: { showNotification(title: string, options: object): Promise<void> };
  clients: { openWindow(url: string): Promise<unknown> };
  addEventListener(type: "push", heard: (event: PushReceived) => void): void;
  addEventListener(type: "notificationclick", heard: (event: NotificationClicked) => void): void;
}

const worker = globalThis as unknown as Scope;
const text = (value: unknown, max: number): string => (typeof value === "string" ? value.slice(0, max) : "");

function messageOf(data: PushReceived["data"]): Message {
  try {
    return (data?.json() ?? {}) as Message;
  } catch {
    return { body: data?.text() };
  }
}

function webUrl(value: unknown): string | undefined {
  try {
    const url = new URL(String(value), worker.location.href);
    return value && /^https?:$/.test(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

// A browser takes the permission away from a site that is woken and shows nothing: there is always something to show.
worker.addEventListener("push", (event) => {
  const { title, body, url, imageUrl } = messageOf(event.data);
  event.waitUntil(
    worker.registration.showNotification(text(title, 200) || new URL(worker.location.href).hostname, {
      body: text(body, 1_000),
      icon: webUrl(imageUrl),
      tag: "cartwake", // the newest word takes the place of an earlier one
      data: { url: webUrl(url) },
    }),
  );
});

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = event.notification.data?.url ?? new URL("/", worker.location.href).href;
  event.waitUntil(worker.clients.openWindow(url));
});
