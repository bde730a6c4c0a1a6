/**
 * The only place where actor names are built. A store id comes from a credential, never from a body, and is the first
 * part of every name: tenants cannot meet.
 */
import { hashOf } from "../shared/ids.ts";
import type { Breaker } from "./breaker/breaker.ts";
import type { Cart } from "./cart/cart.ts";
import type { Keyring } from "./keyring/keyring.ts";
import type { Limiter } from "./limiter/limiter.ts";
import type { Meter } from "./meter/meter.ts";
import type { Room } from "./room/room.ts";
import type { Shopper } from "./shopper/shopper.ts";
import type { Store } from "./store/store.ts";

/** The actor bindings of this Worker. */
export interface Actors {
  CART: DurableObjectNamespace<Cart>;
  SHOPPER: DurableObjectNamespace<Shopper>;
  STORE: DurableObjectNamespace<Store>;
  ROOM: DurableObjectNamespace<Room>;
  KEYRING: DurableObjectNamespace<Keyring>;
  LIMITER: DurableObjectNamespace<Limiter>;
  BREAKER: DurableObjectNamespace<Breaker>;
  METER: DurableObjectNamespace<Meter>;
}

export const cartName = (storeId: string, cartId: string): string => `${storeId}/${cartId}`;
export const roomName = (storeId: string, room: string): string => `${storeId}/${room}`;

/** The parts of an actor's own name. */
export function parseName(name: string): { storeId: string; key: string } {
  const slash = name.indexOf("/");
  return slash < 0 ? { storeId: name, key: "" } : { storeId: name.slice(0, slash), key: name.slice(slash + 1) };
}

/**
 * An actor as its callers see it: its public methods, each a promise of plain data. The platform's own stub type says
 * the same with types so deep that the compiler gives up on recursive data (a campaign's conditions).
 */
export type Client<T> = Pick<DurableObjectStub, "fetch"> & {
  [K in keyof T as K extends "fetch" | "alarm" | `webSocket${string}` ? never : K]: T[K] extends (
    ...args: infer A
  ) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

const client = <T extends Rpc.DurableObjectBranded>(namespace: DurableObjectNamespace<T>, name: string): Client<T> =>
  namespace.getByName(name) as unknown as Client<T>;

export const cartStub = (env: Actors, storeId: string, cartId: string): Client<Cart> =>
  client(env.CART, cartName(storeId, cartId));

export const shopperStub = (env: Actors, storeId: string, shopperId: string): Client<Shopper> =>
  client(env.SHOPPER, `${storeId}/${shopperId}`);

export const storeStub = (env: Actors, storeId: string): Client<Store> => client(env.STORE, storeId);

/** The room that carries a store's live topics. */
export const liveRoom = (env: Actors, storeId: string): Client<Room> => client(env.ROOM, roomName(storeId, "live"));

/**
 * Rooms where sockets wait that have not said who they are. They belong to no store (`~` cannot start a store id) and
 * relay what the store's own room says once the socket is authenticated.
 */
const LOBBIES = 16;
export const lobbyRoom = (env: Actors, hash: number): Client<Room> => client(env.ROOM, `~/lobby-${hash % LOBBIES}`);
export const roomByName = (env: Actors, name: string): Client<Room> => client(env.ROOM, name);

export const keyringStub = (env: Actors): Client<Keyring> => client(env.KEYRING, "keyring");

/** Ids are names as they are. Addresses and accounts are personal data: only their hash names an actor. */
export const limiterName = (subject: string): string =>
  `limiter/${/^\w{1,64}$/.test(subject) ? subject : `~${hashOf(subject)}`}`;

/** Who is limited: a user's or key's id, or a text that tells what it is, such as `address 203.0.113.7`. */
export const limiterStub = (env: Actors, subject: string): Client<Limiter> => client(env.LIMITER, limiterName(subject));
/** The circuit breaker of a store's calls to a provider; `~` is for providers that all stores share, such as `~/ai`. */
export const breakerStub = (env: Actors, storeId: string, provider: string): Client<Breaker> =>
  client(env.BREAKER, `${storeId}/${provider}`);

export const meterStub = (env: Actors): Client<Meter> => client(env.METER, "meter");
