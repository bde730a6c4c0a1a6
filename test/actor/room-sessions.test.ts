/** What becomes of open sockets when the tokens that opened them are voided. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { HEARTBEAT } from "../../objects/room/frames.ts";
import { keyringStub, limiterName, limiterStub, roomByName, roomName } from "../../objects/stubs.ts";
import { ACCESS_TTL_S } from "../../shared/auth/tokens.ts";
import { MINUTE_MS, SECOND_MS } from "../../shared/time.ts";
import { env, eventually, newStore, setClock, T0, unique } from "./support.ts";

/** Ahead of the real clock: alarms fire when a test says so. */
beforeEach(() => setClock(T0));
afterEach(() => {
  vi.useRealTimers();
});

const UNTIL = T0 + ACCESS_TTL_S * SECOND_MS;

interface Owner {
  userId: string;
  storeId: string;
  live: string;
}

async function newOwner(): Promise<Owner> {
  const { id } = await newStore();
  return { userId: unique("usr"), storeId: id, live: roomName(id, "live") };
}

const tokenOf = ({ userId, storeId }: Owner, sid: string): Promise<string> =>
  keyringStub(env).sign(userId, { email: "owner@example.com", storeId, role: "store_owner", sid });

/** The client's end of a socket, as far as it heard. */
async function enter(room: string, owner: Owner, sid: string, by: "protocol" | "frame" = "protocol") {
  const token = await tokenOf(owner, sid);
  const headers = {
    upgrade: "websocket",
    ...(by === "protocol" ? { "sec-websocket-protocol": `cartwake.bearer.${token}` } : {}),
  };
  const { webSocket } = await roomByName(env, room).fetch(new Request("https://cartwake.example/ws", { headers }));
  const heard = { types: [] as string[], closed: null as number | null };
  webSocket!.addEventListener("message", ({ data }) => heard.types.push(JSON.parse(String(data)).type));
  webSocket!.addEventListener("close", ({ code }) => {
    heard.closed = code;
  });
  webSocket!.accept();
  const say = (type: string, payload: object) => webSocket!.send(JSON.stringify({ type, payload }));
  if (by === "frame") say("authenticate", { token });
  await eventually(() => expect(heard.closed ?? heard.types.find((type) => type === "authenticated")).toBeTruthy());
  return { heard, say, ping: () => webSocket!.send(HEARTBEAT) };
}

const limiter = ({ userId }: Owner) => env.LIMITER.getByName(limiterName(userId));

async function told(owner: Owner): Promise<void> {
  expect(await runDurableObjectAlarm(limiter(owner))).toBe(true);
}

it("a session that ends closes its sockets, in the store's room and in lobbies, and no others", async () => {
  const owner = await newOwner();
  const lobby = `~/${unique("lobby")}`;
  const [mine, waiting, other] = await Promise.all([
    enter(owner.live, owner, "fam_1"),
    enter(lobby, owner, "fam_1", "frame"),
    enter(owner.live, owner, "fam_2"),
  ]);
  await limiterStub(env, owner.userId).revoke("fam_1", UNTIL);
  await told(owner);
  await eventually(() => expect([mine.heard.closed, waiting.heard.closed]).toEqual([4401, 4401]));
  other.ping();
  await eventually(() => expect(other.heard.types).toContain("heartbeat"));
  expect(other.heard.closed).toBeNull();
});

it("log out everywhere closes all sockets, also of a room and a limiter that slept", async () => {
  const owner = await newOwner();
  const one = await enter(owner.live, owner, "fam_1");
  const two = await enter(owner.live, owner, "fam_2");
  await evictDurableObject(env.ROOM.getByName(owner.live), { webSockets: "hibernate" });
  await evictDurableObject(limiter(owner));
  await limiterStub(env, owner.userId).revokeAll(Date.now(), UNTIL);
  await evictDurableObject(limiter(owner));
  await told(owner);
  await eventually(() => expect([one.heard.closed, two.heard.closed]).toEqual([4401, 4401]));
});

it("another user's sockets stay open", async () => {
  const owner = await newOwner();
  const mate = { ...owner, userId: unique("usr") };
  const [mine, theirs] = await Promise.all([enter(owner.live, owner, "fam_1"), enter(owner.live, mate, "fam_2")]);
  await limiterStub(env, owner.userId).revokeAll(Date.now(), UNTIL);
  await told(owner);
  await eventually(() => expect(mine.heard.closed).toBe(4401));
  expect(theirs.heard.closed).toBeNull();
});

it.each(["protocol", "frame"] as const)("a voided token opens no socket (by %s)", async (by) => {
  const owner = await newOwner();
  await limiterStub(env, owner.userId).revoke("fam_1", UNTIL);
  const late = await enter(by === "frame" ? `~/${unique("lobby")}` : owner.live, owner, "fam_1", by);
  await eventually(() => expect(late.heard.closed).toBe(4401));
  expect(late.heard.types).not.toContain("authenticated");
});

it("a room that could not be told is told again", async () => {
  const owner = await newOwner();
  const { heard } = await enter(owner.live, owner, "fam_1");
  const restore = await runInDurableObject(env.ROOM.getByName(owner.live), (room) => {
    room.revoked = () => {
      throw new Error("out of reach");
    };
    return () => Reflect.deleteProperty(room, "revoked");
  });
  await limiterStub(env, owner.userId).revoke("fam_1", UNTIL);
  await told(owner);
  expect(heard.closed).toBeNull();
  await runInDurableObject(env.ROOM.getByName(owner.live), () => restore());
  setClock(T0 + 5 * SECOND_MS);
  await told(owner);
  await eventually(() => expect(heard.closed).toBe(4401));
});

it("a limiter forgets the rooms when the last token has expired", async () => {
  const owner = await newOwner();
  await enter(owner.live, owner, "fam_1");
  setClock(UNTIL + 15 * MINUTE_MS);
  await told(owner);
  const tables = await runInDurableObject(limiter(owner), (_, { storage }) =>
    storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'watchers'").toArray(),
  );
  expect(tables).toEqual([]);
});
