/** The API with the user's token, and the merchant's reads of it. */
import type { CartListItem, CartView, DeliveryView, RealtimeView, TimelineView } from "../../../../shared/views.ts";
import { Problem, type Sending, send, sendForFile } from "./http.ts";
import { freshToken, refresh } from "./session.ts";

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** With a good token; a 401 gets one refresh and one more try. */
async function authorized<T>(work: (token: string | null) => Promise<T>): Promise<T> {
  try {
    return await work(await freshToken());
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401 || !(await refresh())) throw error;
    return work(await freshToken());
  }
}

type Method = NonNullable<Sending["method"]>;

export const get = <T>(path: string) => authorized((token) => send<T>(path, { token }));
export const call = <T>(method: Method, path: string, body?: unknown, ifMatch?: number) =>
  authorized((token) => send<T>(path, { method, body, token, ifMatch }));
/** The file as it is. Without a type its kind is found by what is in it. */
export const upload = <T>(path: string, file: Blob, type = "application/octet-stream") =>
  authorized((token) => send<T>(path, { method: "POST", file: { content: file, type }, token }));
export const getFile = (path: string) => authorized((token) => sendForFile(path, token));

const page = (path: string, limit: number, cursor?: string) =>
  `${path}?limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`;
export const one = (path: string, id: string): string => `${path}/${encodeURIComponent(id)}`;

export const getRealtime = () => get<RealtimeView>("/v1/analytics/realtime");
export const getCarts = (cursor?: string) => get<Page<CartListItem>>(page("/v1/carts", 100, cursor));
export const getCart = (id: string) => get<CartView>(one("/v1/carts", id));
export const getTimeline = (id: string) => get<TimelineView>(`${one("/v1/carts", id)}/timeline`);
export const getDeliveries = (cursor?: string) => get<Page<DeliveryView>>(page("/v1/deliveries", 50, cursor));
export const getDelivery = (id: string) => get<DeliveryView>(one("/v1/deliveries", id));

/** Messages go out for a day, whatever the order signal is. */
export const overrideSignal = (storeId: string) =>
  call("POST", `${one("/v1/stores", storeId)}/order-signal`, { action: "override" });

/** The store's publishable key as far as the server tells it; `null` when it does not. */
export async function getKeyHint(): Promise<string | null> {
  const keys = await get<{ items: { key?: string | null; hint?: string | null }[] }>("/v1/api-keys");
  return keys.items.map((item) => item.key ?? item.hint ?? "").find((key) => key.startsWith("cw_pk_")) ?? null;
}
