/**
 * Room: where sockets live.
 *
 * Owns    its sockets (hibernating) and the rooms that relay it.
 * Timers  `auth`: closes sockets that did not say who they are in time.
 * RPC     fetch (the upgrade), publish, relay, relayed, revoked, countSockets.
 * Peers   Store (watched), Cart (prediction), Keyring (public keys), Limiter of each user (watch), other rooms (relay), Meter (how many
 *         sockets are open).
 *
 * A socket that brings its token in the subprotocol lives in its store's room `store/live`. One that authenticates
 * with its first frame was accepted before its store was known: it lives in a lobby, which relays the store's room.
 */
import { DurableObject } from "cloudflare:workers";
import { KeyCache } from "../../shared/auth/key-cache.ts";
import { type Principal, verifyAccessToken } from "../../shared/auth/tokens.ts";
import { newId } from "../../shared/ids.ts";
import { log } from "../../shared/log.ts";
import { isVoid, type TokenMark, type Voided } from "../../shared/policy/limits.ts";
import { HOUR_MS, SECOND_MS } from "../../shared/time.ts";
import { withTimeout } from "../../shared/timeout.ts";
import type { TopicNews } from "../../shared/views.ts";
import { migrate } from "../kit/migrate.ts";
import { close, Sockets, send } from "../kit/sockets.ts";
import { TIMERS_TABLE, Timers } from "../kit/timers.ts";
import {
  type Actors,
  cartStub,
  keyringStub,
  limiterName,
  limiterStub,
  liveRoom,
  meterStub,
  parseName,
  roomByName,
  storeStub,
} from "../stubs.ts";
import { CLOSE, type ClientFrame, errorFrame, HEARTBEAT, parseFrame, serverFrame, type Topic } from "./frames.ts";

const AUTH_MS = 10 * SECOND_MS;
const MAX_LOBBY_SOCKETS = 10_000;
const MAX_BAD_FRAMES = 10;
/** Frames a socket may send in each span of so long, and frames of it that may wait for the one before them. */
const FRAME_SPAN_MS = 10 * SECOND_MS;
const MAX_FRAMES = 60;
const MAX_WAITING = 32;
/** How long a cart is waited for. */
const PREDICT_MS = 5 * SECOND_MS;
/** Comings and goings within so long are told together. */
const TELL_MS = SECOND_MS;
/** The meter asks a room that was silent; one that does not answer for so long has no sockets. */
const TOLD_FOR_MS = HOUR_MS;

interface Member {
  v: 3;
  id: string;
  connectedAt: number;
  badFrames: number;
  /** Frames since then. */
  frames: { since: number; count: number };
  user: User | null;
  topics: Topic[];
}

/** `expiresAt` in seconds, as the token says it. */
interface User {
  id: string;
  storeId: string;
  expiresAt: number;
  token: TokenMark;
}

interface Lane {
  tail: Promise<void>;
  waiting: number;
  /** It was closed: what still waits is not looked at. */
  shut: boolean;
}

const MIGRATIONS = [`CREATE TABLE relays (room TEXT PRIMARY KEY) WITHOUT ROWID; ${TIMERS_TABLE}`] as const;

export class Room extends DurableObject<Actors> {
  readonly #name: string;
  readonly #storeId: string;
  readonly #sql: SqlStorage;
  readonly #timers: Timers;
  readonly #sockets: Sockets<Member>;
  /** Frames are taken in their order, although handling one may wait for other actors. */
  readonly #lanes = new WeakMap<WebSocket, Lane>();
  /** Counts registrations: a room where nobody listened may have been asked before its last one. */
  #registrations = 0;
  readonly #keys = new KeyCache();
  #telling = false;

  constructor(ctx: DurableObjectState, env: Actors) {
    super(ctx, env);
    this.#name = ctx.id.name ?? "";
    this.#storeId = parseName(this.#name).storeId;
    this.#sql = ctx.storage.sql;
    migrate(ctx.storage, MIGRATIONS);
    this.#timers = new Timers(ctx);
    this.#sockets = new Sockets(ctx, () => newMember(Date.now()), HEARTBEAT);
  }

