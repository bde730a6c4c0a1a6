/**
 * The only place where actor names are built. A store id comes from a credential, never from a body, and is the first
 * part of every name: tenants cannot meet.
 */
import type { Cart } from "./cart/cart.ts";
import type { Keyring } from "./keyring/keyring.ts";
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
}

export const cartName = (storeId: string, cartId: string): string => `${storeId}/${cartId}`;
export const roomName = (storeId: string, room: string): string => `${storeId}/${room}`;

/** The parts of an actor's own name. */
export function parseName(name: string): { storeId: string; key: string } {
  const slash = name.indexOf("/");
  return slash < 0 ? { storeId: name, key: "" } : { storeId: name.slice(0, slash), key: name.slice(slash + 1) };
}

export const cartStub = (env: Actors, storeId: string, cartId: string): DurableObjectStub<Cart> =>
  env.CART.getByName(cartName(storeId, cartId));

export const shopperStub = (env: Actors, storeId: string, shopperId: string): DurableObjectStub<Shopper> =>
  env.SHOPPER.getByName(`${storeId}/${shopperId}`);

export const storeStub = (env: Actors, storeId: string): DurableObjectStub<Store> => env.STORE.getByName(storeId);

/** The room that carries a store's live topics. */
export const liveRoom = (env: Actors, storeId: string): DurableObjectStub<Room> =>
  env.ROOM.getByName(roomName(storeId, "live"));

/**
 * Rooms where sockets wait that have not said who they are. They belong to no store (`~` cannot start a store id) and
 * relay what the store's own room says once the socket is authenticated.
 */
const LOBBIES = 16;
export const lobbyRoom = (env: Actors, hash: number): DurableObjectStub<Room> =>
  env.ROOM.getByName(`~/lobby-${hash % LOBBIES}`);
export const roomByName = (env: Actors, name: string): DurableObjectStub<Room> => env.ROOM.getByName(name);

export const keyringStub = (env: Actors): DurableObjectStub<Keyring> => env.KEYRING.getByName("keyring");
