/** What the page knows now, as signals: carts, metrics and the connection. The API fills it, the socket keeps it moving. */
import { batch, computed, signal } from "@preact/signals";
import type { CartListItem, RealtimeView, TopicNews } from "../../../../shared/views.ts";
import { getCarts, getRealtime } from "../api/client.ts";
import { Problem } from "../api/http.ts";
import { freshToken, refresh } from "../api/session.ts";
import { applyCarts, applyList, applyMetrics, type CartMap, pruneCarts, toColumns } from "./apply.ts";
import { LiveSocket, type SocketState } from "./socket.ts";

const EMPTY: CartMap = new Map();
/** More than anyone reads; see `pruneCarts`. */
const MOST_CARTS = 1_000;
/** A busy shop sends many frames a second; the page redraws at most ten times. */
const REDRAW_MS = 100;

export const carts = signal<CartMap>(EMPTY);
export const columns = computed(() => toColumns(carts.value));
export const olderCarts = signal<string | null>(null);
export const metrics = signal<RealtimeView | null>(null);
export const connection = signal<SocketState>("offline");
export const systemMessage = signal<string | null>(null);
export const loaded = signal(false);
export const loadProblem = signal<Problem | null>(null);

/** `reconnected`: news were missed, read again whatever you show. */
export type Happening = TopicNews | { topic: "reconnected" };
const listeners = new Set<(happening: Happening) => void>();

/** Tells of everything the socket brings; returns how to stop. */
export function onHappening(listener: (happening: Happening) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const tell = (happening: Happening) => {
  for (const listener of listeners) listener(happening);
};

let waiting: CartListItem[] = [];
let redraw: ReturnType<typeof setTimeout> | undefined;

function takeNews(news: TopicNews): void {
  if (news.topic === "carts") {
    waiting.push(...news.carts);
    redraw ??= setTimeout(drawWaiting, REDRAW_MS);
  }
  if (news.topic === "metrics") metrics.value = applyMetrics(metrics.value, news.metrics);
  if (news.topic === "system") systemMessage.value = news.message;
  tell(news);
}

function drawWaiting(): void {
  redraw = undefined;
  carts.value = pruneCarts(applyCarts(carts.value, waiting), MOST_CARTS);
  waiting = [];
}

/** Which load is the latest; an answer that comes after a newer question is dropped. */
let load = 0;

export async function loadBoard(): Promise<void> {
  const mine = ++load;
  try {
    const [list, realtime] = await Promise.all([getCarts(), getRealtime()]);
    if (mine !== load) return;
    batch(() => {
      carts.value = applyList(carts.value, list.items, { complete: list.nextCursor === null, now: Date.now() });
      olderCarts.value = list.nextCursor;
      metrics.value = applyMetrics(metrics.value, realtime);
      loadProblem.value = null;
      loaded.value = true;
    });
  } catch (error) {
    if (mine === load) loadProblem.value = asProblem(error);
  }
}

export async function loadOlderCarts(): Promise<void> {
  const cursor = olderCarts.value;
  if (cursor === null) return;
  try {
    const list = await getCarts(cursor);
    carts.value = applyList(carts.value, list.items, { complete: false, now: Date.now() });
    olderCarts.value = list.nextCursor;
  } catch (error) {
    loadProblem.value = asProblem(error);
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem({
    status: 0,
    code: "UNEXPECTED",
    title: "Something went wrong on this page",
    detail: String(error),
  });
}

const socket = new LiveSocket({
  open: (protocols) => new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`, protocols),
  token: freshToken,
  refresh,
  random: Math.random,
  onState: (state) => {
    connection.value = state;
  },
  onReady: () => {
    void loadBoard();
    tell({ topic: "reconnected" });
  },
  onNews: takeNews,
});

const hurry = () => {
  if (!document.hidden) socket.hurry();
};

export function goLive(): () => void {
  void loadBoard();
  socket.start();
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  return () => {
    removeEventListener("online", hurry);
    document.removeEventListener("visibilitychange", hurry);
    socket.stop();
    clearTimeout(redraw);
    redraw = undefined;
    waiting = [];
    load++;
    batch(() => {
      carts.value = EMPTY;
      metrics.value = null;
      olderCarts.value = null;
      loaded.value = false;
      loadProblem.value = null;
      systemMessage.value = null;
    });
  };
}
