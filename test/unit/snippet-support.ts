/** A page without a browser: storage, clock, network and beacons that a test holds in its hand. */
import { type ClientDeps, createClient } from "../../workers/storefront/snippet/client.ts";
import { createIdentity } from "../../workers/storefront/snippet/identity.ts";
import { createQueue } from "../../workers/storefront/snippet/queue.ts";
import { safeStore } from "../../workers/storefront/snippet/storage.ts";
import { createTransport } from "../../workers/storefront/snippet/transport.ts";
import type { Clock, EventsReply, OutgoingEvent } from "../../workers/storefront/snippet/types.ts";

export class FakeStorage {
  [key: string]: unknown;
  static broken = false;
  getItem(key: string): string | null {
    return Object.hasOwn(this, key) ? String(this[key]) : null;
  }
  setItem(key: string, value: string): void {
    if (FakeStorage.broken) throw new Error("QuotaExceededError");
    this[key] = value;
  }
  removeItem(key: string): void {
    delete this[key];
  }
}

export const storeOver = (storage: FakeStorage) => safeStore(() => storage as unknown as Storage);

/** Timers run in order of their moment, only when the test moves time. */
export class FakeClock implements Clock {
  time = Date.parse("2026-11-21T10:00:00.000Z");
  chance = 0.5;
  #timers = new Map<number, { at: number; run: () => void }>();
  #next = 1;
  now = () => this.time;
  random = () => this.chance;
  later = (run: () => void, ms: number) => {
    this.#timers.set(this.#next, { at: this.time + ms, run });
    return this.#next++;
  };
  cancel = (handle: unknown) => {
    this.#timers.delete(handle as number);
  };
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settled();
      const due = [...this.#timers].filter(([, t]) => t.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].run();
    }
    this.time = end;
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

export type Answer = (events: OutgoingEvent[]) => Response | Promise<Response>;

export const accepted: Answer = (events) =>
  reply(202, { accepted: events.length, duplicates: 0, rejected: [], offers: [] });

export const reply = (status: number, body: EventsReply | object, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers });

export interface Sent {
  at: number;
  sentAt: string;
  events: OutgoingEvent[];
  init: RequestInit;
}

/** One tab on one device. Two pages over the same `local` storage are two tabs. */
export function openPage(
  options: { local?: FakeStorage; session?: FakeStorage; clock?: FakeClock; gpc?: boolean } = {},
) {
  const clock = options.clock ?? new FakeClock();
  const local = options.local ?? new FakeStorage();
  const session = options.session ?? new FakeStorage();
  const store = storeOver(local);
  const identity = createIdentity(store, storeOver(session), clock);
  const queue = createQueue(store, identity.tabId(), clock);
  const page = {
    clock,
    local,
    session,
    store,
    identity,
    queue,
    answer: accepted,
    sent: [] as Sent[],
    beacons: [] as string[],
    beaconTaken: true,
    replies: [] as EventsReply[],
    gpc: options.gpc ?? false,
    /** The events of every request, in order. */
    types: () => page.sent.flatMap((request) => request.events.map((event) => event.type)),
  };
  const transport = createTransport({
    url: "https://cartwake.test/v1/events?key=cw_pk_test",
    queue,
    clock,
    async fetch(_url, init) {
      const { sentAt, events } = JSON.parse(String(init.body));
      page.sent.push({ at: clock.time, sentAt, events, init });
      return page.answer(events);
    },
    beacon(_url, body) {
      page.beacons.push(body);
      return page.beaconTaken;
    },
    onReply: (r) => void page.replies.push(r),
  });
  const deps: ClientDeps = {
    identity,
    queue,
    transport,
    clock,
    store,
    context: () => ({
      url: "https://shop.test/",
      referrer: "",
      locale: "de-DE",
      timezone: "Europe/Berlin",
      userAgent: "test",
    }),
    globalPrivacyControl: () => page.gpc,
  };
  const client = createClient(deps);
  return Object.assign(page, {
    transport,
    client,
    cartwake: (command: string, ...args: unknown[]) => client.run(command, args),
  });
}

export const mug = { productId: "p1", name: "Mug", price: "12.30", currency: "EUR", quantity: 1 };
