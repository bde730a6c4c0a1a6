/**
 * A thread that calls one route with one token as fast as it is answered, so that who measures beside it is not kept
 * waiting by its own process. Told to stop by any message; answers how many calls got which status.
 */
import { parentPort, workerData } from "node:worker_threads";
import { closedLoop } from "./load.ts";

export interface Flood {
  url: string;
  clients: number;
  headers: Record<string, string>;
}

const { url, clients, headers } = workerData as Flood;
const statuses: Record<number, number> = {};
let over = false;
parentPort?.once("message", () => {
  over = true;
});
await closedLoop({
  url,
  clients,
  measureFrom: 0,
  next: () => (over ? null : { method: "GET", headers, body: "" }),
  check: (_, { status }) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
  },
});
parentPort?.postMessage(statuses);