  /** The upgrade, as the gateway forwards it. A token may come as the subprotocol `cartwake.bearer.<token>`. */
  override async fetch(request: Request): Promise<Response> {
    const protocol = bearerProtocol(request);
    const member = newMember(Date.now());
    const principal = protocol ? await this.#verify(protocol.slice("cartwake.bearer.".length)) : null;
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    this.#sockets.accept(server, member);
    this.#tellSoon();
    send(server, serverFrame("connection", { connectionId: member.id, message: "authenticate within 10 s" }));
    if (protocol && !principal) close(server, CLOSE.unauthenticated, "the token is not valid");
    else if (principal) await this.#welcome(server, member, principal);
    else if (this.#sockets.count > MAX_LOBBY_SOCKETS) close(server, CLOSE.tooMany, "too many connections");
    else this.#timers.setEarliest("auth", member.connectedAt + AUTH_MS);
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: protocol ? { "sec-websocket-protocol": protocol } : {},
    });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const lane = this.#lanes.get(socket) ?? { tail: Promise.resolve(), waiting: 0, shut: false };
    this.#lanes.set(socket, lane);
    if (lane.waiting >= MAX_WAITING) return this.#shut(socket, lane);
    lane.waiting += 1;
    const work = lane.tail
      .then(() => (lane.shut ? undefined : this.#receive(socket, message, lane)))
      .finally(() => {
        lane.waiting -= 1;
      });
    lane.tail = work.catch(() => undefined); // one broken frame does not block the next
    await work;
  }

  #shut(socket: WebSocket, lane: Lane): void {
    lane.shut = true;
    close(socket, CLOSE.tooFast, "too many frames");
  }

