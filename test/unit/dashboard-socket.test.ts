import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { afterClose, backoffMs, parseFrame, parseNews } from "../../workers/dashboard/app/live/frames.ts";
import { HEARTBEAT_MS, LiveSocket, SILENCE_MS, type SocketState } from "../../workers/dashboard/app/live/socket.ts";

describe("frames", () => {
  it("that are no frames are ignored", () => {
    for (const data of ["", "null", "[]", "{", '{"type":5}', new ArrayBuffer(2)]) expect(parseFrame(data)).toBeNull();
    expect(parseFrame('{"type":"authenticated"}')).toEqual({ type: "authenticated", payload: null });
  });

  it("of unknown topics, or without their list, are no news", () => {
    for (const payload of [
      null,
      "x",
      {},
      { topic: "weather" },
      { topic: "carts" },
      { topic: "metrics", metrics: null },
    ]) {
      expect(parseNews(payload)).toBeNull();
    }
    expect(parseNews({ topic: "carts", carts: [] })).toEqual({ topic: "carts", carts: [] });
  });
});

describe("waits", () => {
  it("double up to half a minute and are jittered down to nothing", () => {
    expect([0, 1, 2, 10, 2_000].map((attempt) => backoffMs(attempt, 1))).toEqual([500, 1_000, 2_000, 30_000, 30_000]);
    expect(backoffMs(5, 0)).toBe(0);
  });

  it("after a close depend on its code", () => {
    expect([4401, 4403, 1012, 1006].map(afterClose)).toEqual(["refresh", "stop", "retry", "retry"]);
  });
});

class FakeSocket {
  static all: FakeSocket[] = [];
  sent: string[] = [];
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  closed = false;
  readonly protocols: string[];
  constructor(protocols: string[]) {
    this.protocols = protocols;
    FakeSocket.all.push(this);
  }
  send(data: string) {
    this.sent.push(data);
  }
  close() {
    this.closed = true;
  }
  say(type: string, payload: unknown = {}) {
    this.onmessage?.({ data: JSON.stringify({ type, payload }) });
  }
}

function setup(overrides: { refresh?: () => Promise<boolean>; token?: () => Promise<string | null> } = {}) {
  FakeSocket.all = [];
  const states: SocketState[] = [];
  const calls = { ready: 0, news: [] as unknown[], refreshed: 0 };
  const live = new LiveSocket({
    open: (protocols) => new FakeSocket(protocols) as unknown as WebSocket,
    token: overrides.token ?? (async () => `t${calls.refreshed}`),
    refresh:
      overrides.refresh ??
      (async () => {
        calls.refreshed++;
        return true;
      }),
    random: () => 1,
    onState: (state) => states.push(state),
    onReady: () => calls.ready++,
    onNews: (news) => calls.news.push(news),
  });
  return { live, states, calls, last: () => FakeSocket.all.at(-1)! };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("the live socket", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("carries the token as a subprotocol and subscribes once authenticated", async () => {
    const { live, calls, last, states } = setup();
    live.start();
    await settle();
    expect(last().protocols).toEqual(["cartwake.bearer.t0"]);
    expect(last().sent).toEqual([]);
    last().say("authenticated");
    expect(last().sent.map((frame) => JSON.parse(frame).payload.topic)).toEqual([
      "carts",
      "metrics",
      "deliveries",
      "system",
    ]);
    expect(states.at(-1)).toBe("online");
    last().say("notification", { topic: "system", message: "hello" });
    expect(calls.news).toEqual([{ topic: "system", message: "hello" }]);
  });

  it("comes back after a restart and says that news were missed", async () => {
    const { live, calls, last, states } = setup();
    live.start();
    await settle();
    last().say("authenticated");
    last().onclose?.({ code: 1012 });
    expect(states.at(-1)).toBe("offline");
    await vi.advanceTimersByTimeAsync(500);
    last().say("authenticated");
    expect(FakeSocket.all).toHaveLength(2);
    expect(calls.ready).toBe(2);
    expect(calls.refreshed).toBe(0);
  });

  it("gets a new token before it comes back from 4401", async () => {
    const { live, last } = setup();
    live.start();
    await settle();
    last().onclose?.({ code: 4401 });
    await vi.advanceTimersByTimeAsync(500);
    expect(last().protocols).toEqual(["cartwake.bearer.t1"]);
  });

  it("stops when the session is over", async () => {
    const { live, last } = setup({ refresh: async () => false });
    live.start();
    await settle();
    last().onclose?.({ code: 4401 });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("keeps trying while the server cannot be reached for a token", async () => {
    let reachable = false;
    const token = async () => {
      if (!reachable) throw new Error("offline");
      return "t";
    };
    const { live } = setup({ token });
    live.start();
    await vi.advanceTimersByTimeAsync(1_600);
    expect(FakeSocket.all).toHaveLength(0);
    reachable = true;
    await vi.advanceTimersByTimeAsync(4_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("beats twice a minute and drops a line that stays silent", async () => {
    const { live, last, states } = setup();
    live.start();
    await settle();
    const first = last();
    first.say("authenticated");
    await vi.advanceTimersByTimeAsync(HEARTBEAT_MS);
    expect(first.sent.at(-1)).toBe('{"type":"heartbeat","payload":{}}');
    first.say("heartbeat");
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
    expect(first.closed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(first.closed).toBe(true);
    expect(states.at(-1)).toBe("offline");
  });

  it("opens one socket when it is stopped and started while a token is on its way", async () => {
    const { live } = setup();
    live.start();
    live.stop();
    live.start();
    await settle();
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("cuts a long wait short when the network is back, and is quiet once stopped", async () => {
    const { live, last } = setup();
    live.start();
    await settle();
    last().onclose?.({ code: 1006 });
    live.hurry();
    await settle();
    expect(FakeSocket.all).toHaveLength(2);
    live.stop();
    live.hurry();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(last().closed).toBe(true);
  });
});
