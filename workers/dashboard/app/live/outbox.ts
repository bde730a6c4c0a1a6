/** The newest deliveries, read from the API and kept current by the socket. */
import { signal } from "@preact/signals";
import type { DeliveryView } from "../../../../shared/views.ts";
import { getDeliveries } from "../api/client.ts";
import type { Problem } from "../api/http.ts";
import { applyDeliveries } from "./apply.ts";
import { asProblem, onHappening } from "./store.ts";

export const deliveries = signal<readonly DeliveryView[] | null>(null);
export const olderDeliveries = signal<string | null>(null);
export const outboxProblem = signal<Problem | null>(null);

/** News of a message that is not listed carry no address or subject: the list is read again, once for a burst. */
const REREAD_MS = 800;

let load = 0;

async function read(): Promise<void> {
  const mine = ++load;
  try {
    const page = await getDeliveries();
    if (mine !== load) return;
    deliveries.value = page.items;
    olderDeliveries.value = page.nextCursor;
    outboxProblem.value = null;
  } catch (error) {
    if (mine === load) outboxProblem.value = asProblem(error);
  }
}

export async function readOlder(): Promise<void> {
  const cursor = olderDeliveries.value;
  if (cursor === null) return;
  try {
    const page = await getDeliveries(cursor);
    const known = new Set(deliveries.value?.map((row) => row.id));
    deliveries.value = [...(deliveries.value ?? []), ...page.items.filter((row) => !known.has(row.id))];
    olderDeliveries.value = page.nextCursor;
  } catch (error) {
    outboxProblem.value = asProblem(error);
  }
}

/** Keeps the list while the outbox is on screen; returns how to stop. */
export function watchOutbox(): () => void {
  let reread: ReturnType<typeof setTimeout> | undefined;
  void read();
  const stop = onHappening((happening) => {
    if (happening.topic === "reconnected") void read();
    if (happening.topic !== "deliveries" || deliveries.value === null) return;
    const { rows, unknown } = applyDeliveries(deliveries.value, happening.deliveries);
    deliveries.value = rows;
    if (!unknown) return;
    reread ??= setTimeout(() => {
      reread = undefined;
      void read();
    }, REREAD_MS);
  });
  return () => {
    stop();
    clearTimeout(reread);
    load++;
  };
}

export function forgetOutbox(): void {
  deliveries.value = null;
  olderDeliveries.value = null;
  outboxProblem.value = null;
}