  /** One frame: counted, parsed or refused, then handled. */
  async #receive(socket: WebSocket, message: string | ArrayBuffer, lane: Lane): Promise<void> {
    const member = counted(this.#sockets.get(socket), Date.now());
    if (member.frames.count > MAX_FRAMES) return this.#shut(socket, lane);
    this.#sockets.set(socket, member);
    const parsed = parseFrame(message);
    if (!parsed.ok) {
      const badFrames = member.badFrames + 1;
      this.#sockets.set(socket, { ...member, badFrames });
      send(socket, errorFrame("VALIDATION_ERROR", parsed.message, parsed.id));
      if (parsed.fatal || badFrames > MAX_BAD_FRAMES) close(socket, CLOSE.badFrame, parsed.message);
      return;
    }
    try {
      await this.#handle(socket, member, parsed.frame);
    } catch (error) {
      log("error", "frame_failed", { actor: this.#name, frame: parsed.frame.type, error });
      send(socket, errorFrame("INTERNAL_ERROR", "the frame could not be handled", parsed.frame.id));
    }
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    close(socket, code === 1005 || code === 1006 ? 1000 : code, "");
    this.#tellSoon();
  }

  override webSocketError(socket: WebSocket): void {
    close(socket, 1011, "");
    this.#tellSoon();
  }

  /** News for those subscribed to their topics. Returns how many sockets and relays there are for any topic. */
  async publish(news: TopicNews[]): Promise<number> {
    const here = this.#deliver(this.#storeId, news);
    const relays = this.#sql.exec<{ room: string }>("SELECT room FROM relays LIMIT 64").toArray();
    const there = await Promise.all(relays.map(({ room }) => this.#relayTo(room, news)));
    return here + there.reduce((sum, n) => sum + n, 0);
  }

  /** Another room has sockets of this store and wants to hear what is published here. */
  relay(room: string): void {
    this.#registrations += 1;
    this.#sql.exec("INSERT INTO relays (room) VALUES (?) ON CONFLICT DO NOTHING", room);
  }

  /** What a store's room published, for the sockets of that store here. */
  relayed(storeId: string, news: TopicNews[]): number {
    return this.#deliver(storeId, news);
  }

  /** Tokens were voided: the sockets that they opened close. `limiter`: the name of their user's `Limiter`. */
  revoked(limiter: string, { ids, before }: Voided): void {
    const known = new Set(ids);
    for (const socket of this.#sockets.all()) {
      const member = this.#sockets.get(socket);
      if (!member.user || limiterName(member.user.id) !== limiter || !isVoid(member.user.token, known, before))
        continue;
      this.#endSession(socket, member);
    }
  }

  /** How many sockets are open here; tells the meter as well. */
  async countSockets(): Promise<number> {
    const count = this.#open();
    await meterStub(this.env).report(`room:${this.#name}`, {
      gauges: [["cartwake_sockets_open", {}, count]],
      expiresAt: Date.now() + TOLD_FOR_MS,
    });
    return count;
  }

  override async alarm(): Promise<void> {
    const now = Date.now();
    await this.#timers.run(now, () => {
      let next = Number.POSITIVE_INFINITY;
      for (const socket of this.#sockets.all()) {
        const member = this.#sockets.get(socket);
        if (member.user) continue;
        const deadline = member.connectedAt + AUTH_MS;
        if (deadline <= now) close(socket, CLOSE.unauthenticated, "not authenticated in time");
        else next = Math.min(next, deadline);
      }
      if (Number.isFinite(next)) this.#timers.set("auth", next);
    });
  }

  /** A socket that is closing is still in the platform's list. */
  #open(): number {
    return this.#sockets.all().filter((socket) => socket.readyState === WebSocket.OPEN).length;
  }

  /** Tells the meter soon, once for all that happens meanwhile. */
  #tellSoon(): void {
    if (this.#telling) return;
    this.#telling = true;
    const tell = async () => {
      await scheduler.wait(TELL_MS);
      this.#telling = false;
      await this.countSockets();
    };
    this.ctx.waitUntil(tell().catch((error) => log("warn", "sockets_uncounted", { actor: this.#name, error })));
  }

  async #relayTo(room: string, news: TopicNews[]): Promise<number> {
    const before = this.#registrations;
    try {
      const count = await roomByName(this.env, room).relayed(this.#storeId, news);
      if (count === 0 && before === this.#registrations) this.#sql.exec("DELETE FROM relays WHERE room = ?", room);
      return count;
    } catch (error) {
      log("warn", "relay_failed", { actor: this.#name, room, error });
      return 1;
    }
  }

  /** Sends each piece of news to its subscribers; returns how many sockets of the store listen to anything. */
  #deliver(storeId: string, news: TopicNews[]): number {
    const now = Date.now() / 1000;
    const frames = news.map((item) => ({ topic: item.topic, text: serverFrame("notification", item) }));
    let listening = 0;
    for (const socket of this.#sockets.all()) {
      const { user, topics } = this.#sockets.get(socket);
      if (user?.storeId !== storeId || topics.length === 0) continue;
      if (user.expiresAt < now) {
        close(socket, CLOSE.unauthenticated, "the token has expired");
        continue;
      }
      listening += 1;
      for (const { topic, text } of frames) if (topics.includes(topic)) send(socket, text);
    }
    return listening;
  }

  async #handle(socket: WebSocket, member: Member, frame: ClientFrame): Promise<void> {
    if (frame.type === "heartbeat") {
      send(socket, serverFrame("heartbeat", {}, frame.id));
      return;
    }
    if (frame.type === "authenticate") {
      const principal = await this.#verify(frame.payload.token);
      if (!principal) return close(socket, CLOSE.unauthenticated, "the token is not valid");
      return this.#welcome(socket, member, principal, frame.id);
    }
    if (!member.user) return close(socket, CLOSE.unauthenticated, "authenticate first");
    if (frame.type === "prediction_request") return this.#predict(socket, member.user, frame.payload.cartId, frame.id);
    const { topic } = frame.payload;
    const others = member.topics.filter((t) => t !== topic);
    const topics = frame.type === "subscribe" ? [...others, topic] : others;
    this.#sockets.set(socket, { ...member, topics });
    send(
      socket,
      serverFrame(frame.type === "subscribe" ? "subscribed" : "ack", { topic, id: frame.id ?? null }, frame.id),
    );
    if (frame.type === "subscribe") await this.#listen(member.user.storeId);
  }

  /** What a cart of the user's store is thought to end in. One that does not answer keeps no other frame waiting for long. */
  async #predict(socket: WebSocket, { storeId, expiresAt }: User, cartId: string, id?: string): Promise<void> {
    if (expiresAt < Date.now() / 1000) return close(socket, CLOSE.unauthenticated, "the token has expired");
    const unknown = errorFrame("NOT_FOUND", "no such cart", id);
    if (cartId.includes("/")) return void send(socket, unknown);
    try {
      const asked = cartStub(this.env, storeId, cartId).prediction();
      const predicted = await withTimeout(asked, PREDICT_MS, "the cart");
      send(socket, predicted.ok ? serverFrame("prediction", { cartId, ...predicted.value }, id) : unknown);
    } catch (error) {
      log("warn", "prediction_failed", { actor: this.#name, cart: cartId, error });
      send(socket, errorFrame("SERVICE_UNAVAILABLE", "the cart did not answer: try again", id));
    }
  }

  /** Somebody listens now: the store must tell, and its room relay to here. */
  async #listen(storeId: string): Promise<void> {
    if (this.#storeId !== storeId) await liveRoom(this.env, storeId).relay(this.#name);
    await storeStub(this.env, storeId).watched();
  }

  async #welcome(socket: WebSocket, member: Member, principal: Principal, id?: string): Promise<void> {
    const { storeId, userId, expiresAt, sessionId, issuedAt } = principal;
    if (this.#storeId !== "~" && this.#storeId !== storeId)
      return close(socket, CLOSE.forbidden, "another store's room");
    if (!principal.permissions.includes("carts:read")) return close(socket, CLOSE.forbidden, "carts:read is needed");
    const settings = await storeStub(this.env, storeId).settings();
    if (!settings.ok) return close(socket, CLOSE.forbidden, "no such store");
    const mates = this.#sockets.all().filter((s) => this.#sockets.get(s).user?.storeId === storeId).length;
    if (mates >= settings.value.connectionLimit)
      return close(socket, CLOSE.tooMany, "too many connections of this store");
    const token = { jti: principal.jti ?? "", sessionId, issuedAt };
    // Written before the limiter is asked: what is voided while it answers finds the socket.
    this.#sockets.set(socket, { ...member, user: { id: userId, storeId, expiresAt, token } });
    if (!(await this.#watched(userId, token, expiresAt))) return this.#endSession(socket, member);
    send(
      socket,
      serverFrame("authenticated", { userId, storeId, expiresAt: new Date(expiresAt * 1000).toISOString() }, id),
    );
  }

  /** Whether the token is good still; from here on its user's limiter tells this room when it is not. */
  async #watched(userId: string, token: TokenMark, expiresAt: number): Promise<boolean> {
    try {
      return await limiterStub(this.env, userId).watch(this.#name, token, expiresAt * SECOND_MS);
    } catch (error) {
      log("warn", "token_unchecked", { actor: this.#name, error });
      return false;
    }
  }

  /** The client may leave its end open and speak on: it is nobody's socket any more. */
  #endSession(socket: WebSocket, member: Member): void {
    this.#sockets.set(socket, { ...member, user: null, topics: [] });
    close(socket, CLOSE.unauthenticated, "the session has ended");
  }

  async #verify(token: string): Promise<Principal | null> {
    const keys = await this.#keys.forToken(token, () => keyringStub(this.env).jwks(), Date.now());
    return verifyAccessToken(token, keys);
  }
}

const newMember = (now: number): Member => ({
  v: 3,
  id: newId("con"),
  connectedAt: now,
  badFrames: 0,
  frames: { since: now, count: 0 },
  user: null,
  topics: [],
});

/** The member after one more frame. */
function counted(member: Member, now: number): Member {
  const { since, count } = member.frames;
  const frames = now - since < FRAME_SPAN_MS ? { since, count: count + 1 } : { since: now, count: 1 };
  return { ...member, frames };
}

const bearerProtocol = (request: Request): string | null =>
  request.headers
    .get("sec-websocket-protocol")
    ?.split(",")
    .map((p) => p.trim())
    .find((p) => p.startsWith("cartwake.bearer.")) ?? null;
