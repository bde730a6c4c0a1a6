import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CLOSE, HEARTBEAT, MAX_FRAME_BYTES } from "../../objects/room/frames.ts";
import { roomByName, roomName } from "../../objects/stubs.ts";
import type { TopicNews } from "../../shared/views.ts";
import { enter, lobbyMember, Member, tokenFor, upgrade } from "./room-support.ts";
import { env, eventually, newStore, setClock, unique } from "./support.ts";

afterEach(() => {
  vi.useRealTimers();
});

const hello = (message = "hello"): TopicNews[] => [{ topic: "system", message }];
const live = (storeId: string) => roomByName(env, roomName(storeId, "live"));

describe("authentication", () => {
  it("a token in the first frame opens the door", async () => {
    const { id } = await newStore();
    const member = await enter(`~/${unique("lobby")}`);
    expect((await member.hears("connection")).payload).toMatchObject({ connectionId: expect.stringMatching(/^con_/) });
    member.say("authenticate", { token: await tokenFor(id) }, "f1");
    expect(await member.hears("authenticated")).toMatchObject({ id: "f1", payload: { storeId: id, userId: "usr_1" } });
  });

  it("a token in the subprotocol opens the store's own room", async () => {
    const { id } = await newStore();
    const member = await enter(roomName(id, "live"), `cartwake.bearer.${await tokenFor(id)}`);
    expect((await member.hears("authenticated")).payload).toMatchObject({ storeId: id });
  });

  it("the gateway brings a socket to its room", async () => {
    const { id } = await newStore();
    const worker = (exports as unknown as { default: { fetch(request: Request): Promise<Response> } }).default;
    const member = new Member(await worker.fetch(upgrade(`cartwake.bearer.${await tokenFor(id)}`)));
    await member.hears("authenticated");
    await member.subscribes("system");
    expect(await live(id).publish(hello())).toBe(1);
  });

  it.each([
    ["forged", async (id: string) => `${(await tokenFor(id)).slice(0, -6)}AAAAAA`],
    ["no token at all", async () => "x"],
    ["of a role that may not see carts, and", async (id: string) => tokenFor(id, "customer")],
    ["for a store that does not exist, and", async () => tokenFor("st_nobody")],
  ])("a token that is %s closes the socket", async (_, token) => {
    const { id } = await newStore();
    const member = await enter(`~/${unique("lobby")}`);
    member.say("authenticate", { token: await token(id) });
    expect([CLOSE.unauthenticated, CLOSE.forbidden]).toContain(await member.closes());
  });

  it("a bad token closes with 4401", async () => {
    const member = await enter(`~/${unique("lobby")}`);
    member.say("authenticate", { token: "nonsense" });
    expect(await member.closes()).toBe(4401);
    const other = await enter(roomName((await newStore()).id, "live"), "cartwake.bearer.nonsense");
    expect(await other.closes()).toBe(4401);
  });

  it("an expired token closes with 4401", async () => {
    const { id } = await newStore();
    setClock(Date.now() - 3_600_000);
    const token = await tokenFor(id);
    vi.useRealTimers();
    const member = await enter(`~/${unique("lobby")}`);
    member.say("authenticate", { token });
    expect(await member.closes()).toBe(4401);
  });

  it("nothing is said to a socket that did not say who it is", async () => {
    const { id } = await newStore();
    const member = await enter(`~/${unique("lobby")}`);
    member.say("subscribe", { topic: "system" });
    expect(await member.closes()).toBe(4401);
    expect(await live(id).publish(hello())).toBe(0);
  });

  it("who does not say so in time is shown the door, and only they", async () => {
    const { id } = await newStore();
    const room = `~/${unique("lobby")}`;
    const known = await lobbyMember(id, room);
    const silent = await enter(room);
    await silent.hears("connection");
    setClock(Date.now() + 11_000);
    await runDurableObjectAlarm(env.ROOM.getByName(room));
    expect(await silent.closes()).toBe(4401);
    expect(known.closed).toBeNull();
  });

  it("frames sent without waiting for an answer are taken in their order", async () => {
    const { id } = await newStore();
    const member = await enter(`~/${unique("lobby")}`);
    member.say("authenticate", { token: await tokenFor(id) });
    member.say("subscribe", { topic: "system" });
    member.say("subscribe", { topic: "carts" });
    await eventually(() => expect(member.frames.filter((f) => f.type === "subscribed")).toHaveLength(2));
    await live(id).publish(hello());
    await eventually(() => expect(member.news()).toHaveLength(1));
  });

  it("a store has as many sockets as it was given", async () => {
    const { id } = await newStore({ connectionLimit: 1 });
    const room = roomName(id, "live");
    const protocol = `cartwake.bearer.${await tokenFor(id)}`;
    const first = await enter(room, protocol);
    await first.hears("authenticated");
    const second = await enter(room, protocol);
    expect(await second.closes()).toBe(CLOSE.tooMany);
    expect(first.closed).toBeNull();
  });
});

