/** Sockets as browsers hold them. */
import { expect } from "vitest";
import { keyringStub, roomByName } from "../../objects/stubs.ts";
import { env, eventually, unique } from "./support.ts";

interface Frame {
  type: string;
  id?: string;
  payload: Record<string, unknown>;
}

/** A browser's end of a socket. */
export class Member {
  frames: Frame[] = [];
  raw: string[] = [];
  closed: number | null = null;
  readonly #socket: WebSocket;

  constructor(response: Response) {
    if (!response.webSocket) throw new Error(`no socket: ${response.status}`);
    this.#socket = response.webSocket;
    this.#socket.addEventListener("message", ({ data }) => {
      this.raw.push(String(data));
      this.frames.push(JSON.parse(String(data)));
    });
    this.#socket.addEventListener("close", ({ code }) => {
      this.closed = code;
    });
    this.#socket.accept();
  }

  say(type: string, payload: unknown = {}, id?: string): void {
    this.#socket.send(JSON.stringify({ type, payload, ...(id ? { id } : {}) }));
  }
  send = (data: string | ArrayBuffer): void => this.#socket.send(data);
  close = (): void => this.#socket.close(1000, "bye");

  async hears(type: string): Promise<Frame> {
    await eventually(() => expect(this.frames.map((f) => f.type)).toContain(type));
    return this.frames.find((f) => f.type === type)!;
  }
  async closes(): Promise<number> {
    await eventually(() => expect(this.closed).not.toBeNull());
    return this.closed!;
  }
  async subscribes(topic: string): Promise<void> {
    this.say("subscribe", { topic });
    await this.hears("subscribed");
  }
  news = (): unknown[] => this.frames.filter((f) => f.type === "notification").map((f) => f.payload);
}

export const upgrade = (protocol?: string): Request =>
  new Request("https://cartwake.example/ws", {
    headers: { upgrade: "websocket", ...(protocol ? { "sec-websocket-protocol": protocol } : {}) },
  });

export const tokenFor = (storeId: string, role = "store_owner"): Promise<string> =>
  keyringStub(env).sign("usr_1", { email: "owner@example.com", storeId, role });

export const enter = async (room: string, protocol?: string): Promise<Member> =>
  new Member(await roomByName(env, room).fetch(upgrade(protocol)));

export async function lobbyMember(storeId: string, room = `~/${unique("lobby")}`): Promise<Member> {
  const member = await enter(room);
  member.say("authenticate", { token: await tokenFor(storeId) });
  await member.hears("authenticated");
  return member;
}
