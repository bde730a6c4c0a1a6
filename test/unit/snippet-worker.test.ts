/** The service worker: what it shows, and where a click leads. */
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

type Handler = (event: unknown) => void;
const handlers = new Map<string, Handler>();
const shown: { title: string; options: { body: string; icon?: string; tag: string; data: { url?: string } } }[] = [];
const opened: string[] = [];

beforeAll(async () => {
  vi.stubGlobal("location", { href: "https://shop.example/cartwake-sw.js" });
  vi.stubGlobal("addEventListener", (type: string, handler: Handler) => handlers.set(type, handler));
  vi.stubGlobal("registration", {
    showNotification: async (title: string, options: never) => void shown.push({ title, options }),
  });
  vi.stubGlobal("clients", { openWindow: async (url: string) => void opened.push(url) });
  await import("../../workers/storefront/snippet/worker.ts");
});
beforeEach(() => {
  shown.length = opened.length = 0;
});

async function push(text: string | null): Promise<(typeof shown)[0]> {
  let work: Promise<unknown> = Promise.resolve();
  const waitUntil = (promise: Promise<unknown>) => {
    work = promise;
  };
  const data = text === null ? null : { json: () => JSON.parse(text), text: () => text };
  handlers.get("push")?.({ data, waitUntil });
  await work;
  return shown[0]!;
}

describe("a push message", () => {
  it("is shown with its title, text and picture", async () => {
    const message = {
      title: "Your cart",
      body: "is waiting",
      url: "https://shop.example/r/x",
      imageUrl: "/icon.png",
    };
    expect(await push(JSON.stringify(message))).toEqual({
      title: "Your cart",
      options: {
        body: "is waiting",
        icon: "https://shop.example/icon.png",
        tag: "cartwake",
        data: { url: "https://shop.example/r/x" },
      },
    });
  });

  it.each([[null], ["plain words"], ["[]"], ["null"], ['{"title":7,"url":"javascript:alert(1)"}']])(
    "%s is shown too: a browser withdraws its permission from who shows nothing",
    async (text) => {
      const { title, options } = await push(text);
      expect([title, options.data.url]).toEqual(["shop.example", undefined]);
      expect(options.body).toBe(text === "plain words" ? text : "");
    },
  );

  it.each([
    ["https://shop.example/r/x", "https://shop.example/r/x"],
    [undefined, "https://shop.example/"],
  ])("that leads to %s opens %s in a click, and goes", async (url, expected) => {
    let closed = false;
    const close = () => {
      closed = true;
    };
    const notification = { close, data: { url } };
    handlers.get("notificationclick")?.({ notification, waitUntil: () => undefined });
    expect([opened, closed]).toEqual([[expected], true]);
  });
});
