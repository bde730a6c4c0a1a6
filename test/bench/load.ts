/** A closed loop of clients on keep-alive connections; every reply is checked. */
import { Agent, request } from "node:http";
import type { Beacon } from "./shoppers.ts";

export interface LoadOptions {
  url: string;
  clients: number;
  /** `null` ends it. */
  next: () => Beacon | null;
  /** Replies before this (a `performance.now()`) are the ramp: checked, not measured. */
  measureFrom?: number;
}

export interface LoadResult {
  requests: number;
  events: number;
  seconds: number;
  /** Milliseconds, sorted. */
  latencies: number[];
  /** Events acknowledged, the ramp's included. */
  allEvents: number;
  allRequests: number;
}

export async function runLoad({ url, clients, next, measureFrom = 0 }: LoadOptions): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const target = new URL(url);
  const latencies: number[] = [];
  const result: LoadResult = { requests: 0, events: 0, seconds: 0, latencies, allEvents: 0, allRequests: 0 };
  const started = performance.now();
  let ended = started;
  const client = async (): Promise<void> => {
    for (let beacon = next(); beacon !== null; beacon = next()) {
      const sent = performance.now();
      const { status, body } = await post(target, agent, beacon);
      ended = performance.now();
      const accepted = status === 202 ? (JSON.parse(body) as { accepted: number }).accepted : 0;
      if (accepted !== beacon.events)
        throw new Error(`a beacon of ${beacon.events} events got ${status} ${body.slice(0, 300)}`);
      result.allEvents += beacon.events;
      result.allRequests += 1;
      if (ended < measureFrom) continue;
      latencies.push(ended - sent);
      result.requests += 1;
      result.events += beacon.events;
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    agent.destroy();
  }
  result.seconds = (ended - Math.max(started, measureFrom)) / 1000;
  latencies.sort((a, b) => a - b);
  return result;
}

function post(url: URL, agent: Agent, { cart, body }: Beacon): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "text/plain", "content-length": Buffer.byteLength(body), "x-cart": cart };
    const call = request(url, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end(body);
  });
}

/** The value below which `share` of the sorted values lie. */
export const percentile = (sorted: number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? 0)) / 2;
}