describe("news", () => {
  it("reach who subscribed to their topic, and nobody else", async () => {
    const { id } = await newStore();
    const [listener, other] = [await lobbyMember(id), await lobbyMember(id)];
    await listener.subscribes("system");
    await other.subscribes("carts");
    await live(id).publish(hello());
    await eventually(() => expect(listener.news()).toEqual([{ topic: "system", message: "hello" }]));
    expect(other.news()).toEqual([]);
  });

  it("stop after unsubscribing, and with the socket", async () => {
    const { id } = await newStore();
    const member = await lobbyMember(id);
    await member.subscribes("system");
    member.say("unsubscribe", { topic: "system" }, "f2");
    expect(await member.hears("ack")).toMatchObject({ id: "f2" });
    expect(await live(id).publish(hello())).toBe(0);
    const gone = await lobbyMember(id);
    await gone.subscribes("system");
    gone.close();
    await eventually(async () => expect(await live(id).publish(hello())).toBe(0));
  });

  it("a subscription outlives hibernation", async () => {
    const { id } = await newStore();
    const room = roomName(id, "live");
    const member = await enter(room, `cartwake.bearer.${await tokenFor(id)}`);
    await member.subscribes("system");
    await evictDurableObject(env.ROOM.getByName(room), { webSockets: "hibernate" });
    expect(await live(id).publish(hello("after the sleep"))).toBe(1);
    await eventually(() => expect(member.news()).toEqual([{ topic: "system", message: "after the sleep" }]));
    member.say("unsubscribe", { topic: "system" });
    await member.hears("ack");
  });

  it("a lobby relays another room, also after both slept", async () => {
    const { id } = await newStore();
    const lobby = `~/${unique("lobby")}`;
    const member = await lobbyMember(id, lobby);
    await member.subscribes("system");
    await evictDurableObject(env.ROOM.getByName(lobby), { webSockets: "hibernate" });
    await evictDurableObject(env.ROOM.getByName(roomName(id, "live")));
    expect(await live(id).publish(hello())).toBe(1);
    await eventually(() => expect(member.news()).toHaveLength(1));
  });

  it("a lobby where nobody listens any more is asked no more", async () => {
    const { id } = await newStore();
    const member = await lobbyMember(id);
    await member.subscribes("system");
    member.say("unsubscribe", { topic: "system" });
    await member.hears("ack");
    await live(id).publish(hello());
    const relays = await runInDurableObject(env.ROOM.getByName(roomName(id, "live")), (_, { storage }) =>
      storage.sql.exec("SELECT * FROM relays").toArray(),
    );
    expect(relays).toEqual([]);
  });

  it("end when the token does", async () => {
    const { id } = await newStore();
    const member = await lobbyMember(id);
    await member.subscribes("system");
    setClock(Date.now() + 16 * 60_000);
    expect(await live(id).publish(hello())).toBe(0);
    expect(await member.closes()).toBe(4401);
  });

  it("what the store counts is on the board at once", async () => {
    const { id, store } = await newStore();
    const member = await lobbyMember(id);
    await member.subscribes("metrics");
    await store.countRejected(3);
    await eventually(() => expect(member.news()).toMatchObject([{ topic: "metrics" }]));
  });
});

describe("the board does not go silent", () => {
  const { ROOM } = env;
  afterEach(() => {
    env.ROOM = ROOM;
  });
  /** What one room answers is given here; all others are themselves. */
  const pretend = (name: string, calls: Record<string, (...args: never[]) => Promise<number>>): void => {
    const getByName = (asked: string) => (asked === name ? calls : ROOM.getByName(asked));
    env.ROOM = { getByName } as unknown as typeof ROOM;
  };

  it("when somebody subscribes while the store learns that nobody listened", async () => {
    const { id, store } = await newStore();
    const heard: TopicNews[] = [];
    pretend(roomName(id, "live"), {
      publish: async (news: TopicNews[]) => {
        heard.push(...news);
        if (heard.length === 1) await env.STORE.getByName(id).watched(); // a stub belongs to who made it
        return 0;
      },
    });
    await store.countRejected(1);
    await eventually(() => expect(heard).toHaveLength(1));
    await store.countRejected(1);
    await eventually(() => expect(heard).toHaveLength(2));
    await scheduler.wait(50);
    await store.countRejected(1); // this time nobody came
    await scheduler.wait(1_200);
    expect(heard).toHaveLength(2);
  });

  it("when a lobby registers again while it says that nobody listens", async () => {
    const { id } = await newStore();
    const lobby = `~/${unique("lobby")}`;
    const room = live(id);
    await room.relay(lobby);
    const asked: number[] = [];
    pretend(lobby, {
      relayed: async () => {
        if (asked.push(1) === 1) await live(id).relay(lobby);
        return 0;
      },
    });
    for (let i = 0; i < 3; i++) expect(await room.publish(hello())).toBe(0);
    expect(asked).toHaveLength(2); // kept once, then forgotten
  });
});

