/**
 * The live socket of a store: connects, subscribes, keeps itself alive and comes back. It owns one WebSocket at a time and knows
 * nothing of what the news mean. Everything outside (sockets, tokens, chance) comes through `SocketDeps`.
 */
import type { TopicNews } from "../../../../shared/views.ts";
import { afterClose, backoffMs, parseFrame, parseNews } from "./frames.ts";

export type SocketState = "connecting" | "online" | "offline";

export interface SocketDeps {
  open(protocols: string[]): WebSocket;
  /** A usable access token, or `null` when signed out. */
  token(): Promise<string | null>;
  /** Gets a new token; `false` when the session is over. */
  refresh(): Promise<boolean>;
  random(): number;
  onState(state: SocketState): void;
  /** Subscribed again: whatever happened in between is only in the API. */
  onReady(): void;
  onNews(news: TopicNews): void;
}

export const TOPICS = ["carts", "metrics", "deliveries", "system"] as const;
export const HEARTBEAT_MS = 30_000;
/** Two heartbeats unanswered: the line is dead even if no close was seen. */
export const SILENCE_MS = 2 * HEARTBEAT_MS + 15_000;

export class LiveSocket {
  readonly #deps: SocketDeps;
  #socket: WebSocket | null = null;
  #attempt = 0;
  #stopped = true;
  /** Which attempt to connect is the latest; one that waited for a token while another began gives way. */
  #turn = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: SocketDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#attempt = 0;
    void this.#connect(false);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#drop();
    this.#deps.onState("offline");
  }

  /** The network is back or the page is looked at again: do not sit out a long wait. */
  hurry(): void {
    if (this.#stopped || this.#retry === undefined) return;
    this.#attempt = 0;
    clearTimeout(this.#retry);
    void this.#connect(false);
  }

  async #connect(refreshFirst: boolean): Promise<void> {
    const turn = ++this.#turn;
    this.#retry = undefined;
    this.#deps.onState("connecting");
    let token: string | null;
    try {
      const live = !refreshFirst || (await this.#deps.refresh());
      token = live ? await this.#deps.token() : null;
    } catch {
      if (turn === this.#turn) this.#later(refreshFirst); // the server cannot be reached; the session may well be good
      return;
    }
    if (this.#stopped || turn !== this.#turn) return;
    if (token === null) return this.stop();
    const socket = this.#deps.open([`cartwake.bearer.${token}`]);
    this.#socket = socket;
    this.#listen();
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = (event) => this.#closed(socket, event.code);
  }

  #receive(socket: WebSocket, data: unknown): void {
    if (socket !== this.#socket) return;
    this.#listen();
    const frame = parseFrame(data);
    if (frame?.type === "authenticated") this.#subscribe(socket);
    if (frame?.type !== "notification") return;
    const news = parseNews(frame.payload);
    if (news) this.#deps.onNews(news);
  }

  #subscribe(socket: WebSocket): void {
    this.#attempt = 0;
    TOPICS.forEach((topic, index) => {
      socket.send(JSON.stringify({ type: "subscribe", payload: { topic }, id: String(index + 1) }));
    });
    clearInterval(this.#heartbeat);
    // These exact bytes are what the server answers without waking up.
    this.#heartbeat = setInterval(() => socket.send('{"type":"heartbeat","payload":{}}'), HEARTBEAT_MS);
    this.#deps.onState("online");
    this.#deps.onReady();
  }

  #closed(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#drop();
    const next = afterClose(code);
    if (next === "stop") this.stop();
    else this.#later(next === "refresh");
  }

  #later(refreshFirst: boolean): void {
    if (this.#stopped) return;
    this.#deps.onState("offline");
    this.#retry = setTimeout(() => void this.#connect(refreshFirst), backoffMs(this.#attempt++, this.#deps.random()));
  }

  /** Any frame proves the line; from here on silence is suspicious again. */
  #listen(): void {
    const socket = this.#socket;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      if (socket) this.#closed(socket, 1006);
    }, SILENCE_MS);
  }

  #drop(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
