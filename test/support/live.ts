/** A dashboard's socket: `GET /ws`, in both ways of saying who one is. */
import type { TopicNews } from "../../shared/views.ts";
import { until } from "./merchant.ts";

export interface Frame {
  type: string;
  payload: Record<string, unknown>;
  id?: string;
}

export class LiveSocket {
  readonly frames: Frame[] = [];
  closed: { code: number; reason: string } | null = null;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.frames.push(JSON.parse(String(data)) as Frame));
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = { code, reason };
    });
  }

  /** `protocol`: the token comes with the upgrade; else nothing is said yet. */
  static async open(url: string, { protocol }: { protocol?: string } = {}): Promise<LiveSocket> {
    const address = `${url.replace("http", "ws")}/ws`;
    const live = new LiveSocket(
      protocol ? new WebSocket(address, [`cartwake.bearer.${protocol}`]) : new WebSocket(address),
    );
    await live.frame("connection");
    return live;
  }

  /** An authenticated socket that listens to `topics`. */
  static async listen(url: string, token: string, by: "protocol" | "frame", topics: string[]): Promise<LiveSocket> {
    const live = await LiveSocket.open(url, by === "protocol" ? { protocol: token } : {});
    if (by === "frame") live.send("authenticate", { token });
    await live.frame("authenticated");
    for (const topic of topics) {
      live.send("subscribe", { topic });
      await live.frame("subscribed", (frame) => frame.payload.topic === topic);
    }
    return live;
  }

  send(type: string, payload: unknown, id?: string): void {
    this.sendText(JSON.stringify({ type, payload, ...(id ? { id } : {}) }));
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  frame(type: string, matches: (frame: Frame) => boolean = () => true): Promise<Frame> {
    return until(`frame ${type}`, async () => this.frames.find((f) => f.type === type && matches(f)), { every: 20 });
  }

  /** What a topic told so far. */
  news<T extends TopicNews["topic"]>(topic: T): Extract<TopicNews, { topic: T }>[] {
    return this.frames
      .filter((f) => f.type === "notification" && f.payload.topic === topic)
      .map((f) => f.payload as unknown as Extract<TopicNews, { topic: T }>);
  }

  /** The statuses of a cart in the order in which they were told, repetitions left out. */
  statuses(cartId: string): string[] {
    const told = this.news("carts").flatMap((n) => n.carts.filter((c) => c.id === cartId).map((c) => c.status));
    return told.filter((status, i) => status !== told[i - 1]);
  }

  close(): void {
    this.#socket.close();
  }
}