describe("law 9: tenants never meet", () => {
  it("another store's news never arrive, not even in a shared lobby", async () => {
    const [mine, other] = [await newStore(), await newStore()];
    const lobby = `~/${unique("lobby")}`;
    const [member, stranger] = [await lobbyMember(mine.id, lobby), await lobbyMember(other.id, lobby)];
    await member.subscribes("system");
    await stranger.subscribes("system");
    expect(await live(mine.id).publish(hello("mine"))).toBe(1);
    expect(await live(other.id).publish(hello("theirs"))).toBe(1);
    await eventually(() => expect(stranger.news()).toEqual([{ topic: "system", message: "theirs" }]));
    expect(member.news()).toEqual([{ topic: "system", message: "mine" }]);
  });

  it("a token of one store does not open the room of another", async () => {
    const [mine, other] = [await newStore(), await newStore()];
    const member = await enter(roomName(other.id, "live"), `cartwake.bearer.${await tokenFor(mine.id)}`);
    expect(await member.closes()).toBe(CLOSE.forbidden);
  });
});

describe("hostile frames", () => {
  it.each<[string, string | ArrayBuffer]>([
    ["no JSON", "hello"],
    ["too large", JSON.stringify({ type: "heartbeat", payload: { x: "x".repeat(MAX_FRAME_BYTES) } })],
    ["binary", new Uint8Array([1, 2, 3]).buffer],
  ])("a frame that is %s is answered with an error and closes with 4400", async (_, data) => {
    const member = await enter(`~/${unique("lobby")}`);
    member.send(data);
    expect((await member.hears("error")).payload).toMatchObject({ code: "VALIDATION_ERROR" });
    expect(await member.closes()).toBe(4400);
  });

  it("a frame of another kind is an error that names it, and ten too many close", async () => {
    const member = await enter(`~/${unique("lobby")}`);
    member.say("dance", {}, "f9");
    expect((await member.hears("error")).payload).toMatchObject({ id: "f9" });
    expect(member.closed).toBeNull();
    for (let i = 0; i < 10; i++) member.say("dance");
    expect(await member.closes()).toBe(4400);
  });

  it("more than sixty frames in ten seconds close with 4429, slower ones do not", async () => {
    const { id } = await newStore();
    const [steady, hasty] = [await lobbyMember(id), await lobbyMember(id)];
    const beats = (member: Member) => member.frames.filter((f) => f.type === "heartbeat").length;
    const beat = async (member: Member, n: number): Promise<void> => {
      const upTo = beats(member) + n;
      for (let i = 0; i < n; i++) member.say("heartbeat", { i });
      await eventually(() => expect(beats(member)).toBe(upTo));
    };
    await beat(steady, 25);
    await beat(steady, 25);
    setClock(Date.now() + 10_001);
    await beat(steady, 25);
    await beat(steady, 25);
    expect(steady.closed).toBeNull();
    await beat(hasty, 25);
    await beat(hasty, 25);
    for (let i = 0; i < 12; i++) hasty.say("heartbeat", { i });
    expect(await hasty.closes()).toBe(CLOSE.tooFast);
    expect(beats(hasty)).toBe(60);
  });

  it("the count of frames outlives hibernation", async () => {
    const { id } = await newStore();
    const room = roomName(id, "live");
    const member = await enter(room, `cartwake.bearer.${await tokenFor(id)}`);
    for (let i = 0; i < 61; i += 1) {
      if (i % 20 === 19) await evictDurableObject(env.ROOM.getByName(room), { webSockets: "hibernate" });
      member.say("heartbeat", {}, `f${i}`);
      if (i < 60) await eventually(() => expect(member.frames.some((f) => f.id === `f${i}`)).toBe(true));
    }
    expect(await member.closes()).toBe(4429);
  });

  it("frames that pile up behind a slow one close with 4429", async () => {
    const member = await enter(`~/${unique("lobby")}`);
    const { KEYRING } = env;
    env.KEYRING = { getByName: () => ({ jwks: () => new Promise(() => undefined) }) } as unknown as typeof KEYRING;
    try {
      member.say("authenticate", { token: "never looked at" });
      for (let i = 0; i < 32; i++) member.say("heartbeat", { i });
      expect(await member.closes()).toBe(4429);
    } finally {
      env.KEYRING = KEYRING;
    }
  });

  it("an unknown topic is refused", async () => {
    const { id } = await newStore();
    const member = await lobbyMember(id);
    member.say("subscribe", { topic: "everything" });
    expect((await member.hears("error")).payload).toMatchObject({ code: "VALIDATION_ERROR" });
  });

  it("no error tells how we are built", async () => {
    const member = await enter(`~/${unique("lobby")}`);
    member.send('{"type":"subscribe"');
    await member.closes();
    expect(member.raw.join()).not.toMatch(/\bat |\.ts|stack|zod/i);
  });

  it("a heartbeat is answered, as its exact text by the platform, else by the room", async () => {
    const { id } = await newStore();
    const member = await lobbyMember(id);
    member.send(HEARTBEAT);
    await eventually(() => expect(member.raw).toContain(HEARTBEAT));
    member.say("heartbeat", { n: 1 }, "f3");
    await eventually(() => expect(member.frames.some((f) => f.type === "heartbeat" && f.id === "f3")).toBe(true));
  });
});
