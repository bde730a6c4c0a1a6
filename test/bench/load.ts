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
  const counts = { requests: 0, events: 0, allEvents: 0, allRequests: 0 };
  const { seconds, latencies } = await closedLoop({
    url,
    clients,
    measureFrom,
    next: () => {
      const beacon = next();
      const headers = { "content-type": "text/plain", "x-cart": beacon?.cart ?? "" };
      return beacon && { method: "POST", headers, body: beacon.body, events: beacon.events };
    },
    check: ({ events }, { status, body }, measured) => {
      const accepted = status === 202 ? (JSON.parse(body) as { accepted: number }).accepted : 0;
      if (accepted !== events) throw new Error(`a beacon of ${events} events got ${status} ${body.slice(0, 300)}`);
      counts.allEvents += events;
      counts.allRequests += 1;
      if (!measured) return;
      counts.requests += 1;
      counts.events += events;
    },
  });
  return { ...counts, seconds, latencies };
}

/** A request's method, headers and body; a GET's body is empty. */
export interface Call {
  method: string;
  headers: Record<string, string>;
  body: string;
}

export interface Reply {
  status: number;
  body: string;
}

export interface LoopOptions<C extends Call> {
  url: string;
  clients: number;
  /** `null` ends it; a promise lets the client pause. */
  next: () => C | null | Promise<C | null>;
  /** Throws at a reply that is not what it should be. */
  check: (call: C, reply: Reply, measured: boolean) => void;
  measureFrom: number;
}

/** The latencies that were measured, in ms, sorted. */
export async function closedLoop<C extends Call>(
  options: LoopOptions<C>,
): Promise<{ seconds: number; latencies: number[] }> {
  const { url, clients, next, check, measureFrom } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const target = new URL(url);
  const latencies: number[] = [];
  const started = performance.now();
  let ended = started;
  const client = async (): Promise<void> => {
    for (let call = await next(); call !== null; call = await next()) {
      const sent = performance.now();
      const reply = await exchange(target, agent, call);
      ended = performance.now();
      check(call, reply, ended >= measureFrom);
      if (ended >= measureFrom) latencies.push(ended - sent);
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    agent.destroy();
  }
  return {
    seconds: (ended - Math.max(started, measureFrom)) / 1000,
    latencies: latencies.toSorted((a, b) => a - b),
  };
}

function exchange(url: URL, agent: Agent, { method, headers: given, body }: Call): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = body === "" ? given : { ...given, "content-length": Buffer.byteLength(body) };
    const call = request(url, { method, agent, headers }, (response) => {
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
